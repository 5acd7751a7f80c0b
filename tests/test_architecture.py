"""The arrows between the folders, read from the source: who may import whom, and who may speak."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import dubtool

PACKAGE = Path(dubtool.__file__).parent
REPOSITORY = PACKAGE.parent
BASE = {"errors", "folders", "leftovers"}

# What each folder may import of ours, beside itself.
ARROWS = {
    "networks": set(),
    "weights": BASE,
    "engine": BASE | {"weights"},
    "media": BASE,
    "face": BASE | {"engine", "media"},
    "speech": BASE | {"engine"},
    "metrics": BASE | {"engine", "face", "media", "speech"},
    "training": BASE | {"networks", "metrics", "engine", "weights", "face", "media", "speech"},
    "jobs": BASE | {"media", "face", "speech", "engine", "weights", "metrics"},
    "cli": BASE | {"jobs", "media", "face", "speech", "engine", "weights", "metrics", "training"},
}
# Turning checkpoints into graphs needs the networks; nothing of it runs while dubbing.
CONVERTERS = re.compile(r"engine/export\w*\.py|weights/(importers|checkpoints)\.py")
TORCH_FOLDERS = {"networks", "training"}
# A developer's tool, run by `python -m`.
SPEAKERS = {"weights/digest.py"}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def _imports(name: str) -> Iterator[str]:
    """Absolute names of all modules that a file imports, wherever in the file."""
    package = ["dubtool", *Path(name).parent.parts]
    for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            # `from dubtool import media` imports a folder, too.
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "dubtool" else (module,)


def _is_for_training(name: str) -> bool:
    return name.split("/")[0] in TORCH_FOLDERS or bool(CONVERTERS.fullmatch(name))


@pytest.mark.parametrize("name", FILES)
def test_imports_follow_the_arrows(name: str) -> None:
    folder, *rest = name.split("/")
    if not rest:
        pytest.skip("the package's own files tie the folders together")
    allowed = ARROWS[folder] | {folder, "__version__"}
    if CONVERTERS.fullmatch(name):
        allowed |= {"networks", "engine"}
    ours = {module.split(".")[1] for module in _imports(name) if module.startswith("dubtool.")}
    assert ours <= allowed


@pytest.mark.parametrize("name", FILES)
def test_only_the_command_line_draws(name: str) -> None:
    if name.startswith("cli/") or name in SPEAKERS:
        pytest.skip("may speak")
    roots = {module.split(".")[0] for module in _imports(name)}
    assert not roots & {"typer", "rich"}
    for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno} prints"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
            assert node.attr not in ("stdout", "stderr"), f"line {node.lineno} writes to the terminal"


@pytest.mark.parametrize("name", FILES)
def test_third_party_packages_are_declared(name: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {_module(requirement) for requirement in project["dependencies"]}
    if _is_for_training(name):
        declared |= {_module(requirement) for requirement in project["optional-dependencies"]["train"]}
    if name == "jobs/batch/cluster.py":
        declared |= {_module(requirement) for requirement in project["optional-dependencies"]["ray"]}
    if name == "engine/half.py":
        declared |= {"onnx"}  # asked for at run time, with a message that names it
    roots = {module.split(".")[0] for module in _imports(name)} - sys.stdlib_module_names - {"dubtool"}
    assert roots <= declared


def _module(requirement: str) -> str:
    distribution = re.split(r"[^A-Za-z0-9-]", requirement, maxsplit=1)[0].lower()
    names = {
        "opencv-python-headless": "cv2",
        "ffmpeg-python": "ffmpeg",
        "onnxruntime-gpu": "onnxruntime",
    }
    return names.get(distribution, distribution.replace("-", "_"))


def test_inference_loads_no_torch() -> None:
    modules = [
        "dubtool." + name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for name in FILES
        if "/" in name and not _is_for_training(name) and name not in SPEAKERS
    ]
    assert "dubtool.jobs" in modules
    code = f"import importlib, sys\nfor m in {modules}: importlib.import_module(m)\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_line_starts_light() -> None:
    heavy = {"numpy", "cv2", "mediapipe", "onnxruntime", "torch", "av", "rich", "scipy"}
    code = f"import dubtool.cli, sys; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
