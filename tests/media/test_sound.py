"""Any sound goes into any container, as it is or changed, and this is known before any work."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from dubbing_place import Make, Run
from sound_layouts import OWN_ORDERS, STANDARD

from dubtool.errors import InputError
from dubtool.media.audio import load_speech
from dubtool.media.channels import channel_names, mixed, relabelled
from dubtool.media.codecs import container_for
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.output_checks import check_sounds
from dubtool.media.probe import AudioInfo, probe
from dubtool.media.sound import SoundPlan, plan_sound

_SUFFIXES = ("mp4", "mov", "mkv", "webm")
_TONE = 0.2 * np.sin(2 * np.pi * 440 * np.arange(48_000 // 4) / 48_000)


def _wav(path: Path, channels: int, rate: int = 48_000) -> Path:
    soundfile.write(path, np.repeat(_TONE[:, None], channels, axis=1), rate)
    return path


def _planned(path: Path, suffix: str) -> SoundPlan:
    return plan_sound(path, probe(path).require_audio(), container_for(Path(f"o.{suffix}")))


def _written(video: Path, sound: Path, output: Path) -> list[str]:
    """Put the sound beside the video; the warnings."""
    info = probe(video)
    check_sounds(output, info, probe(sound))
    with VideoWriter(output, info, preset="ultrafast", soundtrack=sound, audio_duration=Fraction(1, 5)) as writer:
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
    return writer.warnings


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_any_number_of_channels_becomes_the_sound_of_a_film(tmp_path: Path, make_video: Make, suffix: str) -> None:
    film = make_video("v.mp4", frames=3)
    for channels in (1, 2, 3, 5, 7, 8, 9, 16):
        sound, output = _wav(tmp_path / "s.wav", channels), tmp_path / f"{channels}.{suffix}"
        warnings = _written(film, sound, output)
        kept = probe(output).require_audio().channels
        assert kept == channels if channels <= 8 or suffix in ("mov", "mkv") else 0 < kept < channels, channels
        assert bool(warnings) == (kept < channels), channels
        assert all("channels of sound are mixed to" in warning for warning in warnings)
        heard = load_speech(output, tmp_path)
        assert heard.peak == pytest.approx(0.2, rel=0.4) or (kept < channels and heard.peak > 0.05), channels


def test_any_number_of_channels_has_a_way_into_any_container(tmp_path: Path) -> None:
    for channels in (*range(1, 18), 24, 64):
        sound = _wav(tmp_path / f"{channels}.wav", channels)
        for suffix in _SUFFIXES:
            assert (_planned(sound, suffix).mixed_to or channels) >= min(channels, 2), (channels, suffix)


@pytest.mark.parametrize("layout", [*STANDARD, *OWN_ORDERS])
def test_any_layout_goes_into_any_container(tmp_path: Path, ffmpeg_run: Run, layout: str) -> None:
    names, raw, sound = channel_names(layout), tmp_path / "raw.f32", tmp_path / "s.mov"
    np.repeat(_TONE[:, None], len(names), axis=1).astype(np.float32).tofile(raw)
    places = "|".join(str(place) for place in range(len(names)))
    ffmpeg_run("-f", "f32le", "-ar", 48_000, "-ac", len(names), "-i", raw,
               "-af", f"channelmap=map={places}:channel_layout={layout}", "-c:a", "pcm_s16le", sound)  # fmt: skip
    for suffix in _SUFFIXES:
        plan = _planned(sound, suffix)
        assert (plan.mixed_to or len(names)) >= min(len(names), 2), suffix
        other = [filters for filters in relabelled(layout) if not filters.endswith(f"={layout}")]
        assert plan.mixed_to is None or not other, suffix


@pytest.mark.parametrize("rate", [2000, 7350, 8000, 11025, 12000, 37800, 96000, 192000, 384000])
def test_any_rate_goes_into_any_container(tmp_path: Path, rate: int) -> None:
    sound = _wav(tmp_path / "s.wav", 1, rate)
    for suffix in _SUFFIXES:
        assert _planned(sound, suffix).mixed_to is None


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("s.mp3", "libmp3lame", 8000), ("s.mp3", "libmp3lame", 11025), ("s.mp2", "mp2", 16000),
        ("s.ac3", "ac3", 32000), ("s.ogg", "libvorbis", 11025), ("s.opus", "libopus", 16000),
        ("s.wv", "wavpack", 11025), ("s.tta", "tta", 44100), ("s.aac", "aac", 7350), ("s.wav", "adpcm_ms", 11025),
        ("s.wav", "pcm_mulaw", 8000), ("s.mka", "truehd", 48000), ("s.mka", "dca", 48000), ("s.aiff", "pcm_s8", 22050),
        ("s.w64", "pcm_s24le", 11025), ("s.mka", "pcm_f64le", 22050), ("s.flac", "flac", 11025),
    ],
)  # fmt: skip
def test_any_codec_goes_into_any_container(
    tmp_path: Path, ffmpeg_run: Run, make_video: Make, name: str, codec: str, rate: int
) -> None:
    sound, output = tmp_path / name, tmp_path / "o.mp4"
    ffmpeg_run("-f", "lavfi", "-i", f"sine=f=440:d=0.4:r={rate}", "-ac", 2, "-c:a", codec, "-strict", "-2", sound)
    for suffix in _SUFFIXES:
        assert _planned(sound, suffix).mixed_to is None
    assert _written(make_video("v.mp4", frames=3), sound, output) == []
    assert load_speech(output, tmp_path).peak > 0.05


def test_a_copy_stays_a_copy_where_it_can(tmp_path: Path, ffmpeg_run: Run) -> None:
    for rate, codec in ((44100, "copy"), (11025, "aac")):
        ffmpeg_run("-f", "lavfi", "-i", f"sine=f=440:d=0.5:r={rate}", tmp_path / f"{rate}.mp3")
        assert _planned(tmp_path / f"{rate}.mp3", "mp4").codec == codec


def test_what_goes_in_no_way_is_refused_in_one_line(tmp_path: Path, make_video: Make) -> None:
    sound = _wav(tmp_path / "s.wav", 65)  # more than ffmpeg mixes
    info = probe(make_video("v.mp4", frames=3))
    with pytest.raises(InputError, match="does not go into mp4"):
        check_sounds(tmp_path / "o.mp4", info, probe(sound))


def test_the_other_sounds_of_a_film_are_looked_at_before_any_work(
    tmp_path: Path, ffmpeg_run: Run, make_video: Make
) -> None:
    film, output = tmp_path / "film.mkv", tmp_path / "o.mp4"
    sixteen, speech = _wav(tmp_path / "16.wav", 16), _wav(tmp_path / "s.wav", 1)
    ffmpeg_run("-f", "lavfi", "-i", "sine=f=440:d=0.4:r=11025", tmp_path / "low.mp3")
    ffmpeg_run("-i", make_video("v.mp4", frames=3, sound=True), "-i", sixteen, "-i", tmp_path / "low.mp3",
               "-map", "0:v", "-map", "0:a", "-map", 1, "-map", 2, "-c", "copy", film)  # fmt: skip
    assert _written(film, speech, output) == [f"{film}: 16 channels of sound are mixed to 2: mp4 takes no more"]
    assert [(sound.codec, sound.channels) for sound in probe(output).audio] == [("aac", 1), ("aac", 2), ("aac", 1)]


def _channels_of(filters: str, names: tuple[str, ...], run: Run, folder: Path, values: list[float]) -> list[float]:
    raw, out = folder / "raw.f32", folder / "out.f32"
    np.repeat(np.array([values], np.float32), 100, axis=0).tofile(raw)
    places = "|".join(str(place) for place in range(len(names)))
    run("-f", "f32le", "-ar", 8000, "-ac", len(names), "-i", raw,
        "-af", f"channelmap=map={places}:channel_layout={'+'.join(names)},{filters}",
        "-f", "f32le", "-c:a", "pcm_f32le", out)  # fmt: skip
    made = np.fromfile(out, np.float32).reshape(100, -1)
    return [round(float(value), 3) for value in made[50]]


@pytest.mark.parametrize(
    ("layout", "values", "expected"),
    [
        ("FR+FL", [0.1, 0.2], [0.2, 0.1]),
        ("5.1(side)", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        ("LFE+SL+SR+FL+FR+FC+BL+BR", [1, 2, 3, 4, 5, 6, 7, 8], [4, 5, 6, 1, 7, 8, 2, 3]),
        ("FL", [0.1], [0.1]),
    ],
)  # fmt: skip
def test_each_channel_finds_its_place(
    tmp_path: Path, ffmpeg_run: Run, layout: str, values: list[float], expected: list[float]
) -> None:
    made = _channels_of(relabelled(layout)[0], channel_names(layout), ffmpeg_run, tmp_path, values)
    assert made == expected


def test_left_stays_left_and_nothing_clips(tmp_path: Path, ffmpeg_run: Run) -> None:
    names = channel_names("hexadecagonal")
    left = [1.0 if name.endswith("L") else 0.0 for name in names]
    for filters, _ in mixed("hexadecagonal")[:3]:
        made = _channels_of(filters, names, ffmpeg_run, tmp_path, left)
        assert made[0] > 0.3 and made[1] == 0.0
        assert max(_channels_of(filters, names, ffmpeg_run, tmp_path, [1.0] * 16)) <= 1.0


def test_layouts_that_mean_something_else_are_not_relabelled() -> None:
    assert relabelled("3.0(back)") == []
    assert relabelled("downmix") == []
    assert mixed("16 channels")[0][1] == 2
    assert AudioInfo(0, "aac", 1, 1, "mono", None, True).start == 0
