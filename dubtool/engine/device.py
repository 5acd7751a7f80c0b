"""Which devices this machine can run networks on, found without ONNX Runtime's own noisy trial."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import os
import sys
from dataclasses import dataclass

import onnxruntime as ort

from dubtool.errors import DeviceError, UsageError


@dataclass(frozen=True)
class Device:
    """A device to run on: the CPU, or one CUDA device by its index."""

    kind: str
    index: int = 0

    @property
    def is_cuda(self) -> bool:
        return self.kind == "cuda"

    def __str__(self) -> str:
        return f"cuda:{self.index}" if self.is_cuda else "cpu"


@dataclass(frozen=True)
class DeviceReport:
    """What `dubtool doctor` says of one device: usable or not, and in one line why."""

    device: Device
    usable: bool
    detail: str


CPU = Device("cpu")


def resolve(request: str) -> Device:
    """The device that "auto", "cpu", "cuda" or "cuda:N" stands for on this machine.

    Raises:
        UsageError: the request is none of these.
        DeviceError: CUDA was asked for and is not usable, or has no such device.
    """
    if request == "cpu":
        return CPU
    if request == "auto":
        return CPU if cuda_problem() else Device("cuda", 0)
    kind, _, number = request.partition(":")
    if kind != "cuda" or not (number.isdecimal() or request == "cuda"):
        raise UsageError(f"device {request!r} is unknown; use auto, cpu, cuda or cuda:N")
    problem = cuda_problem()
    if problem:
        raise DeviceError(f"device {request}: {problem}; use --device cpu or auto")
    index = int(number or 0)
    names = cuda_names()
    if index >= len(names):
        raise DeviceError(f"device {request}: this machine has {len(names)} CUDA device(s); use cuda:0 or cpu")
    return Device("cuda", index)


def devices() -> list[DeviceReport]:
    """Every device of this machine, and CUDA even where it is missing, with the reason."""
    reports = [DeviceReport(CPU, True, f"{usable_threads()} cores")]
    problem = cuda_problem()
    names = cuda_names()
    if problem:
        reports.append(DeviceReport(Device("cuda"), False, problem))
    else:
        reports += [DeviceReport(Device("cuda", index), True, name) for index, name in enumerate(names)]
    return reports


def usable_threads() -> int:
    """Cores that this process may use (an affinity mask or a container may leave it fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def cuda_names() -> tuple[str, ...]:
    """Names of the CUDA devices that the driver lists; empty without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return ()
    if driver.cuInit(0) != 0:
        return ()
    count = ctypes.c_int(0)
    driver.cuDeviceGetCount(ctypes.byref(count))
    names = []
    for index in range(count.value):
        name = ctypes.create_string_buffer(256)
        driver.cuDeviceGetName(name, len(name), index)
        names.append(name.value.decode(errors="replace"))
    return tuple(names)


@functools.cache
def cuda_problem() -> str | None:
    """None if ONNX Runtime can run on CUDA here; else the reason, without a full stop."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this ONNX Runtime is built without CUDA (install dubtool[gpu])"
    if not cuda_names():
        return "no CUDA device or driver found"
    # preload_dlls reports what it cannot find by printing.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ort.preload_dlls()
    missing = _missing_libraries()
    return f"{missing} cannot be loaded (install dubtool[gpu])" if missing else None


def _missing_libraries() -> str | None:
    """The first of CUDA's run-time libraries that does not load.

    They are tried by name: loading the provider itself before ONNX Runtime does would leave it without its host.
    """
    if sys.platform == "win32":
        return None
    major = str(ort.cuda_version).partition(".")[0]
    for library in (f"libcudart.so.{major}", f"libcublasLt.so.{major}", f"libcublas.so.{major}", "libcudnn.so.9"):
        try:
            ctypes.CDLL(library)
        except OSError:
            return library
    return None
