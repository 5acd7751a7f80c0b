from __future__ import annotations

import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from dubtool.errors import OutputError
from dubtool.media import ffmpeg


def _script(path: Path, body: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright", (5, 1)),
        ("ffmpeg version n9.0.2-17-g2a571b6068 Copyright", (9, 0)),
        ("ffmpeg version N-118000-gabcdef Copyright", (999, 0)),
        ("something else 7.1", None),
    ],
)
def test_version_is_read(tmp_path: Path, line: str, version: tuple[int, int] | None) -> None:
    assert ffmpeg.ffmpeg_version(str(_script(tmp_path / "ffmpeg", f"print({line!r})"))) == version


def test_a_binary_that_hangs_is_no_ffmpeg(tmp_path: Path) -> None:
    hanging = _script(tmp_path / "ffmpeg", "import time; time.sleep(60)")
    assert ffmpeg.ffmpeg_version(str(hanging), timeout=0.3) is None


def test_environment_names_the_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = _script(tmp_path / "my ffmpeg", "print('ffmpeg version 7.1 x')")
    monkeypatch.setenv(ffmpeg.ENVIRONMENT, str(named))
    assert ffmpeg.find_ffmpeg() == ffmpeg.Ffmpeg(str(named), (7, 1))


def test_what_is_looked_for_beforehand_is_not_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    body = f"import time; time.sleep(0.3); open({str(calls)!r}, 'a').write('x'); print('ffmpeg version 7.1 x')"
    monkeypatch.setenv(ffmpeg.ENVIRONMENT, str(_script(tmp_path / "slow ffmpeg", body)))
    ffmpeg.find_beforehand()
    assert ffmpeg.find_ffmpeg().version == (7, 1)
    assert ffmpeg.find_ffmpeg().version == (7, 1)
    assert calls.read_text() == "x"


def test_nothing_is_said_of_a_program_that_is_looked_for_beforehand_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ffmpeg.ENVIRONMENT, str(tmp_path / "absent"))
    ffmpeg.find_beforehand()
    for thread in threading.enumerate():
        if thread.name == "dubtool-ffmpeg":
            thread.join()
    assert capfd.readouterr() == ("", "")


def test_environment_naming_nonsense_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ffmpeg.ENVIRONMENT, str(tmp_path / "absent"))
    with pytest.raises(OutputError, match="not a working ffmpeg"):
        ffmpeg.find_ffmpeg()


def test_an_old_system_ffmpeg_gives_way_to_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = _script(tmp_path / "ffmpeg", "print('ffmpeg version 4.4 x')")
    monkeypatch.delenv(ffmpeg.ENVIRONMENT, raising=False)
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: str(old))
    ffmpeg.ffmpeg_named.cache_clear()
    try:
        found = ffmpeg.find_ffmpeg()
    finally:
        ffmpeg.ffmpeg_named.cache_clear()
    assert found.path != str(old) and found.version >= (6, 0)


def test_a_run_that_takes_too_long_is_killed_even_when_it_ignores_the_request(tmp_path: Path) -> None:
    stubborn = _script(
        tmp_path / "ffmpeg", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    )
    begun = time.monotonic()
    with pytest.raises(OutputError):
        ffmpeg.run_ffmpeg([str(stubborn)], timeout=0.5)
    assert time.monotonic() - begun < 10


def test_the_error_carries_the_last_useful_line(tmp_path: Path) -> None:
    failing = _script(
        tmp_path / "ffmpeg",
        "import sys; sys.stderr.write('[x] width not divisible by 2\\nConversion failed!\\n'); sys.exit(1)",
    )
    with pytest.raises(OutputError, match="width not divisible by 2"):
        ffmpeg.run_ffmpeg([str(failing)], timeout=10)
