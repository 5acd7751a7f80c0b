"""The arrows between the folders, read from the source: who may import whom, and who may speak."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import dubtool

PACKAGE = Path(dubtool.__file__).parent
REPOSITORY = PACKAGE.parent
BASE = {"errors", "folders", "leftovers", "file_lock", "trace"}
LOW = BASE | {"engine", "media"}
MIDDLE = LOW | {"face", "tracking", "models", "speech", "weights", "metrics", "provenance"}

# What each folder may import of ours, beside itself: those that stand lower.
ARROWS = {
    "networks": set(),
    "weights": BASE,
    "engine": BASE,
    "media": BASE,
    "provenance": BASE | {"media"},
    "face": LOW,
    "speech": LOW,
    "tracking": LOW | {"face", "weights"},
    "models": LOW | {"face", "weights"},
    "metrics": LOW | {"face", "speech"},
    "jobs": MIDDLE,
    "export": BASE | {"engine", "networks", "weights"},
    "batch": MIDDLE | {"jobs"},
    "evaluation": MIDDLE | {"jobs"},
    "review": MIDDLE | {"jobs"},
    "diagnostics": MIDDLE | {"jobs"},
    "training": MIDDLE | {"jobs", "networks", "export"},
    "cli": MIDDLE | {"jobs", "batch", "evaluation", "review", "diagnostics", "training", "export"},
}
# Jobs know one another only by what they share, but that adapting learns what dubs are driven by.
JOB_ARROWS = {
    "shared": set(),
    "dub": {"shared"},
    "faces": {"shared"},
    "reenact": {"shared"},
    "restore_teeth": {"shared"},
    "adapt": {"shared", "dub"},
}
# Nothing of these runs while dubbing.
TORCH_FOLDERS = {"networks", "training", "export"}
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
            # `from dubtool.cli import batch` imports a file.
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                whole = module == "dubtool" or (REPOSITORY / inner.replace(".", "/")).with_suffix(".py").is_file()
                yield inner if whole else module


def _is_for_training(name: str) -> bool:
    return name.split("/")[0] in TORCH_FOLDERS


def ours(name: str) -> set[str]:
    """The modules of ours that a file imports, without the package's own name."""
    return {module.removeprefix("dubtool.") for module in _imports(name) if module.startswith("dubtool.")}


def test_imports_follow_the_arrows() -> None:
    against = []
    for name in FILES:
        folder, *rest = name.split("/")
        if not rest:
            continue  # the package's own files tie the folders together
        allowed = ARROWS[folder] | {folder, "__version__"}
        against += [f"{name} -> {module}" for module in ours(name) if module.split(".")[0] not in allowed]
        if folder == "jobs" and len(rest) > 1:
            allowed = JOB_ARROWS[rest[0]] | {rest[0]}
            jobs = [module for module in ours(name) if module.startswith("jobs.")]
            against += [f"{name} -> {module}" for module in jobs if module.split(".")[1] not in allowed]
    assert against == []


def test_no_module_imports_itself_over_others() -> None:
    graph = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): ours(name) for name in FILES}
    left = {module: {other for other in others if other in graph} for module, others in graph.items()}
    while free := [module for module, others in left.items() if not others]:
        left = {module: others - set(free) for module, others in left.items() if module not in free}
    assert left == {}


def test_only_the_command_line_draws() -> None:
    speaking = []
    for name in FILES:
        if name.startswith("cli/") or name in SPEAKERS:
            continue
        if {module.split(".")[0] for module in _imports(name)} & {"typer", "rich"}:
            speaking.append(name)
        for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                speaking.append(f"{name}:{node.lineno}")
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys":
                speaking += [f"{name}:{node.lineno}"] if node.attr in ("stdout", "stderr") else []
    assert speaking == []


def test_third_party_packages_are_declared() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    always = {_module(requirement) for requirement in project["dependencies"]}
    extras = {
        extra: {_module(requirement) for requirement in requirements}
        for extra, requirements in project["optional-dependencies"].items()
    }
    undeclared = []
    for name in FILES:
        declared = always | (extras["train"] if _is_for_training(name) else set())
        declared |= extras["ray"] if name == "batch/cluster.py" else set()
        declared |= extras["sign"] if name.startswith("provenance/") else set()
        declared |= extras["phones"] if name == "metrics/phones.py" else set()
        # Asked for at run time, with a message that names it.
        declared |= {"onnx"} if name == "engine/half.py" else set()
        roots = {module.split(".")[0] for module in _imports(name)} - sys.stdlib_module_names - {"dubtool"}
        undeclared += [f"{name}: {root}" for root in roots - declared]
    assert undeclared == []


def _module(requirement: str) -> str:
    distribution = re.split(r"[^A-Za-z0-9-]", requirement, maxsplit=1)[0].lower()
    names = {
        "opencv-python-headless": "cv2",
        "ffmpeg-python": "ffmpeg",
        "onnxruntime-gpu": "onnxruntime",
        "c2pa-python": "c2pa",
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
    # The application has the command line of every command.
    code = f"import dubtool.cli.app, sys; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
