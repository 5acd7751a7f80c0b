"""`--model wav2lip`: from a checkpoint in the authors' layout, here of random weights, to a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dubtool
from dubtool.cli import main
from dubtool.jobs.dub.conditioning import drivers
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe
from dubtool.models.registry import open_generator
from dubtool.networks.wav2lip import Wav2Lip
from dubtool.weights.locate import find_graphs


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder that `weights import` filled."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(4)
    net = Wav2Lip(4).train()
    # With statistics of its own, an untaught network does not give the same grey for every sound.
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    net(torch.rand(4, 3, 96, 96), torch.rand(4, 3, 96, 96), 2 * torch.randn(4, 1, 80, 16))
    state = {f"module.{name}": value for name, value in net.state_dict().items()}
    torch.save({"state_dict": state, "optimizer": None, "global_step": 3}, folder / "theirs.pth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUBTOOL_WEIGHTS", str(folder))
        assert main(["weights", "import", "wav2lip", str(folder / "theirs.pth"), "--quiet"]) == 0
    return folder


@pytest.fixture
def weights(imported: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(imported))
    return imported


def test_a_clip_is_dubbed_from_one_reference(weights: Path, place: Path, clip: Path, speech: Path) -> None:
    report = dubtool.dub(clip, speech, place / "out.mkv", model="wav2lip", codec="ffv1")
    assert report.model == "wav2lip" and report.dubbed == report.frames == 10
    assert set(report.weights) == {"wav2lip_frame"}
    assert len(report.details["references"]) == 1
    made, source = (_pictures(path) for path in (place / "out.mkv", clip))
    changed = np.abs(made - source).max(axis=(0, 3)) > 8
    # The mouth is new, and the upper half of the frame as it was.
    assert changed.any() and not changed[: len(changed) // 3].any()


def test_another_sound_makes_another_mouth(weights: Path, place: Path, clip: Path, cut) -> None:  # type: ignore[no-untyped-def]
    pictures = []
    for start in (0.3, 1.1):
        sound = cut(f"speech{start}.wav", "-ss", start, "-t", 0.4, source="speech.wav")
        dubtool.dub(clip, sound, place / f"{start}.mkv", model="wav2lip", codec="ffv1")
        pictures.append(_pictures(place / f"{start}.mkv"))
    assert np.abs(pictures[0] - pictures[1]).max() > 2


def test_it_says_what_it_wants(weights: Path) -> None:
    spec = open_generator(*find_graphs("wav2lip"), device="cpu").spec
    assert (spec.references, spec.conditioning, spec.steps, spec.drawing) == (1, "mel", 16, False)
    assert spec.lead == pytest.approx(0.05375) and drivers(spec) == []
    # The lower half of the crop.
    assert spec.hidden_box == (slice(65, 130), slice(0, 100))


def _pictures(video: Path) -> np.ndarray:
    return np.stack([frame.rgb().astype(int) for frame in VideoReader(probe(video))])
