"""Sounds at their times in one file: to the sample, of any rate and layout, and never clipped."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_layouts import OWN_ORDERS, STANDARD

from dubtool.errors import InputError
from dubtool.media.channels import channel_names, placed_in
from dubtool.media.ffmpeg import has_filter
from dubtool.media.mix import MixFormat, Placed, decoded, mix, mix_format

RNG = np.random.default_rng(3)


def _wav(path: Path, samples: np.ndarray, rate: int = 48000) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def _noise(seconds: float, rate: int = 48000, channels: int = 1, peak: float = 0.3) -> np.ndarray:
    return RNG.uniform(-peak, peak, (round(seconds * rate), channels)).astype(np.float32)


def _sounds(folder: Path) -> list[Path]:
    return [_wav(folder / "a.wav", _noise(0.5)), _wav(folder / "b.wav", _noise(0.3, 48000, 2))]


def test_nothing_is_lost_of_the_best_one(tmp_path: Path) -> None:
    one, two = _wav(tmp_path / "a.wav", _noise(0.2), 22050), _wav(tmp_path / "b.wav", _noise(0.2, channels=2), 16000)
    six = _wav(tmp_path / "c.wav", _noise(0.2, channels=6), 8000)
    assert mix_format([one]) == MixFormat(22050, "mono")
    assert mix_format([one, two]) == MixFormat(22050, "stereo")
    assert mix_format([one, two, six]) == MixFormat(22050, "5.1")
    film = tmp_path / "x.txt"
    film.write_text("no sound")
    with pytest.raises(InputError):
        mix_format([one, film])


def test_every_sample_is_in_its_place(tmp_path: Path) -> None:
    first, second = _sounds(tmp_path)
    wanted = mix_format([first, second])
    placed = [
        Placed(decoded(first, tmp_path / "1.wav", wanted), Fraction(1, 3), Fraction(1, 2)),
        Placed(decoded(second, tmp_path / "2.wav", wanted), Fraction(2, 5), Fraction(9), Fraction(1, 10)),
    ]
    assert mix(placed, tmp_path / "mix.wav", wanted, Fraction(4, 5)) == 1.0
    heard, rate = soundfile.read(tmp_path / "mix.wav", dtype="float32")
    one, _ = soundfile.read(first, dtype="float32")
    two, _ = soundfile.read(second, dtype="float32")
    expected = np.zeros((38400, 2), np.float32)
    expected[16000:24000] += one[:8000, None]
    expected[19200:28800] += two[4800:14400]
    assert rate == 48000 and heard.shape == expected.shape
    assert np.array_equal(heard, expected)


def test_what_would_clip_is_turned_down_as_a_whole(tmp_path: Path) -> None:
    loud = _wav(tmp_path / "a.wav", _noise(0.3, peak=0.8))
    wanted = mix_format([loud])
    path = decoded(loud, tmp_path / "1.wav", wanted)
    whole = [Placed(path, Fraction(0), Fraction(1)), Placed(path, Fraction(0), Fraction(1))]
    gain = mix(whole, tmp_path / "mix.wav", wanted, Fraction(3, 10))
    heard, _ = soundfile.read(tmp_path / "mix.wav", dtype="float32")
    alone, _ = soundfile.read(loud, dtype="float32")
    assert 0.6 < gain < 0.65 and np.abs(heard).max() == pytest.approx(0.99, abs=1e-4)
    assert np.abs(heard - 2 * gain * alone).max() < 1e-6, "louder parts are not bent"


@pytest.mark.parametrize("rubberband", [True, False])
@pytest.mark.parametrize("tempo", [Fraction(23, 20), Fraction(17, 20)])
def test_another_tempo_keeps_the_pitch_and_the_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tempo: Fraction, rubberband: bool
) -> None:
    if rubberband and not has_filter("rubberband"):
        pytest.skip("this ffmpeg has no rubberband")
    monkeypatch.setattr("dubtool.media.mix.has_filter", lambda name: rubberband)
    near = 0.015 if rubberband else 0.05
    rate = 16000
    at = np.arange(2 * rate) / rate
    tone = 0.4 * np.sin(2 * np.pi * 440 * at) * (at > 1)
    source = _wav(tmp_path / "a.wav", tone, rate)
    path = decoded(source, tmp_path / "1.wav", mix_format([source]), tempo)
    heard, _ = soundfile.read(path)
    assert len(heard) / rate == pytest.approx(float(2 / tempo), abs=near)
    begin = np.flatnonzero(np.abs(heard) > 0.1)[0] / rate
    assert begin == pytest.approx(float(1 / tempo), abs=near)
    part = heard[round(1.2 * rate / tempo) : round(1.8 * rate / tempo)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    assert spectrum.argmax() * rate / len(part) == pytest.approx(440, abs=3)


@pytest.mark.parametrize("target", ["mono", "stereo", "5.1", "7.1"])
def test_any_layout_has_its_place(target: str) -> None:
    for layout in (*STANDARD, *OWN_ORDERS, "2 channels", "16 channels"):
        told = placed_in(layout, target)
        assert (told == "") == (channel_names(layout) == channel_names(target)), layout
        assert told == "" or told.startswith(("pan=", "channelmap=")), layout
        if len(channel_names(layout)) == 1 and target == "stereo":
            assert told == "pan=stereo|c0=c0|c1=c0", "as loud as it was"
