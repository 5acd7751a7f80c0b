"""A network in ONNX Runtime: which device runs it, with how many threads, and what it says when it cannot.

ONNX Runtime falls back to the CPU without an exception when CUDA does not load, and prints red screens on the way. Here
CUDA is asked for only after `dubtool.engine.device` found it usable, and the session is asked afterwards what it got.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from dubtool.engine.device import CPU, Device, resolve, usable_threads
from dubtool.errors import DeviceError, WeightsError
from dubtool.trace import span

log = logging.getLogger(__name__)

DESCRIPTOR_KEY = "dubtool"

# Native messages would land in the middle of a progress bar; every failure also arrives as an exception.
_SILENT = 4


class Session:
    """One loaded network.

    Args:
        model: path of an .onnx file, or its bytes.
        device: "auto" (CUDA if it is usable, else the CPU), "cpu", "cuda" or "cuda:N".
        precision: "auto" (single precision; on CUDA matrix products may use TF32), "fp32" (full single precision), or
            "fp16" (CUDA only: weights and maths in half precision; inputs and outputs stay as they are).
        threads: threads of one CPU run; None takes the cores this process may use.
        steady: it runs again and again on inputs of one size: what its steps need is kept from run to run. Of varying
            sizes it would only grow.

    Raises:
        WeightsError: the file is missing or is no readable ONNX graph.
        DeviceError: the device that was asked for is not usable, or cannot run this precision.
    """

    def __init__(
        self,
        model: Path | str | bytes,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        *,
        steady: bool = False,
    ) -> None:
        self.name = "network" if isinstance(model, bytes) else Path(model).name
        self.device: Device = resolve(device)
        _check_precision(precision, self.device)
        content = _content(model)
        if precision == "fp16":
            from dubtool.engine.half import to_half

            content = to_half(content, self.name)
        threads = threads or usable_threads()
        try:
            self._session = _create(content, self.name, self.device, precision, threads)
        except DeviceError as error:
            if device != "auto":
                raise
            log.debug("%s; running on the CPU", error)
            self.device = CPU
            self._session = _create(content, self.name, CPU, precision, threads)
        self.inputs: tuple[str, ...] = tuple(node.name for node in self._session.get_inputs())
        self.outputs: tuple[str, ...] = tuple(node.name for node in self._session.get_outputs())
        # Of the inputs; sizes that are left to the caller have names.
        self.shapes: dict[str, tuple[int | str, ...]] = {
            node.name: tuple(node.shape) for node in self._session.get_inputs()
        }
        self._options = ort.RunOptions()
        self._options.log_severity_level = _SILENT
        if not steady and not self.device.is_cuda:
            self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    @property
    def metadata(self) -> dict[str, Any]:
        """The descriptor that the exporter wrote into the file; empty if it has none."""
        text = self._session.get_modelmeta().custom_metadata_map.get(DESCRIPTOR_KEY, "{}")
        try:
            descriptor = json.loads(text)
        except json.JSONDecodeError as error:
            raise WeightsError(f"{self.name}: its descriptor is not JSON; fetch or export it again") from error
        return dict(descriptor)

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Run the network once, for the named `outputs` (default: all).

        Raises:
            DeviceError: the device ran out of memory.
        """
        wanted = list(self.outputs if outputs is None else outputs)
        try:
            with span(self.name):
                results = self._session.run(wanted, dict(feeds), self._options)
        except Exception as error:
            if self.device.is_cuda and _is_exhaustion(error):
                raise DeviceError(f"{self.device}: out of memory in {self.name}; use a smaller --batch-size") from error
            raise
        return dict(zip(wanted, results, strict=True))


def _check_precision(precision: str, device: Device) -> None:
    if precision not in ("auto", "fp32", "fp16"):
        raise DeviceError(f"precision {precision!r} is not available here; use auto, fp32 or fp16")
    if precision == "fp16" and not device.is_cuda:
        raise DeviceError("precision fp16 needs a CUDA device; use --precision auto or fp32 on the CPU")


def _content(model: Path | str | bytes) -> bytes:
    if isinstance(model, bytes):
        return model
    path = Path(model)
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise WeightsError(f"{path}: {reason.lower()}; run 'dubtool weights verify'") from error


def _create(content: bytes, name: str, device: Device, precision: str, threads: int) -> ort.InferenceSession:
    ort.set_default_logger_severity(_SILENT)
    options = ort.SessionOptions()
    options.log_severity_level = _SILENT
    options.inter_op_num_threads = 1
    # Set even when it equals the default: left alone, ONNX Runtime pins threads to cores it may not be allowed to use.
    options.intra_op_num_threads = threads
    # Decoder and encoder run on the same cores; waiting threads must not burn them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # What one step leaves the next one takes, without a page of memory asked for anew: a seventh to a quarter faster.
    # Plans of the memory would be kept for every size that was seen, and gain nothing beside that.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    try:
        # Its own fallback prints a banner before it tries again.
        session = ort.InferenceSession(content, options, _providers(device, precision), enable_fallback=False)
    except Exception as error:
        if device.is_cuda and "CUDA" in str(error):
            reason = str(error).strip().splitlines()[0]
            raise DeviceError(f"{device}: cannot be started for {name} ({reason}); use --device cpu") from error
        raise WeightsError(f"{name}: not a readable ONNX file; run 'dubtool weights verify'") from error
    got = session.get_providers()
    if device.is_cuda and got[0] != "CUDAExecutionProvider":
        raise DeviceError(f"{device}: ONNX Runtime could not load CUDA; run 'dubtool doctor' or use --device cpu")
    log.debug("%s: %s, %d threads, %s", name, got[0], threads, precision)
    return session


def _providers(device: Device, precision: str) -> list[Any]:
    if not device.is_cuda:
        return ["CPUExecutionProvider"]
    options = {
        "device_id": str(device.index),
        "use_tf32": "0" if precision == "fp32" else "1",
        # The exhaustive search repeats for every new shape, and costs seconds each time.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    }
    return [("CUDAExecutionProvider", options), "CPUExecutionProvider"]


def _is_exhaustion(error: Exception) -> bool:
    text = str(error).lower()
    return "out of memory" in text or "failed to allocate" in text
