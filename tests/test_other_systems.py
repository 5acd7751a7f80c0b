"""What dubtool does on Windows and macOS, as far as it can be acted here: what is missing there is taken away."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from dubtool import folders
from dubtool.cli import signals
from dubtool.file_lock import alone
from dubtool.jobs.shared.cores import default_workers
from dubtool.media import encode
from dubtool.media.temporary_output import claim, is_claimed, remove_abandoned, settle


@pytest.fixture
def windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for name in ("getuid", "geteuid", "sysconf", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)


def _open_files(folder: Path) -> list[str]:
    links = Path("/proc/self/fd")
    if not links.is_dir():
        pytest.skip("this system does not tell which files are open")
    return [target for link in links.iterdir() if (target := _target(link)).startswith(str(folder))]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_no_file_is_open_when_windows_is_to_rename_it(windows: None, tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"
    part, descriptor = claim(output)
    assert _open_files(tmp_path) == []
    part.write_bytes(b"film")
    settle(part, output, overwrite=False)
    os.close(descriptor)
    assert output.read_bytes() == b"film" and list(tmp_path.iterdir()) == [output]


def test_what_a_crash_left_on_windows_is_in_nobodys_way(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "film.mp4"
    part, descriptor = claim(output)
    os.close(descriptor)
    assert not is_claimed(output)

    def refused(*_: object) -> None:
        raise PermissionError(13, "used by another process")

    with monkeypatch.context() as held:
        held.setattr(Path, "rename", refused)
        held.setattr(Path, "unlink", refused)
        assert is_claimed(output) and not is_claimed(output, part)
        remove_abandoned(tmp_path)
    assert part.exists()
    remove_abandoned(tmp_path)
    assert not part.exists()


def test_locks_and_disks_need_nothing_of_unix(windows: None, tmp_path: Path) -> None:
    with alone(tmp_path / "x.lock", 0.1) as descriptor:
        assert descriptor == -1
    assert not encode.disk_is_full(tmp_path / "film.mp4")
    assert default_workers(["cpu"]) >= 1


def test_a_user_without_a_home_has_a_cache_on_windows(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folders.homeless_folder.cache_clear()
    assert folders.cache_folder().parent == tmp_path
    folders.homeless_folder.cache_clear()
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert folders.cache_folder() == tmp_path / "local" / "dubtool" / "Cache"


def test_macs_keep_their_cache_where_macs_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert folders.cache_folder() == tmp_path / "Library" / "Caches" / "dubtool"


def test_signals_that_windows_has_not_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "SIGNALS", [signal.SIGINT, signal.SIGTERM])
    with pytest.raises(signals.Stopped) as stopped, signals.stopping():
        signal.raise_signal(signal.SIGINT)
    assert stopped.value.exit_code == 130
