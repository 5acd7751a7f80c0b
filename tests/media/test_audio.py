from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from dubbing_place import Run

from dubtool.errors import InputError
from dubtool.media.audio import load_speech


def _tone(seconds: float, rate: int, frequency: float = 440.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def _loaded(path: Path, folder: Path) -> np.ndarray:
    samples, rate = soundfile.read(load_speech(path, folder).path, dtype="float32")
    assert rate == 16000 and samples.ndim == 1
    return samples


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 192000])
def test_any_rate_becomes_16_khz_of_the_same_sound(tmp_path: Path, rate: int) -> None:
    source = tmp_path / "s.wav"
    soundfile.write(source, _tone(1.0, rate), rate, subtype="PCM_16")
    speech = load_speech(source, tmp_path)
    assert (speech.sample_rate, speech.channels) == (rate, 1)
    assert abs(speech.duration - 1.0) < 0.002 and abs(speech.peak - 0.5) < 0.05 and abs(speech.rms - 0.354) < 0.01
    samples, _ = soundfile.read(speech.path, dtype="float32")
    middle = slice(2000, 14000)
    assert np.abs(samples[: len(_tone(1.0, 16000))][middle] - _tone(1.0, 16000)[middle]).max() < 0.02


def test_stereo_and_surround_are_mixed_without_getting_louder(tmp_path: Path) -> None:
    tone = _tone(0.5, 16000)
    stereo, surround = tmp_path / "stereo.wav", tmp_path / "surround.wav"
    soundfile.write(stereo, np.stack([tone, tone], axis=1), 16000, subtype="FLOAT")
    assert np.abs(_loaded(stereo, tmp_path) - tone).max() < 1e-5
    noise = np.random.default_rng(0).normal(0, 0.3, len(tone)).astype(np.float32)
    silent = np.zeros_like(tone)
    # front left, front right, centre, low-frequency effects, two at the back
    soundfile.write(
        surround,
        np.stack([silent, silent, tone, noise, silent, silent], axis=1),
        16000,
        format="WAVEX",
        subtype="FLOAT",
    )
    mixed = _loaded(surround, tmp_path)
    assert np.corrcoef(mixed, tone)[0, 1] > 0.9999


@pytest.mark.parametrize("name", ["s.mp3", "s.m4a", "s.ogg", "s.flac", "ein Wort – it's.opus"])
def test_compressed_speech_is_read(tmp_path: Path, ffmpeg_run: Run, name: str) -> None:
    ffmpeg_run(
        "-f",
        "lavfi",
        "-i",
        "sine=f=440:d=1:r=44100",
        *(["-c:a", "flac", "-strict", "-2"] if name.endswith("ogg") else []),
        tmp_path / name,
    )
    assert abs(load_speech(tmp_path / name, tmp_path).duration - 1.0) < 0.06


def test_speech_may_be_a_video_and_its_late_sound_stays_late(
    tmp_path: Path, make_video: Callable[..., Path], ffmpeg_run: Run
) -> None:
    video, late = make_video("v.mp4", frames=40), tmp_path / "late.mkv"
    ffmpeg_run(
        "-i", video, "-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=f=440:d=0.5:r=16000",
        "-map", 0, "-map", 1, "-c:v", "copy", "-c:a", "pcm_s16le", late,
    )  # fmt: skip
    samples = _loaded(late, tmp_path)
    assert abs(len(samples) - 16000) < 50
    assert not samples[:7900].any() and np.abs(samples[8100:]).max() > 0.1


def test_silence_is_loaded_and_reported(tmp_path: Path) -> None:
    source = tmp_path / "s.wav"
    soundfile.write(source, np.zeros(16000), 16000)
    speech = load_speech(source, tmp_path)
    assert (speech.peak, speech.rms, speech.duration) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(0, np.float32), "no sound samples"),
        (_tone(0.02, 16000), "too short: 20 ms"),
        (np.array([0.0] * 4000 + [np.nan] + [0.0] * 4000, np.float32), "NaN"),
        (np.array([0.0] * 4000 + [np.inf] + [0.0] * 4000, np.float32), "NaN or infinite"),
    ],
)
@pytest.mark.parametrize("rate", [16000, 44100])
def test_unusable_samples_are_refused(tmp_path: Path, samples: np.ndarray, reason: str, rate: int) -> None:
    source = tmp_path / "s.wav"
    soundfile.write(
        source,
        np.repeat(samples, 1 if rate == 16000 else 3)[: max(0, len(samples) * rate // 16000)],
        rate,
        subtype="FLOAT",
    )
    with pytest.raises(InputError, match=reason) as caught:
        load_speech(source, tmp_path)
    assert str(source) in str(caught.value)


def test_a_video_without_sound_and_a_text_are_refused(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="no sound"):
        load_speech(make_video("v.mp4", frames=2), tmp_path)
    text = tmp_path / "speech.wav"
    text.write_text("hello " * 100)
    with pytest.raises(InputError, match="not a media file"):
        load_speech(text, tmp_path)


def test_a_six_hour_header_on_one_second_counts_one_second(tmp_path: Path) -> None:
    source = tmp_path / "s.wav"
    soundfile.write(source, _tone(1.0, 8000), 8000, subtype="PCM_16")
    data = bytearray(source.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = (6 * 3600 * 16000).to_bytes(4, "little")
    source.write_bytes(data)
    assert abs(load_speech(source, tmp_path).duration - 1.0) < 0.01


def test_long_sound_needs_no_memory(tmp_path: Path) -> None:
    source = tmp_path / "s.wav"
    with soundfile.SoundFile(source, "w", 16000, 1, subtype="PCM_16") as file:
        for _ in range(6):
            file.write(np.zeros(16000 * 30, np.int16))
    tracemalloc.start()
    load_speech(source, tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 2**20  # three minutes are 11 MB as float
