"""The wheel in an environment of its own: with its weights, away from the repository."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed here"),
]


def _run(*words: object, folder: Path, around: Mapping[str, str] | None = None) -> str:
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=1800,
        env=own | dict(around or {}),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _wheel(folder: Path) -> Path:
    build = ("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder / "dist", REPOSITORY)
    _run(sys.executable, "-m", "pip", *build, folder=folder)
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def test_an_installed_wheel_dubs_with_the_weights_inside_it(tmp_path: Path, clip: Path, speech: Path) -> None:
    wheel = _wheel(tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    assert "dubtool/weights/shipped/dinet_shape_frame.onnx" in names
    assert {f"dubtool/review/page.{kind}" for kind in ("html", "css", "js")} <= set(names)
    assert not any(name.startswith(("tests/", "docs/", "weights/")) for name in names)

    venv.create(tmp_path / "own", with_pip=True)
    python = tmp_path / "own" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    _run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, folder=tmp_path)
    # What it depends on is lent by this environment: tests do without a network.
    site = Path(_run(python, "-c", "import site; print(site.getsitepackages()[0])", folder=tmp_path).strip())
    lent = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "lent.pth").write_text("\n".join(lent))
    home = _run(python, "-c", "import dubtool; print(dubtool.__file__)", folder=tmp_path)
    assert Path(home.strip()).is_relative_to(tmp_path)
    made = tmp_path / "dubbed.mp4"
    assert _run(python, "-m", "dubtool", "dub", clip, speech, "-o", made, "--no-cache", folder=tmp_path) == f"{made}\n"
    assert made.stat().st_size > 1000


@pytest.mark.parametrize(
    ("tool", "words", "folders"),
    [
        ("uv", ["tool", "install", "--python", sys.executable], {"UV_TOOL_DIR": "own", "UV_TOOL_BIN_DIR": "bin"}),
        (
            "pipx",
            ["install", "--python", sys.executable],
            {"PIPX_HOME": "own", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "m"},
        ),
    ],
)
def test_tools_for_one_user_install_it(
    tool: str, words: list[str], folders: dict[str, str], tmp_path: Path, clip: Path, speech: Path
) -> None:
    """With a network, and where the tool is at hand: what it depends on is fetched."""
    program = shutil.which(tool)
    if program is None:
        pytest.skip(f"{tool} is not installed here")
    wheel = _wheel(tmp_path)
    around = {name: str(tmp_path / folder) for name, folder in folders.items()}
    _run(program, *words, wheel, folder=tmp_path, around=around)
    dubtool = shutil.which("dubtool", path=tmp_path / "bin")
    assert dubtool is not None
    assert "dubtool" in _run(dubtool, "--version", folder=tmp_path)
    made = tmp_path / "dubbed.mp4"
    assert _run(dubtool, "dub", clip, speech, "-o", made, "--no-cache", folder=tmp_path) == f"{made}\n"
