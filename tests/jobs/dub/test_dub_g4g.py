"""`--model g4g`: the second generator from its files to a video."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

import dubtool
from dubtool.errors import UsageError
from dubtool.export.g4g import export_g4g
from dubtool.networks.g4g import G4G
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.trainer import hidden_mask
from dubtool.weights.registry import Entry, add_local
from dubtool.weights.verify import sha256_of

STAGE = G4GStage(width=8)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untaught generator that is shown the mouth to be made."""
    folder = tmp_path_factory.mktemp("graphs")
    torch.manual_seed(2)
    net, hidden = G4G(width=8), hidden_mask(STAGE)
    crops = torch.rand(4, 15, *hidden.shape[2:])
    net.train()(crops[:, :3], crops[:, :1], crops, torch.randn(4, 16, 80), hidden)
    told = {"conditioning": "mel", "landmarks": "spoken", "hidden": list(STAGE.mask)}
    once, frame = folder / "g4g_once.onnx", folder / "g4g_frame.onnx"
    export_g4g(net, once, frame, mouth=64, hidden=hidden, descriptor=told)
    add_local(folder, entry(once), entry(frame))
    return folder


@pytest.fixture
def g4g(graphs: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The model's name; dubtool knows it."""
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(graphs))
    return "g4g"


def entry(path: Path) -> Entry:
    size, digest = path.stat().st_size, sha256_of(path)
    return Entry(path.stem, path.name, "generator", "untaught", "a test", "none", size=size, sha256=digest)


def test_a_clip_is_dubbed_by_g4g(g4g: str, place: Path, clip: Path, speech: Path) -> None:
    report = dubtool.dub(clip, speech, place / "out.mp4", model=g4g)
    assert report.model == "g4g" and report.dubbed == report.frames == 10
    assert {"g4g_once", "g4g_frame", "speech_shapes", "whisper"} <= set(report.weights)
    assert (place / "out.mp4").stat().st_size > 0


def test_the_shipped_one_draws_what_the_default_is_told_to(place: Path, clip: Path, speech: Path) -> None:
    reports = [dubtool.dub(clip, speech, place / f"{model}.mp4", model=model) for model in ("g4g", "dinet-shape")]
    assert {"g4g_once", "g4g_frame"} <= set(reports[0].weights)
    own, usual = (_middle(place / f"{model}.mp4") for model in ("g4g", "dinet-shape"))
    source = _middle(clip)
    assert np.abs(own - usual).mean() < 0.7 * np.abs(own - source).mean()


def _middle(video: Path) -> np.ndarray:
    """The fifth frame of a video, grey values."""
    capture = cv2.VideoCapture(str(video))
    pictures = [capture.read()[1] for _ in range(5)]
    return pictures[4].astype(np.float64)


def test_from_the_sound_alone_no_predictor_is_asked(
    graphs: Path, place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.parent / "deaf to shapes"
    folder.mkdir()
    for name in ("alone_once", "alone_frame"):
        model = onnx.load(graphs / f"{name.replace('alone', 'g4g')}.onnx")
        (told,) = model.metadata_props
        told.value = told.value.replace('"spoken"', '"rest"')
        onnx.save(model, folder / f"{name}.onnx")
    add_local(folder, *(entry(folder / f"{name}.onnx") for name in ("alone_once", "alone_frame")))
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(folder))
    report = dubtool.dub(clip, speech, place / "out.mp4", model="alone")
    assert report.dubbed == 10 and set(report.weights) == {"alone_once", "alone_frame"}
    with pytest.raises(UsageError, match="driven by mouth shapes"):
        dubtool.dub(clip, speech, place / "two.mp4", model="alone", restore_teeth=True)


def test_another_sound_makes_another_mouth(g4g: str, place: Path, clip: Path, cut) -> None:  # type: ignore[no-untyped-def]
    from dubtool.media.decode import VideoReader
    from dubtool.media.probe import probe

    pictures = []
    for start in (0.3, 1.1):
        sound = cut(f"speech{start}.wav", "-ss", start, "-t", 0.4, source="speech.wav")
        out = place / f"{start}.mkv"
        dubtool.dub(clip, sound, out, model=g4g, codec="ffv1")
        pictures.append([frame.rgb().astype(int) for frame in VideoReader(probe(out))])
    assert max(np.abs(one - other).max() for one, other in zip(*pictures, strict=True)) > 2
