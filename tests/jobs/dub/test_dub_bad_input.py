"""Bad input gets one clear line and the right exit code, and nothing is lost or left over."""

from __future__ import annotations

import os
import shutil
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from dubbing_place import Cut, Refused

import dubtool
from dubtool.cli import main


def _frames(path: Path) -> tuple[int, int, int]:
    """Width, height and number of decoded frames."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return frames[0].width, frames[0].height, len(frames)


# What is no video


def test_missing_files(refused: Refused, place: Path, video: Path, sound: Path) -> None:
    assert "none.mp4 does not exist" in refused(3, place / "none.mp4", sound)
    assert "none.wav does not exist" in refused(3, video, place / "none.wav")
    assert "none.flac does not exist" in refused(3, video, sound, "--soundtrack", place / "none.flac")


def test_a_folder(refused: Refused, place: Path, video: Path, sound: Path) -> None:
    assert "is a folder" in refused(3, place, sound)
    assert "is a folder" in refused(3, video, place)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"Dear all,\nthis is the final cut, as promised.\n" * 50, "not a media file"),
        (os.urandom(5000), "not a media file"),
    ],
    ids=["empty", "text", "noise"],
)
def test_what_only_has_the_name_of_a_video(
    content: bytes, says: str, refused: Refused, place: Path, video: Path, sound: Path
) -> None:
    (place / "false.mp4").write_bytes(content)
    assert says in refused(3, place / "false.mp4", sound)
    assert says in refused(3, video, place / "false.mp4")


def test_an_mp4_without_its_index(refused: Refused, place: Path, video: Path, sound: Path) -> None:
    content = video.read_bytes()
    (place / "cut.mp4").write_bytes(content[: len(content) // 2])
    assert "cut off" in refused(3, place / "cut.mp4", sound)


def test_an_mp4_cut_off_after_its_index_is_dubbed_as_far_as_it_goes(place: Path, cut: Cut, sound: Path) -> None:
    whole = cut("index-first.mp4", "-frames:v", 10, "-an", "-preset", "ultrafast", "-movflags", "+faststart")
    (place / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size * 3 // 5])
    report = dubtool.dub(place / "cut.mp4", sound, place / "out.mp4", length="video")
    assert 0 < report.frames < 10
    assert _frames(place / "out.mp4")[2] == report.frames


def test_sound_is_no_video(refused: Refused, sound: Path) -> None:
    assert "holds sound but no video" in refused(3, sound, sound)


def test_a_video_without_sound_is_no_speech(refused: Refused, video: Path) -> None:
    assert "holds no sound" in refused(3, video, video)


def test_a_video_without_a_face(refused: Refused, place: Path, cut: Cut, sound: Path) -> None:
    grey = cut("grey.mp4", "-frames:v", 8, "-an", "-vf", "drawbox=color=gray:t=fill", "-preset", "ultrafast")
    shutil.copy(grey, place / "grey.mp4")
    assert "no face was found in any of its 8 frames" in refused(4, place / "grey.mp4", sound)


# Speech


def _wav(path: Path, samples: np.ndarray, rate: int = 16000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize(("count", "says"), [(0, "no sound samples"), (320, "20 ms of sound")])
def test_too_little_speech(count: int, says: str, refused: Refused, place: Path, video: Path) -> None:
    assert says in refused(3, video, _wav(place / "short.wav", np.zeros(count)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers(bad: float, refused: Refused, place: Path, video: Path) -> None:
    samples = np.zeros(8000, np.float32)
    samples[4000] = bad
    assert "not numbers" in refused(3, video, _wav(place / "bad.wav", samples, subtype="FLOAT"))


@pytest.mark.parametrize("rate", [8000, 192000])
def test_unusual_rates_are_dubbed_and_kept(rate: int, place: Path, video: Path) -> None:
    hum = 0.3 * np.sin(np.arange(rate * 2 // 5) * 2 * np.pi * 150 / rate)
    report = dubtool.dub(video, _wav(place / "hum.wav", hum, rate), place / "out.mkv")
    assert report.dubbed == 10
    with av.open(str(place / "out.mkv")) as container:
        assert container.streams.audio[0].sample_rate == rate


def test_a_header_that_claims_six_hours_of_speech_is_not_believed(place: Path, video: Path) -> None:
    lying = place / "six hours.wav"
    with wave.open(str(lying), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    content = bytearray(lying.read_bytes())
    content[40:44] = struct.pack("<I", 6 * 3600 * 16000)
    lying.write_bytes(content)
    report = dubtool.dub(video, lying, place / "out.mp4")
    assert report.duration == 1.0
    assert _frames(place / "out.mp4")[2] == report.frames == 25


def test_a_header_that_claims_six_hours_of_video_is_not_believed(place: Path, cut: Cut, sound: Path) -> None:
    honest = cut("honest.mkv", "-frames:v", 10, "-an", "-preset", "ultrafast")
    content = bytearray(honest.read_bytes())
    at = content.index(b"\x44\x89\x88") + 3  # Matroska's Duration, a double in milliseconds
    content[at : at + 8] = struct.pack(">d", 6 * 3600 * 1000.0)
    lying = place / "six hours.mkv"
    lying.write_bytes(content)
    report = dubtool.dub(lying, sound, place / "out.mp4", length="video")
    assert (report.frames, report.duration) == (10, 0.4)


# Pictures


def test_odd_sizes_are_kept(place: Path, cut: Cut, sound: Path) -> None:
    odd = cut(
        "odd.mp4", "-frames:v", 10, "-an", "-vf", "scale=-2:358,pad=641:359:100:0", "-pix_fmt", "yuv444p", "-crf", 14
    )
    report = dubtool.dub(odd, sound, place / "out.mp4")
    assert report.dubbed == 10
    assert _frames(place / "out.mp4") == (641, 359, 10)


@pytest.mark.parametrize(("length", "frames"), [("speech", 10), ("video", 1)])
def test_a_video_of_one_frame(length: str, frames: int, place: Path, cut: Cut, sound: Path) -> None:
    still = cut("still.mp4", "-frames:v", 1, "-an", "-preset", "ultrafast")
    report = dubtool.dub(still, sound, place / "out.mp4", length=length)
    assert (report.frames, report.dubbed) == (frames, frames)
    assert _frames(place / "out.mp4")[2] == frames


# Output


def test_an_output_in_a_folder_that_is_not_there(refused: Refused, place: Path, video: Path, sound: Path) -> None:
    assert "does not exist" in refused(7, video, sound, "-o", place / "no" / "out.mp4")


def test_an_output_that_is_a_folder(refused: Refused, place: Path, video: Path, sound: Path) -> None:
    (place / "folder.mp4").mkdir()
    assert "is a folder" in refused(7, video, sound, "-o", place / "folder.mp4", "--overwrite")


def test_an_output_below_a_file(refused: Refused, video: Path, sound: Path) -> None:
    assert "cannot be written" in refused(7, video, sound, "-o", sound / "out.mp4")


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_in_a_folder_that_is_read_only(refused: Refused, place: Path, video: Path, sound: Path) -> None:
    (place / "locked").mkdir(mode=0o500)
    assert "cannot be written" in refused(7, video, sound, "-o", place / "locked" / "out.mp4")


def test_unusable_outputs_are_refused_before_any_work(
    place: Path, video: Path, sound: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dubtool.jobs.shared.run.track_video", lambda *_, **__: pytest.fail("faces were tracked"))
    refused(7, video, sound, "-o", place / "no" / "out.mp4")
    assert "unknown container" in refused(2, video, sound, "-o", place / "out.avi")
    refused(2, video, sound, "-o", place / "out.mp4", "--codec", "libmagic")
    refused(2, video, sound, "-o", place / "out.webm", "--codec", "libx264")
    refused(2, video, sound, "-o", place / "out.mp4", "--preset", "quick")
    refused(3, video, sound, "--soundtrack", place / "none.wav")


@pytest.mark.parametrize("link", ["same", "hard", "symbolic"])
def test_an_output_that_is_an_input(link: str, refused: Refused, place: Path, video: Path, sound: Path) -> None:
    output = place / "link.mp4"
    if link == "same":
        output = video
    elif link == "hard":
        output.hardlink_to(video)
    else:
        output.symlink_to(video)
    assert "is also an input" in refused(2, video, sound, "-o", output, "--overwrite")
    assert "is also an input" in refused(2, video, sound, "-o", sound, "--overwrite")


def test_an_existing_output_is_kept_unless_told(place: Path, video: Path, sound: Path, refused: Refused) -> None:
    output = place / "out.mp4"
    output.write_bytes(b"precious")
    assert "--overwrite" in refused(2, video, sound, "-o", output)
    assert main(["dub", str(video), str(sound), "-o", str(output), "--overwrite", "--quiet"]) == 0
    assert _frames(output)[2] == 10


def test_an_overwrite_that_fails_keeps_the_old_output(
    place: Path, video: Path, sound: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = place / "out.mp4"
    output.write_bytes(b"precious")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dubtool.media.ffmpeg.FfmpegProcess.wait", fail)
    refused(130, video, sound, "-o", output, "--overwrite")
    assert output.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "1", "--to", "0.5"), "not after its start"),
        (("--from", "30"), "check --from and --to"),
        (("--expression", "3"), "--expression"),
        (("--face", "nobody"), "--face"),
        (("--device", "tpu"), "device"),
        (("--model", "nonsense"), "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_options_that_make_no_sense(
    options: tuple[str, ...], says: str, refused: Refused, video: Path, sound: Path
) -> None:
    assert says in refused(2, video, sound, *options)
