"""What this machine can do, and what is missing for dubbing: the facts behind `dubtool doctor`."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dubtool import __version__
from dubtool.errors import DeviceError, DubtoolError, OutputError, WeightsError
from dubtool.folders import cache_folder
from dubtool.weights import locate, verify

# Distribution and module of everything that dubbing on a CPU imports.
REQUIRED = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "mediapipe": "mediapipe",
    "av": "av",
    "ffmpeg-python": "ffmpeg",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "soundfile": "soundfile",
    "typer": "typer",
    "rich": "rich",
}
RUNTIMES = ("onnxruntime-gpu", "onnxruntime")
_OPTIONAL = ("torch", "onnx", "safetensors")
# Name, what for, and the exit code of a machine without it.
_ENCODERS = (
    ("libx264", "the default encoder", OutputError.exit_code),
    ("h264_nvenc", "the encoder of NVIDIA GPUs", 0),
)
_CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `exit_code` is not 0 if it is missing and dubbing needs it."""

    topic: str
    name: str
    ok: bool
    detail: str
    exit_code: int = 0


def examine() -> list[Finding]:
    """Look at the whole machine; never raises, every failure is a finding."""
    findings: list[Finding] = []
    for topic, look in _LOOKS.items():
        try:
            findings += look()
        except Exception as error:
            code = error.exit_code if isinstance(error, DubtoolError) else 1
            findings.append(Finding(topic, topic, False, _one_line(error), code))
    return findings


def exit_code(findings: list[Finding]) -> int:
    """0 if dubbing on the CPU would work, else the exit code of the first obstacle."""
    return next((finding.exit_code for finding in findings if finding.exit_code), 0)


def _software() -> Iterator[Finding]:
    yield Finding("software", "dubtool", True, __version__)
    yield Finding("software", "python", True, f"{platform.python_version()} on {platform.platform()}")
    for distribution, module in REQUIRED.items():
        yield _package(distribution, module)
    yield _runtime()
    for distribution in _OPTIONAL:
        version = installed_version(distribution)
        yield Finding("software", distribution, bool(version), version or 'not installed: pip install "dubtool[train]"')


def _package(distribution: str, module: str) -> Finding:
    try:
        importlib.import_module(module)
    except Exception as error:
        # Not only ImportError: a missing system library may show as OSError or worse.
        return Finding("software", distribution, False, f"cannot be imported: {_one_line(error)}", 1)
    return Finding("software", distribution, True, installed_version(distribution) or "version not known")


def _runtime() -> Finding:
    installed = [(name, version) for name in RUNTIMES if (version := installed_version(name))]
    if len(installed) > 1:
        # They share one module folder: whichever was installed last has overwritten half of the other.
        return Finding("software", "onnxruntime", False, f"both {' and '.join(RUNTIMES)}: uninstall both, then one", 6)
    if not installed:
        return Finding("software", "onnxruntime", False, "not installed: install dubtool again", 6)
    name, detail = installed[0]
    if name == "onnxruntime-gpu" and not _has_gpu():
        detail += "; 340 MB of it are for a GPU, and there is none: docs/install.md tells how to do with onnxruntime"
    return Finding("software", name, True, detail)


def _has_gpu() -> bool:
    """Whether the driver lists one; where that cannot be asked nothing is said of it."""
    try:
        from dubtool.engine.device import cuda_names
    except Exception:
        # An ONNX Runtime that cannot be loaded is the devices' matter.
        return True
    return bool(cuda_names())


def installed_version(distribution: str) -> str | None:
    """The version of a package; None where it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine() -> Iterator[Finding]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("machine", "cpu cores", True, f"{usable} usable of {os.cpu_count()}")
    flags = cpu_flags()
    named = "not known on this system" if flags is None else ", ".join(flags) or "none of " + ", ".join(_CPU_FLAGS)
    yield Finding("machine", "cpu extensions", True, named)
    yield Finding("machine", "memory", True, _memory())


def cpu_flags() -> list[str] | None:
    """Which of the vector extensions that networks profit from this CPU has; None where nobody says."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = (line.partition(":") for line in text.splitlines())
    words = next((value.split() for key, _, value in lines if key.strip() in ("flags", "Features")), None)
    return None if words is None else [flag for flag in _CPU_FLAGS if flag in words]


def _memory() -> str:
    if not hasattr(os, "sysconf"):
        return "not known on this system"
    page = os.sysconf("SC_PAGE_SIZE")
    total = f"{page * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    if "SC_AVPHYS_PAGES" not in os.sysconf_names:
        return total
    return f"{total}, {page * os.sysconf('SC_AVPHYS_PAGES') / 2**30:.1f} GiB free"


def _ffmpeg() -> Iterator[Finding]:
    from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg

    program = find_ffmpeg()
    yield Finding("ffmpeg", "program", True, f"{'.'.join(map(str, program.version))}, {program.path}")
    picture = ("-f", "lavfi", "-i", "color=size=256x256:rate=1:duration=1", "-pix_fmt", "yuv420p")
    for encoder, purpose, code in _ENCODERS:
        try:
            # An encoder may be built in and yet not work: NVENC needs its device and driver.
            run_ffmpeg((program.path, "-v", "error", *picture, "-c:v", encoder, "-f", "null", "-"), timeout=30)
            yield Finding("ffmpeg", encoder, True, purpose)
        except OutputError:
            yield Finding("ffmpeg", encoder, False, f"does not encode here ({purpose})", code)


def _weights() -> Iterator[Finding]:
    for entry in locate.known().values():
        found = locate.locate(entry.name)
        code = WeightsError.exit_code if entry.shipped else 0
        if found is None:
            if entry.shipped:
                yield Finding("weights", entry.name, False, locate.missing(entry), code)
            continue
        try:
            verify.check(*found)
            yield Finding("weights", entry.name, True, f"verified, {found[0]}")
        except WeightsError as error:
            yield Finding("weights", entry.name, False, str(error), code)


def _devices() -> Iterator[Finding]:
    from dubtool.engine.device import devices
    from dubtool.engine.session import Session

    model = locate.find("yunet")
    for report in devices():
        name, code = str(report.device), 0 if report.device.is_cuda else DeviceError.exit_code
        if not report.usable:
            yield Finding("devices", name, False, report.detail, code)
            continue
        try:
            # The list of providers says what is built in; only a session shows what works.
            Session(model, device=name)
            yield Finding("devices", name, True, report.detail)
        except DubtoolError as error:
            yield Finding("devices", name, False, str(error), code)


def _folders() -> Iterator[Finding]:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        yield Finding("folders", "cache", False, f"{folder}: {reason}; set XDG_CACHE_HOME", OutputError.exit_code)
        return
    yield Finding("folders", "cache", True, f"{folder}, writable")


_LOOKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "software": _software,
    "machine": _machine,
    "ffmpeg": _ffmpeg,
    "devices": _devices,
    "weights": _weights,
    "folders": _folders,
}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
