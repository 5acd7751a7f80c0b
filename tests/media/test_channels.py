"""Every number and order of channels: PyAV's own objects of a sound end the process on many of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from dubbing_place import Make, Run
from sound_layouts import OWN_ORDERS, STANDARD

from dubtool.errors import InputError
from dubtool.media.audio import load_speech
from dubtool.media.channels import channel_names, mono_pan
from dubtool.media.probe import probe

_RATE = 16_000
_TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(4800) / _RATE)).astype(np.float32)


def _raw(path: Path, channels: int) -> Path:
    np.repeat(_TONE[:, None], channels, axis=1).tofile(path)
    return path


def _file(folder: Path, run: Run, layout: str, name: str, *coded: str) -> Path:
    channels, path = len(channel_names(layout)), folder / name
    raw = _raw(folder / "raw.f32", channels)
    places = "|".join(str(place) for place in range(channels))
    named = f"channelmap=map={places}:channel_layout={layout}"
    run("-f", "f32le", "-ar", _RATE, "-ac", channels, "-i", raw, "-af", named, *coded, path)
    return path


def _loaded(path: Path, folder: Path) -> np.ndarray:
    samples, rate = soundfile.read(load_speech(path, folder).path, dtype="float32")
    assert rate == _RATE
    return np.asarray(samples)


@pytest.mark.parametrize("channels", [*range(1, 18), 24, 32, 63, 64])
def test_any_number_of_channels_is_mixed_to_what_they_have_in_common(tmp_path: Path, channels: int) -> None:
    source = tmp_path / "s.wav"
    soundfile.write(source, np.repeat(_TONE[:, None], channels, axis=1), _RATE, subtype="FLOAT")
    assert probe(source).require_audio().channels == channels
    assert np.abs(_loaded(source, tmp_path) - _TONE).max() < 1e-4


def test_more_channels_than_ffmpeg_mixes_are_refused_in_one_line(tmp_path: Path) -> None:
    source = tmp_path / "s.wav"
    soundfile.write(source, np.zeros((4000, 65)), _RATE)
    with pytest.raises(InputError, match="65 channels of sound, 64 is the most"):
        load_speech(source, tmp_path)


@pytest.mark.parametrize("layout", STANDARD)
def test_any_layout_is_read_from_planes_and_from_one_plane(tmp_path: Path, ffmpeg_run: Run, layout: str) -> None:
    whole = _file(tmp_path, ffmpeg_run, layout, "s.caf", "-c:a", "pcm_f32le")
    assert np.abs(_loaded(whole, tmp_path) - _TONE).max() < 1e-4
    if len(channel_names(layout)) <= 16:
        # WavPack decodes to planes.
        planes = _file(tmp_path, ffmpeg_run, layout, "s.wv", "-c:a", "wavpack")
        assert np.abs(_loaded(planes, tmp_path) - _TONE).max() < 1e-3


@pytest.mark.parametrize("layout", OWN_ORDERS)
def test_channels_in_an_order_of_their_own_do_not_end_the_process(tmp_path: Path, ffmpeg_run: Run, layout: str) -> None:
    source = _file(tmp_path, ffmpeg_run, layout, "s.mov", "-c:a", "pcm_s16le")
    sound = probe(source).require_audio()
    assert channel_names(sound.layout) == tuple(layout.split("+"))
    assert np.abs(_loaded(source, tmp_path) - _TONE).max() < 1e-3


def test_sound_whose_layout_changes_midway_is_read_to_its_end(tmp_path: Path, ffmpeg_run: Run) -> None:
    pieces = []
    for name, channels in (("5.1", 6), ("stereo", 2), ("mono", 1)):
        raw = _raw(tmp_path / "raw.f32", channels)
        piece = tmp_path / f"{channels}.ac3"
        ffmpeg_run("-f", "f32le", "-ar", 48000, "-ac", channels, "-i", raw, "-af", f"aformat=channel_layouts={name}",
                   "-c:a", "ac3", piece)  # fmt: skip
        pieces.append(piece.read_bytes())
    source = tmp_path / "s.ac3"
    source.write_bytes(b"".join(pieces))
    samples = _loaded(source, tmp_path)
    assert len(samples) == pytest.approx(3 * 4 * 1536 / 3, abs=64) and np.abs(samples[-800:]).max() > 0.1


def test_dialogue_counts_most_and_low_frequency_effects_not_at_all() -> None:
    assert mono_pan("5.1(side)").startswith("pan=mono|c0=0.207106*c0+0.207106*c1+0.292894*c2+0.146447*c4")
    assert mono_pan("LFE") == "pan=mono|c0=1.000000*c0"
    assert mono_pan("2 channels") == "pan=mono|c0=0.500000*c0+0.500000*c1"
    assert mono_pan("ambisonic 1") == "pan=mono|c0=1.000000*c0"


def test_a_film_with_such_sound_is_probed(tmp_path: Path, ffmpeg_run: Run, make_video: Make) -> None:
    film = tmp_path / "film.mov"
    sounds = [_file(tmp_path, ffmpeg_run, "FR+FL", "own.mov", "-c:a", "pcm_s16le"), tmp_path / "eight.wav"]
    soundfile.write(sounds[1], np.repeat(_TONE[:, None], 8, axis=1), _RATE)
    ffmpeg_run("-i", make_video("v.mp4", frames=3), "-i", sounds[0], "-i", sounds[1],
               "-map", 0, "-map", 1, "-map", 2, "-c", "copy", film)  # fmt: skip
    assert [sound.channels for sound in probe(film).audio] == [2, 8]
    assert np.abs(_loaded(film, tmp_path) - _TONE).max() < 1e-3
