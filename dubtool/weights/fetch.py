"""Downloads of weights: resumed, verified, and only then given their name."""

from __future__ import annotations

import http
import http.client
import logging
import string
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dubtool.errors import OutputError, UsageError, WeightsError
from dubtool.weights.locate import user_folder
from dubtool.weights.registry import Entry, add_local, lookup
from dubtool.weights.verify import sha256_of

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
_TIMEOUT_SECONDS = 30

Progress = Callable[[int, int | None], None]


def fetch(
    name: str,
    folder: Path | None = None,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download weights `name` into `folder` (the user's by default) and return the verified file.

    Args:
        name: a name of the registry.
        folder: where to; created if need be.
        url: address of the file, for entries whose address is not known or has moved.
        sha256: expected digest, for entries whose digest is not known; it is then remembered in the folder.
        progress: called with bytes so far and bytes in all (None if the server does not say).

    Raises:
        UsageError: nothing is called so, or `sha256` is none or contradicts the registry's.
        WeightsError: no address or digest is known, the server cannot be reached, or the digest is another.
        OutputError: the file cannot be written.
    """
    folder = folder or user_folder()
    entry = _completed(lookup(name, folder), url, sha256)
    target = folder / entry.file
    if target.is_file() and sha256_of(target) == entry.sha256:
        log.debug("%s is here already", target)
    else:
        part = folder / f"{entry.file}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _download(entry, part, progress)
            _accept(part, target, entry)
        except OSError as error:
            raise OutputError(f"{part}: cannot be written ({error.strerror or error})") from error
    if sha256 is not None:
        add_local(folder, replace(entry, size=target.stat().st_size))
    return target


def _completed(entry: Entry, url: str | None, sha256: str | None) -> Entry:
    if sha256 is not None:
        sha256 = sha256.lower()
        if len(sha256) != 64 or not set(sha256) <= set(string.hexdigits):
            raise UsageError(f"--sha256 {sha256!r} is no SHA-256: 64 hexadecimal digits are")
        if entry.sha256 not in (None, sha256):
            raise UsageError(f"--sha256 contradicts the registry, which has {entry.sha256} for {entry.name!r}")
    entry = replace(entry, url=url or entry.url, sha256=entry.sha256 or sha256)
    if entry.url is None:
        where = f"see {entry.page}, and " if entry.page else ""
        raise WeightsError(f"no direct address of {entry.file} is known; {where}give one with --url and --sha256")
    if not entry.url.startswith(("https://", "http://")):
        raise UsageError(f"--url {entry.url!r}: only http and https addresses can be fetched")
    if entry.sha256 is None:
        raise WeightsError(
            f"no sha256 is known for {entry.file}, so a download could not be verified; give --sha256 from its author"
        )
    return entry


def _download(entry: Entry, part: Path, progress: Progress | None) -> None:
    """Append to `part` what is still missing of the file."""
    done = part.stat().st_size if part.exists() else 0
    reply = _open(entry, done)
    if reply is None:
        return
    with reply:
        # A server that ignores the range starts again from the first byte.
        resumed = reply.status == 206
        done = done if resumed else 0
        length = reply.headers.get("Content-Length")
        total = done + int(length) if length else entry.size
        with part.open("ab" if resumed else "wb") as file:
            while chunk := _read(reply, entry):
                file.write(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
    if total is not None and done < total:
        raise WeightsError(_unreachable(entry, f"the connection ended after {done} of {total} bytes"))


def _open(entry: Entry, start: int) -> http.client.HTTPResponse | None:
    """The server's answer from byte `start` on; None if it has nothing left to send."""
    assert entry.url is not None
    request = urllib.request.Request(entry.url, headers={"User-Agent": "dubtool"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        reply: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
        return reply
    except urllib.error.HTTPError as error:
        # The part is as long as the file, or longer: its digest shows which.
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise WeightsError(f"{entry.url}: the server says {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WeightsError(_unreachable(entry, getattr(error, "reason", error))) from error


def _read(reply: http.client.HTTPResponse, entry: Entry) -> bytes:
    try:
        return reply.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(_unreachable(entry, error)) from error


def _unreachable(entry: Entry, reason: object) -> str:
    return f"{entry.url}: cannot be downloaded ({reason}); run the same command again to resume"


def _accept(part: Path, target: Path, entry: Entry) -> None:
    found = sha256_of(part)
    if found != entry.sha256:
        part.unlink()
        raise WeightsError(
            f"{entry.url}: not the weights {entry.name!r}: sha256 is {found}, expected {entry.sha256}; download deleted"
        )
    part.replace(target)
