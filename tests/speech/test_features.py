from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubtool.errors import InputError, UsageError
from dubtool.speech.features import SpeechFeatures, speech_features
from dubtool.speech.source import SpeechSource

RATE = 16000
Writer = Callable[..., Path]


class Ramp:
    """Vector i is (i, -i); counts its computations."""

    name = "ramp"
    dimension = 2
    rate = 50.0
    chunk = 7
    first = -3
    last = 200

    def __init__(self) -> None:
        self.computed: list[tuple[int, int]] = []

    def compute(self, first: int, count: int) -> np.ndarray:
        assert self.first <= first and first + count - 1 <= self.last
        self.computed.append((first, count))
        index = np.arange(first, first + count, dtype=np.float32)
        return np.stack([index, -index], axis=1)


@given(st.lists(st.floats(-10, 20), min_size=1, max_size=30))
def test_between_vectors_it_is_linear_and_beyond_them_constant(times: list[float]) -> None:
    result = SpeechFeatures(Ramp()).at(np.array(times))
    expected = np.clip(np.array(times) * 50, -3, 200)
    np.testing.assert_allclose(result, np.stack([expected, -expected], axis=1), atol=1e-4)


def test_keeps_the_shape_of_the_question() -> None:
    features = SpeechFeatures(Ramp())
    assert features.at(np.zeros((3, 4))).shape == (3, 4, 2)
    assert features.at(np.zeros(0)).shape == (0, 2)
    assert features.at(np.zeros(1)).dtype == np.float32


def test_chunks_are_computed_once_and_the_longest_unused_forgotten() -> None:
    ramp = Ramp()
    features = SpeechFeatures(ramp)
    features.at(np.array([0.0, 0.01, 0.02]))
    features.at(np.array([0.03]))
    assert ramp.computed == [(-3, 7)]
    for time in np.arange(0, 4, 0.1):
        features.at(np.array([0.0, time]))
    assert len(ramp.computed) == len(set(ramp.computed)) == 29
    features.at(np.array([0.5]))
    assert len(ramp.computed) == 30
    # The last three are held: those of 0, 3.9 and 0.5 s.
    features.at(np.array([0.0, 3.9, 0.5]))
    assert len(ramp.computed) == 30
    features.at(np.array([3.8]))
    assert len(ramp.computed) == 31


def test_windows_are_centred() -> None:
    features = SpeechFeatures(Ramp())
    np.testing.assert_allclose(features.windows(np.array([1.0]), 4)[0, :, 0], [48.5, 49.5, 50.5, 51.5])
    np.testing.assert_allclose(features.windows(np.array([1.0]), 5, spacing=0.04)[0, :, 0], [46, 48, 50, 52, 54])


def test_mel_windows_for_the_lip_sync_networks(write_wav: Writer) -> None:
    features = speech_features("mel", write_wav(np.zeros(RATE)))
    windows = features.windows(np.array([0.0, 0.5, 1.0]))
    assert windows.shape == (3, 16, 80)
    np.testing.assert_array_equal(windows, -4.0)


@pytest.mark.parametrize("time", [0.0, 0.3, 9.5, 9.9875, 10.0, 12.1])
def test_a_click_at_a_time_moves_to_that_time(time: float, write_wav: Writer) -> None:
    samples = np.zeros(13 * RATE)
    samples[int(time * RATE)] = 0.9
    features = speech_features("mel", write_wav(samples))
    grid = time + np.arange(-8, 9) / 80
    energy = features.at(grid).sum(axis=1)
    assert grid[energy.argmax()] == time
    # The samples around the click are all there, chunk seams and ends of the file included.
    np.testing.assert_allclose(energy[:8], energy[:8:-1], atol=2.0)
    assert energy[2] == energy[14] == -320.0


def test_the_order_of_questions_does_not_matter(write_wav: Writer, babble: Callable[..., np.ndarray]) -> None:
    path = write_wav(babble(25))
    times = np.arange(-1, 26, 0.0333)
    forward = speech_features("mel", path).at(times)
    features = speech_features("mel", path)
    backward = np.concatenate([features.at(times[i : i + 1]) for i in reversed(range(len(times)))])[::-1]
    np.testing.assert_array_equal(forward, backward)


def test_after_the_end_there_is_silence(write_wav: Writer) -> None:
    path = write_wav(0.3 * np.sin(np.arange(RATE) / 4))
    result = speech_features("mel", path).at(np.array([0.5, 1.3, 99.0, -99.0]))
    assert result[0].max() > 1.0
    np.testing.assert_array_equal(result[1:], -4.0)


def test_source_reads_zeros_around_the_file(write_wav: Writer) -> None:
    source = SpeechSource(write_wav(np.full(100, 0.5)))
    assert source.samples == 100 and source.duration == 100 / RATE
    np.testing.assert_array_equal(source.read(-5, 5), [0] * 5 + [0.5] * 5)
    np.testing.assert_array_equal(source.read(98, 102), [0.5, 0.5, 0, 0])
    np.testing.assert_array_equal(source.read(500, 503), 0)


def test_unusable_sound_is_an_input_error(write_wav: Writer, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    bad = [
        write_wav(np.zeros(100), "fast.wav", 44100),
        write_wav(np.zeros((100, 2)), "stereo.wav"),
        write_wav(np.zeros(0), "empty.wav"),
        text,
        tmp_path / "missing.wav",
    ]
    for path in bad:
        with pytest.raises(InputError) as error:
            speech_features("mel", path)
        assert path.name in str(error.value) and "\n" not in str(error.value)


def test_unknown_name_and_missing_model(write_wav: Writer) -> None:
    path = write_wav(np.zeros(100))
    with pytest.raises(UsageError, match="whisper, mel, deepspeech"):
        speech_features("phonemes", path)
    with pytest.raises(UsageError, match="model"):
        speech_features("whisper", path)
