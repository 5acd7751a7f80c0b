"""Authors' own files turned into what dubtool runs: ONNX in the user's weights folder, registered there by digest."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dubtool.errors import InputError, OutputError, WeightsError
from dubtool.weights.locate import user_folder
from dubtool.weights.registry import Entry, add_local, registry
from dubtool.weights.verify import sha256_of

if TYPE_CHECKING:
    from torch import nn

    from dubtool.export.checkpoints import State

Network = TypeVar("Network", bound="nn.Module")

_TRAIN_EXTRA = ("torch", "onnx", "onnxscript")


def import_checkpoint(name: str, path: Path, folder: Path | None = None, *, mouth: int = 256) -> list[Path]:
    """Export the author's file `path` of weights `name` into `folder` (the user's by default).

    The network is recognised by the tensors in the file; `name` only says what is expected. "dinet" becomes the graphs
    "dinet_once" and "dinet_frame" for mouth boxes of `mouth` pixels, "hdtr" the graphs "hdtr_once" and "hdtr_frame",
    "adasr" the graphs "adasr_keypoints", "adasr_once" and "adasr_frame", "wav2lip" the graph "wav2lip_frame",
    "deepspeech" one graph of its own name.

    Returns:
        The files written; `find` knows them from then on.

    Raises:
        InputError: the file is missing.
        WeightsError: it holds another network than `name`, or none; or a needed package is not installed.
        OutputError: the folder cannot be written.
    """
    if name not in _IMPORTERS:
        raise WeightsError(f"{path}: weights {name!r} cannot be imported; these can: {', '.join(_IMPORTERS)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the one that the authors of {name} published")
    _require_train_extra()
    folder = folder or user_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import.", dir=folder) as work:
            entries = _IMPORTERS[name](path, Path(work), mouth)
            for entry in entries:
                (Path(work) / entry.file).replace(folder / entry.file)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
    add_local(folder, *entries)
    return [folder / entry.file for entry in entries]


def _dinet(path: Path, work: Path, mouth: int) -> list[Entry]:
    from dubtool.export.dinet import export_dinet
    from dubtool.networks import DINet

    network = _network(
        path,
        "dinet",
        "a DINet",
        lambda state: DINet(
            source_channels=state["source_in_conv.0.conv.weight"].shape[1],
            reference_channels=state["ref_in_conv.0.conv.weight"].shape[1],
            audio_channels=state["audio_encoder.0.conv.weight"].shape[1],
            width=state["source_in_conv.0.conv.weight"].shape[0],
        ),
    )
    once, frame = work / "dinet_once.onnx", work / "dinet_frame.onnx"
    descriptor = {"kind": "generator", "name": "dinet", "speech": "deepspeech", "origin": sha256_of(path)}
    export_dinet(network, once, frame, mouth=mouth, descriptor=descriptor, half_storage=False)
    purpose = f"DINet as its authors trained it, mouths of {mouth} pixels, once per"
    return [_entry("dinet", once, f"{purpose} video"), _entry("dinet", frame, f"{purpose} frame")]


def _wav2lip(path: Path, work: Path, mouth: int) -> list[Entry]:
    from dubtool.export.wav2lip import export_wav2lip
    from dubtool.networks import Wav2Lip

    network = _network(
        path,
        "wav2lip",
        "a Wav2Lip",
        lambda state: Wav2Lip(state["face_encoder_blocks.0.0.conv_block.0.weight"].shape[0]),
    )
    frame = work / "wav2lip_frame.onnx"
    descriptor = {"kind": "generator", "name": "wav2lip", "origin": sha256_of(path)}
    export_wav2lip(network, frame, descriptor=descriptor, half_storage=False)
    return [_entry("wav2lip", frame, "Wav2Lip as its authors trained it, faces of 96 pixels")]


def _hdtr(path: Path, work: Path, mouth: int) -> list[Entry]:
    from dubtool.export.hdtr import export_hdtr
    from dubtool.networks import HDTRNet

    network = _network(
        path,
        "hdtr",
        "an HDTR-Net",
        lambda state: HDTRNet(state["encoder.mask_model.conv1.weight"].shape[0]),
    )
    once, frame = work / "hdtr_once.onnx", work / "hdtr_frame.onnx"
    descriptor = {"kind": "teeth restoration", "name": "hdtr", "origin": sha256_of(path)}
    export_hdtr(network, once, frame, descriptor=descriptor, half_storage=False)
    purpose = "HDTR-Net as its authors trained it, once per"
    return [_entry("hdtr", once, f"{purpose} reference"), _entry("hdtr", frame, f"{purpose} mouth")]


def _adasr(path: Path, work: Path, mouth: int) -> list[Entry]:
    from dubtool.export.adasr_learned import SIDE, export_learned_adasr
    from dubtool.networks import AdaSR

    network = _network(path, "adasr", "an AdaSR", lambda state: AdaSR())
    keypoints, once, frame = (work / f"adasr_{graph}.onnx" for graph in ("keypoints", "once", "frame"))
    descriptor = {"kind": "reenactment", "name": "adasr", "origin": sha256_of(path)}
    export_learned_adasr(network, keypoints, once, frame, descriptor=descriptor, half_storage=False)
    purpose = f"AdaSR as its authors trained it, crops of {SIDE} pixels,"
    return [
        _entry("adasr", keypoints, f"{purpose} keypoints"),
        _entry("adasr", once, f"{purpose} once per portrait"),
        _entry("adasr", frame, f"{purpose} once per frame"),
    ]


def _network(path: Path, name: str, title: str, sized: Callable[[State], Network]) -> Network:
    """The network `name` with the weights in the author's file. sized: a new one of the size that its tensors show."""
    from dubtool.export.checkpoints import load

    checkpoint = load(path)
    if checkpoint.architecture != name:
        raise WeightsError(f"{path}: holds the network {checkpoint.architecture!r}, not {name!r}")
    try:
        network = sized(checkpoint.state)
        network.load_state_dict(checkpoint.state, strict=True)
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: {title} that lacks tensors or has others: {reason}") from error
    return network


def _deepspeech(path: Path, work: Path, mouth: int) -> list[Entry]:
    from dubtool.export.deepspeech import convert

    output = work / "deepspeech.onnx"
    convert(path, output)
    return [_entry("deepspeech", output, registry()["deepspeech"].purpose)]


_IMPORTERS: dict[str, Callable[[Path, Path, int], list[Entry]]] = {
    "dinet": _dinet,
    "hdtr": _hdtr,
    "adasr": _adasr,
    "deepspeech": _deepspeech,
    "wav2lip": _wav2lip,
}


def _entry(author: str, file: Path, purpose: str) -> Entry:
    """A local entry for `file`, called like it, with the origin and licence of the registry's entry `author`."""
    return replace(
        registry()[author],
        name=file.stem,
        file=file.name,
        purpose=purpose,
        url=None,
        size=file.stat().st_size,
        sha256=sha256_of(file),
        note="imported on this machine",
    )


def _require_train_extra() -> None:
    missing = [package for package in _TRAIN_EXTRA if importlib.util.find_spec(package) is None]
    if missing:
        raise WeightsError(f'importing weights needs {", ".join(missing)}: pip install "dubtool[train]"')
