"""What the shells are told when somebody presses Tab."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SHELLS = {
    "bash": (
        "source ./script; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        '_dubtool_completion dubtool; printf "%s\\n" "${{COMPREPLY[@]}}"'
    ),
    "fish": "source ./script; complete -C '{line}'",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the command `dubtool` in the search path."""
    program = tmp_path / "bin" / "dubtool"
    program.parent.mkdir()
    search = os.pathsep.join(filter(None, sys.path))
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(search)} exec {shlex.quote(sys.executable)} -m dubtool "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DUBTOOL_CONFIG", raising=False)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def _script(shell: str) -> bytes:
    environment = os.environ | {"_DUBTOOL_COMPLETE": f"source_{shell}"}
    return subprocess.run(["dubtool"], capture_output=True, check=True, env=environment).stdout


def _asked(shell: str, line: str) -> list[str]:
    """What a shell offers for a line that is not finished."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    Path("script").write_bytes(_script(shell))
    words = " ".join(shlex.quote(word) for word in line.split(" "))
    program = _SHELLS[shell].format(words=words, line=line)
    done = subprocess.run([shell, "-c", program], capture_output=True, text=True, check=True)
    Path("script").unlink()
    return [offered.split("\t")[0] for offered in done.stdout.splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")
@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dubtool re", {"reenact", "report", "restore-teeth", "review"}),
        ("dubtool dub --rest", {"--restore-teeth", "--restorer"}),
        ("dubtool dub --length ", {"speech", "video", "shortest"}),
        ("dubtool reenact --preset ", {"draft", "broadcast", "web"}),
        ("dubtool weights ve", {"verify"}),
    ],
)
def test_commands_options_and_values_are_completed(shell: str, line: str, offered: set[str], folder: Path) -> None:
    assert set(_asked(shell, line)) == offered


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")
@pytest.mark.parametrize("words", ["dub", "dub a.mp4", "dub --soundtrack", "restore-teeth --config", "batch"])
def test_files_are_left_to_the_shell(words: str, folder: Path) -> None:
    """Bash falls back to names of files where it is offered nothing; the others ask first whether it is so."""
    (folder / "film.mp4").touch()
    assert [one for one in _asked("bash", f"dubtool {words} fi") if one] == []
    for shell, action in (("zsh", ""), ("fish", "is-args")):
        environment = os.environ | {
            "_DUBTOOL_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_ARGS": f"dubtool {words} fi",
            "_TYPER_COMPLETE_FISH_ACTION": action,
        }
        done = subprocess.run(["dubtool"], capture_output=True, text=True, env=environment, check=False)
        assert (done.returncode, done.stdout.strip()) == ((0, "_files") if shell == "zsh" else (1, "")), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")
def test_zsh_is_offered_options_with_their_help(folder: Path) -> None:
    environment = os.environ | {"_DUBTOOL_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "dubtool dub --rest"}
    done = subprocess.run(["dubtool"], capture_output=True, text=True, env=environment, check=True)
    assert '"--restore-teeth":"Redraw the made mouths' in done.stdout
    assert _script("zsh").strip().startswith(b"#compdef dubtool")


@pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="asks bash")
def test_the_shell_that_asks_is_the_one_that_is_shown(folder: Path) -> None:
    command = ["bash", "-c", "dubtool --show-completion; true"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == _script("bash").strip()


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")
def test_a_settings_file_that_is_wrong_does_not_stop_completion(folder: Path) -> None:
    (folder / "dubtool.toml").write_text("nonsense = 1\n")
    assert _asked("bash", "dubtool dub --loo") == ["--loop"]
