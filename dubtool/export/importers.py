"""Authors' own files turned into what dubtool runs: ONNX in the user's weights folder, registered there by digest."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dubtool.errors import InputError, WeightsError
from dubtool.weights.locate import user_folder
from dubtool.weights.made import add_made
from dubtool.weights.registry import Entry, registry
from dubtool.weights.verify import sha256_of

if TYPE_CHECKING:
    from torch import nn

    from dubtool.export.checkpoints import State

Network = TypeVar("Network", bound="nn.Module")

_TRAIN_EXTRA = ("torch", "onnx", "onnxscript")


def import_checkpoint(name: str, path: Path, folder: Path | None = None, *, mouth: int = 256) -> list[Path]:
    """Export the author's file `path` of weights `name` into `folder` (the user's by default).

    The network is recognised by the tensors in the file; `name` only says what is expected. "dinet" becomes the graphs
    "dinet_once", "dinet_frame" and, for CPUs, "dinet_frame_cpu" for mouth boxes of `mouth` pixels, "hdtr" the graphs
    "hdtr_once" and "hdtr_frame", "adasr" the graphs "adasr_keypoints", "adasr_once" and "adasr_frame", "wav2lip" the
    graph "wav2lip_frame", "deepspeech" one graph of its own name.

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
    export, graphs = _IMPORTERS[name]
    authors = registry()[name]

    def make(work: Path) -> list[Entry]:
        export(_Authored(name, path, mouth), *(work / f"{graph}.onnx" for graph in graphs))
        return [
            replace(
                authors,
                name=graph,
                file=f"{graph}.onnx",
                purpose=f"{authors.purpose}, once per {what.format(mouth=mouth)}",
                url=None,
                note="imported on this machine",
            )
            for graph, what in graphs.items()
        ]

    return add_made(folder or user_folder(), make)


@dataclass(frozen=True)
class _Authored:
    """An author's file of weights `name`. mouth: side of the mouth boxes that it was trained for, px."""

    name: str
    path: Path
    mouth: int

    def descriptor(self, kind: str, **more: str) -> dict[str, Any]:
        """What the graphs say of themselves."""
        return {"kind": kind, "name": self.name, "origin": sha256_of(self.path), **more}

    def network(self, title: str, sized: Callable[[State], Network]) -> Network:
        """The network with the file's weights. sized: a new one of the size that its tensors show."""
        from dubtool.export.checkpoints import load

        checkpoint = load(self.path)
        if checkpoint.architecture != self.name:
            raise WeightsError(f"{self.path}: holds the network {checkpoint.architecture!r}, not {self.name!r}")
        try:
            network = sized(checkpoint.state)
            network.load_state_dict(checkpoint.state, strict=True)
        except (RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise WeightsError(f"{self.path}: {title} that lacks tensors or has others: {reason}") from error
        return network


def _dinet(file: _Authored, once: Path, frame: Path, on_cpu: Path) -> None:
    from dubtool.export.dinet import export_dinet
    from dubtool.networks import DINet

    network = file.network(
        "a DINet",
        lambda state: DINet(
            source_channels=state["source_in_conv.0.conv.weight"].shape[1],
            reference_channels=state["ref_in_conv.0.conv.weight"].shape[1],
            audio_channels=state["audio_encoder.0.conv.weight"].shape[1],
            width=state["source_in_conv.0.conv.weight"].shape[0],
        ),
    )
    descriptor = file.descriptor("generator", speech="deepspeech")
    export_dinet(network, once, frame, mouth=file.mouth, descriptor=descriptor, half_storage=False, on_cpu=on_cpu)


def _hdtr(file: _Authored, once: Path, frame: Path) -> None:
    from dubtool.export.hdtr import export_hdtr
    from dubtool.networks import HDTRNet

    network = file.network("an HDTR-Net", lambda state: HDTRNet(state["encoder.mask_model.conv1.weight"].shape[0]))
    export_hdtr(network, once, frame, descriptor=file.descriptor("teeth restoration"), half_storage=False)


def _adasr(file: _Authored, keypoints: Path, once: Path, frame: Path) -> None:
    from dubtool.export.adasr_learned import export_learned_adasr
    from dubtool.networks import AdaSR

    network = file.network("an AdaSR", lambda state: AdaSR())
    export_learned_adasr(network, keypoints, once, frame, descriptor=file.descriptor("reenactment"), half_storage=False)


def _deepspeech(file: _Authored, graph: Path) -> None:
    from dubtool.export.deepspeech import convert

    convert(file.path, graph)


def _wav2lip(file: _Authored, frame: Path) -> None:
    from dubtool.export.wav2lip import export_wav2lip
    from dubtool.networks import Wav2Lip

    first = "face_encoder_blocks.0.0.conv_block.0.weight"
    network = file.network("a Wav2Lip", lambda state: Wav2Lip(state[first].shape[0]))
    export_wav2lip(network, frame, descriptor=file.descriptor("generator"), half_storage=False)


# What writes the graphs of an author's file; their names, in the order in which it is given their files, and when each
# runs.
_IMPORTERS: dict[str, tuple[Callable[..., None], dict[str, str]]] = {
    "dinet": (
        _dinet,
        {
            "dinet_once": "video, mouths of {mouth} pixels",
            "dinet_frame": "frame, mouths of {mouth} pixels",
            "dinet_frame_cpu": "frame on a CPU, mouths of {mouth} pixels",
        },
    ),
    "hdtr": (_hdtr, {"hdtr_once": "reference", "hdtr_frame": "mouth"}),
    "adasr": (_adasr, {"adasr_keypoints": "picture", "adasr_once": "portrait", "adasr_frame": "frame"}),
    "deepspeech": (_deepspeech, {"deepspeech": "speech"}),
    "wav2lip": (_wav2lip, {"wav2lip_frame": "frame"}),
}


def _require_train_extra() -> None:
    missing = [package for package in _TRAIN_EXTRA if importlib.util.find_spec(package) is None]
    if missing:
        raise WeightsError(f'importing weights needs {", ".join(missing)}: pip install "dubtool[train]"')
