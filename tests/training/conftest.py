"""Tiny synthetic clips in the layout of prepared data: a flat face whose mouth opens as its speech states say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from dubtool.face.crop import CropSize
from dubtool.face.shape import MOUTH, ShapeModel
from dubtool.face.topology import TRACKED
from dubtool.networks.whisper import WhisperEncoder

MODES, LAYERS, CHANNELS = 3, 4, 6
_SIZE, _PAD, _FRAMES = 64, 4, 40


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums over several threads may differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def shape_model() -> ShapeModel:
    rng = np.random.default_rng(1)
    basis = rng.normal(0, 0.02, (MODES, len(MOUTH), 3)).astype(np.float32)
    return ShapeModel(np.zeros((len(TRACKED), 3), np.float32), basis)


@pytest.fixture(scope="session")
def encoder() -> WhisperEncoder:
    """Untrained, and small."""
    torch.manual_seed(0)
    return WhisperEncoder(80, 1500, 16, 1, 4).eval().requires_grad_(False)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, shape_model: ShapeModel) -> Path:
    """Prepared data: three people to train on, one for validation."""
    folder = tmp_path_factory.mktemp("data")
    shape_model.save(folder / "face_shape.npz")
    for number in range(4):
        _write_clip(folder / "clips" / f"clip{number}", np.random.default_rng(number), f"person{number}", number == 3)
    return folder


def _write_clip(folder: Path, rng: np.random.Generator, person: str, validation: bool) -> None:
    """Every frame's grey tells its row, so that a test can see which frames were taken."""
    folder.mkdir(parents=True)
    size = CropSize(_SIZE)
    times = np.arange(_FRAMES) / 25
    # One second of states beyond both ends of the picture's sound: nothing has to be made up.
    states = np.repeat(rng.normal(0, 1, (30, LAYERS, CHANNELS)), 3, axis=0).astype(np.float32)
    grid = np.arange(len(states)) / 50
    heard = states[:, 1, :MODES]
    coefficients = np.stack([np.interp(times, grid, column) for column in heard.T], axis=1).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, len(MOUTH), endpoint=False)
    mouth = np.stack([0.4 * np.cos(angle), 1.2 + 0.2 * np.sin(angle)], axis=1)
    mouths = mouth + 0.05 * coefficients[:, :1, None] * np.array([0.0, 1.0]) * np.sin(angle)[:, None]
    crops = np.zeros((_FRAMES, size.height + 2 * _PAD, size.width + 2 * _PAD, 3), np.uint8)
    crops[:] = (50 + 4 * np.arange(_FRAMES))[:, None, None, None]
    np.save(folder / "crops.npy", crops)
    np.savez(
        folder / "meta.npz",
        mouth=mouths.astype(np.float32),
        coef=coefficients,
        rest=np.zeros((len(MOUTH), 3)),
        frames=np.arange(_FRAMES, dtype=np.int32),
        times=times,
        angles=np.zeros((_FRAMES, 3)),
        size=_SIZE,
        pad=_PAD,
        natural=np.full(_FRAMES, 64.0),
        identity=person,
        split="val" if validation else "train",
        use="sync",
        lag=0.0,
    )
    samples = (3000 * rng.standard_normal(2 * 16000)).astype(np.int16)
    np.savez(folder / "sound.npz", samples=samples, start=0.0)
    np.savez(folder / "states.npz", versions=1, states0=states.astype(np.float16), start0=0.0, stretch0=1.0)
    # Every vector is its time, so that a test can see which moment is heard.
    mel = np.repeat((np.arange(2 * 80) / 80)[:, None], 80, axis=1).astype(np.float16)
    np.savez(folder / "mel.npz", mel=mel, start=0.0)
