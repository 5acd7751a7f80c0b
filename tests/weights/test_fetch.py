from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dubtool.errors import OutputError, UsageError, WeightsError
from dubtool.weights import find
from dubtool.weights.fetch import fetch

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = "lip-clarity-model.pth"


@dataclass
class Server:
    """A web server that sends CONTENT; how well it behaves is up to the test."""

    url: str = ""
    ranges: bool = True
    status: int = 200
    send: int = len(CONTENT)
    content: bytes = CONTENT
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.asked.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and state.ranges else 0
            if state.status != 200 or (start and start >= len(state.content)):
                self.send_error(416 if state.status == 200 else state.status)
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.send])

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        state.url = f"http://127.0.0.1:{web.server_port}/{FILE}"
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        yield state
        web.shutdown()
        thread.join()


def test_a_file_is_fetched_verified_and_then_found(user_folder: Path, server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    path = fetch("hdtr", url=server.url, sha256=DIGEST.upper(), progress=lambda *step: seen.append(step))
    assert path == user_folder / FILE
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert find("hdtr") == path
    assert {file.name for file in user_folder.iterdir()} == {FILE, "registry.json"}


def test_a_file_that_is_here_is_not_fetched_again(user_folder: Path, server: Server) -> None:
    fetch("hdtr", url=server.url, sha256=DIGEST)
    fetch("hdtr", url=server.url, sha256=DIGEST)
    assert len(server.asked) == 1


@pytest.mark.parametrize("ranges", [True, False], ids=["server resumes", "server starts again"])
def test_a_broken_download_is_resumed(user_folder: Path, server: Server, ranges: bool) -> None:
    server.ranges, server.send = ranges, 300_000
    with pytest.raises(WeightsError, match=r"300000 of 1024000 bytes.*resume"):
        fetch("hdtr", url=server.url, sha256=DIGEST)
    assert not (user_folder / FILE).exists()
    server.send = len(CONTENT)
    seen: list[tuple[int, int | None]] = []
    path = fetch("hdtr", url=server.url, sha256=DIGEST, progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert server.asked == [None, "bytes=300000-"]


def test_a_complete_part_is_accepted(user_folder: Path, server: Server) -> None:
    (user_folder / f"{FILE}.part").write_bytes(CONTENT)
    assert fetch("hdtr", url=server.url, sha256=DIGEST).read_bytes() == CONTENT


def test_another_file_is_refused_and_deleted(user_folder: Path, server: Server) -> None:
    server.content = b"<html>quota exceeded</html>"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(WeightsError, match=f"{found}.*{DIGEST}"):
        fetch("hdtr", url=server.url, sha256=DIGEST)
    assert list(user_folder.iterdir()) == []


def test_an_error_of_the_server_is_one_line(user_folder: Path, server: Server) -> None:
    server.status = 404
    with pytest.raises(WeightsError, match="the server says 404"):
        fetch("hdtr", url=server.url, sha256=DIGEST)
    assert list(user_folder.iterdir()) == []


def test_offline_is_one_line(user_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    with pytest.raises(WeightsError, match="cannot be downloaded") as caught:
        fetch("hdtr", url=url, sha256=DIGEST)
    assert "\n" not in str(caught.value)


def test_without_a_digest_nothing_is_fetched(user_folder: Path, server: Server) -> None:
    with pytest.raises(WeightsError, match="could not be verified; give --sha256"):
        fetch("hdtr", url=server.url)
    assert server.asked == []


def test_without_an_address_the_authors_page_is_named(user_folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"https://github\.com/MRzzm/DINet"):
        fetch("dinet")


def test_bad_options_are_usage_errors(user_folder: Path) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        fetch("hdtr", url="https://example.org/x", sha256="abc")
    with pytest.raises(UsageError, match="contradicts"):
        fetch("yunet", sha256=DIGEST)
    with pytest.raises(UsageError, match="http"):
        fetch("hdtr", url="file:///etc/passwd", sha256=DIGEST)


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch("hdtr", tmp_path / "file" / "folder", url=server.url, sha256=DIGEST)
