from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubtool.engine.session import Session
from dubtool.errors import InputError
from dubtool.training.data.voices import noise, resampled, spoken_versions
from dubtool.weights.locate import find

RATE = 16000


@pytest.fixture(scope="module")
def encoder() -> Session:
    return Session(find("whisper"), "cpu", threads=1)


def test_a_resampled_tone_keeps_its_loudness_and_changes_its_pitch() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    slower = resampled(tone, 1.1)
    assert len(slower) == round(1.1 * RATE) and slower.dtype == np.float32
    middle = slower[2000:-2000]
    assert abs(np.sqrt(np.mean(middle**2)) - np.sqrt(0.5)) < 0.01
    crossings = np.count_nonzero(np.diff(np.signbit(middle))) / 2 / (len(middle) / RATE)
    assert abs(crossings - 400) < 2


def test_noise_is_between_8_and_30_db_below_the_speech() -> None:
    rng = np.random.default_rng(0)
    levels = [20 * np.log10(np.sqrt(np.mean(noise(rng, RATE, 0.1) ** 2)) / 0.1) for _ in range(20)]
    assert min(levels) > -30.01 and max(levels) < -7.99


def test_versions_say_the_same_at_the_same_moment_of_the_video(encoder: Session, tmp_path: Path) -> None:
    """A burst at 2.1 s of sound stands out in every version, at the video's time of it."""
    rng = np.random.default_rng(0)
    sound = 1e-3 * rng.standard_normal(3 * RATE)
    sound[int(2.1 * RATE) : int(2.2 * RATE)] += 0.3 * rng.standard_normal(int(0.1 * RATE))
    soundfile.write(tmp_path / "burst.wav", sound, RATE)
    work = tmp_path / "work"
    work.mkdir()
    # The first picture comes 1.5 s after the sound's start.
    found, heard = spoken_versions(tmp_path / "burst.wav", "burst", encoder, work, sound_offset=1.5, changed=True)
    assert int(found["versions"]) == 3
    for k in range(3):
        states = found[f"states{k}"].astype(np.float32)[:, 0]
        change = np.linalg.norm(states - np.median(states, axis=0), axis=1)
        moment = (np.argmax(change) / 50 + float(found[f"start{k}"])) * float(found[f"stretch{k}"])
        assert abs(moment - 0.65) < 0.1, k
    # What is heard of the clean sound are its states and, last, the spectrogram: loud at the burst alone.
    np.testing.assert_allclose(heard[:, :384], found["states0"][:, 0], rtol=1e-3, atol=1e-3)
    loud = heard[:, -160:].mean(axis=1)
    assert 105 <= loud.argmax() < 110 and loud.max() - np.median(loud) > 0.5


def test_the_same_clip_gets_the_same_changes_and_validation_none(encoder: Session, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE // 2), RATE)
    one, again = (
        spoken_versions(tmp_path / "a.wav", "a", encoder, tmp_path, sound_offset=0.0, changed=True)[0] for _ in range(2)
    )
    assert all(np.array_equal(one[name], again[name]) for name in one)
    clean, _ = spoken_versions(tmp_path / "a.wav", "a", encoder, tmp_path, sound_offset=0.0, changed=False)
    assert set(clean) == {"versions", "states0", "start0", "stretch0"}


def test_a_file_without_sound_is_refused(encoder: Session, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sound"):
        spoken_versions(clip, "clip", encoder, tmp_path, sound_offset=0.0, changed=False)
