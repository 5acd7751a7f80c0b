from __future__ import annotations

import numpy as np
import pytest

from dubtool.speech.mel import SYNC_BANDS, WHISPER_BANDS, log_mel, mel_filters, sync_mel

RATE = 16000


def tone(hz: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def slaney_centres(bands: int, low: float, high: float) -> np.ndarray:
    """Centre frequencies by the definition of the scale, written the other way round than in the code: by search."""
    hz = np.linspace(0.0, 8000.0, 800001)
    mels = np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1e-9) / 1000) / np.log(6.4))
    edges = np.linspace(np.interp(low, hz, mels), np.interp(high, hz, mels), bands + 2)
    return np.interp(edges[1:-1], mels, hz)


def test_filters_hold_the_published_values() -> None:
    # The column of 40 Hz in the table that OpenAI distributes.
    np.testing.assert_allclose(mel_filters(400, 80, 0.0, 8000.0)[:3, 1], [0.02486259, 0.00199082, 0.0], atol=1e-7)


@pytest.mark.parametrize("hz", [150.0, 500.0, 1000.0, 3000.0, 7000.0])
def test_tone_falls_into_the_band_of_its_frequency(hz: float) -> None:
    whisper = log_mel(tone(hz)).mean(axis=1).argmax()
    assert abs(whisper - np.abs(slaney_centres(WHISPER_BANDS, 0.0, 8000.0) - hz).argmin()) <= 1
    sync = sync_mel(tone(hz)).mean(axis=1).argmax()
    assert abs(sync - np.abs(slaney_centres(SYNC_BANDS, 55.0, 7600.0) - hz).argmin()) <= 1


def test_whisper_scale() -> None:
    quiet, loud = log_mel(tone(440, amplitude=0.01)), log_mel(tone(440, amplitude=0.1))
    assert loud.shape == (80, 100) and loud.dtype == np.float32
    # A factor of 100 in power is 2 in log10, and the scale divides by 4.
    assert loud.max() - quiet.max() == pytest.approx(0.5, abs=1e-4)
    assert loud.max() - loud.min() == pytest.approx(2.0, abs=1e-4)
    np.testing.assert_allclose(log_mel(np.zeros(8000, np.float32)), -1.5)


def test_sync_scale() -> None:
    quiet, loud = sync_mel(tone(440, amplitude=0.01)), sync_mel(tone(440, amplitude=0.1))
    assert loud.shape == (80, 81) and loud.dtype == np.float32
    # 20 dB of a span of 100 dB that is 8 wide.
    assert (loud - quiet)[:, 10:-10].max() == pytest.approx(1.6, abs=1e-3)
    np.testing.assert_array_equal(sync_mel(np.zeros(8000, np.float32)), -4.0)
    assert sync_mel(tone(440, amplitude=1e4)).max() == 4.0


@pytest.mark.parametrize(("mel", "hop"), [(log_mel, 160), (sync_mel, 200)])
def test_frames_are_centred_at_multiples_of_the_hop(mel, hop: int) -> None:
    samples = np.zeros(RATE, np.float32)
    samples[40 * hop - 1 : 40 * hop + 2] = (0.2, 1.0, 0.2)
    energy = mel(samples).sum(axis=0)
    assert energy.argmax() == 40
    assert energy[39] == pytest.approx(energy[41], rel=0.02)


def test_log_mel_against_torch() -> None:
    torch = pytest.importorskip("torch")
    samples = np.random.default_rng(1).normal(0, 0.1, 5000).astype(np.float32)
    spectrum = torch.stft(torch.from_numpy(samples), 400, 160, window=torch.hann_window(400), return_complex=True)
    power = spectrum[:, :-1].abs().square().double()
    log = (torch.from_numpy(mel_filters(400, 80, 0.0, 8000.0)) @ power).clamp(min=1e-10).log10()
    expected = (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0
    np.testing.assert_allclose(log_mel(samples), expected.numpy(), atol=1e-4)
