"""Ways to install a wheel away from the repository: with pip, with uv and with pipx; without a network, too."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*words: object, folder: Path, around: Mapping[str, str] | None = None) -> str:
    """What a command prints, of which nothing leads back to the repository."""
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
    assert done.returncode == 0, (words, done.stdout[-1000:], done.stderr[-2000:])
    return done.stdout


def needed(tool: str) -> str:
    """Where a tool of the extra `dev` is. Without it the test is left out, but never in CI."""
    program = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
    if program is None:
        assert not os.environ.get("CI"), f"{tool} is missing: the extra dev brings it"
        pytest.skip(f"{tool} is not installed here")
    return program


def built_wheel(folder: Path) -> Path:
    """As `pip wheel` builds it, with the hatchling that is here instead of one that is fetched."""
    run(needed("hatchling"), "build", "-t", "wheel", "-d", folder / "dist", folder=REPOSITORY)
    (wheel,) = (folder / "dist").iterdir()
    return wheel


def requirements(wheel: Path) -> list[Requirement]:
    """What the wheel asks for here, extras aside."""
    with zipfile.ZipFile(wheel) as inside:
        (name,) = (name for name in inside.namelist() if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(inside.read(name).decode())
    wanted = [Requirement(text) for text in told.get_all("Requires-Dist", [])]
    return [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def stand_ins(wheel: Path, folder: Path) -> Path:
    """A folder of wheels without content, of the names and versions that stand in this environment.

    The tools resolve the wheel's requirements with them, and need no network. Plain onnxruntime is among them.
    """
    folder.mkdir()
    versions = {wanted.name: importlib.metadata.version(wanted.name) for wanted in requirements(wheel)}
    if "onnxruntime-gpu" in versions:
        versions["onnxruntime"] = versions["onnxruntime-gpu"]
    for name, version in versions.items():
        stem = f"{name.replace('-', '_')}-{version}"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as made:
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            made.writestr(f"{stem}.dist-info/METADATA", about)
            made.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            made.writestr(f"{stem}.dist-info/RECORD", "")
    return folder


def lend(folder: Path, without: str = "") -> None:
    """Let the environment below `folder`, which holds stand-ins, import what is installed here.

    without: a distribution that is to be missing there as far as metadata tell.
    """
    (package,) = folder.rglob("site-packages/dubtool/__init__.py")
    lent = [Path(path) for path in sys.path if Path(path).name == "site-packages"]
    if without:
        links = folder / "lent"
        links.mkdir()
        for entry in (each for place in lent for each in place.iterdir()):
            if not entry.name.startswith(f"{without.replace('-', '_')}-") and not (links / entry.name).exists():
                (links / entry.name).symlink_to(entry)
        lent = [links]
    (package.parents[1] / "lent.pth").write_text("\n".join(map(str, lent)), encoding="utf-8")


def without_network(stand_ins: Path) -> dict[str, str]:
    """Settings of pip, uv and pipx with which they look nowhere else."""
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(stand_ins), "UV_OFFLINE": "1", "UV_NO_INDEX": "1"}
    return settings | {
        "UV_FIND_LINKS": str(stand_ins),
        "UV_NO_CACHE": "1",
        "PIPX_DISABLE_SHARED_LIBS_AUTO_UPGRADE": "1",
    }


def install(tool: str, wheel: Path, folder: Path, offline: Path | None) -> Path:
    """Install a wheel below `folder` as the docs say; the program `dubtool`.

    offline: a folder of stand-ins; without one, what the wheel asks for is fetched.
    """
    around = without_network(offline) if offline else {}
    places, programs = folder / "own", folder / "bin"
    if tool == "pip":
        venv.create(places, with_pip=True)
        programs = places / ("Scripts" if sys.platform == "win32" else "bin")
        run(programs / "python", "-m", "pip", "install", wheel, folder=folder, around=around)
    elif tool == "uv":
        around |= {"UV_TOOL_DIR": str(places), "UV_TOOL_BIN_DIR": str(programs), "UV_PYTHON_DOWNLOADS": "never"}
        run(needed("uv"), "tool", "install", "--python", sys.executable, wheel, folder=folder, around=around)
    else:
        # As a system's own pipx does it: with pip, whether or not uv is at hand.
        around |= {"PIPX_HOME": str(places), "PIPX_BIN_DIR": str(programs), "PIPX_MAN_DIR": str(folder / "man")}
        around |= {"PIPX_DEFAULT_BACKEND": "pip", "PIPX_SHARED_LIBS": str(folder / "shared")}
        run(needed("pipx"), "install", "--python", sys.executable, wheel, folder=folder, around=around)
        assert (folder / "man" / "man1" / "dubtool.1").is_file()
    program = shutil.which("dubtool", path=str(programs))
    assert program is not None
    return Path(program)
