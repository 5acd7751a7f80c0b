"""Image sequences: PNG and EXR, out and in."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Make

from dubtool.errors import InputError, UsageError
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.output_checks import check_target
from dubtool.media.probe import MediaInfo, probe
from dubtool.media.sequence import film_of, find_sequence, output_pattern
from dubtool.provenance.mark import mark_of

_TAGGED = "gblur=6,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def _copied(info: MediaInfo, pattern: Path, **options: object) -> list[str]:
    with VideoWriter(pattern, info, metadata={"comment": "Synthetic"}, **options) as writer:  # type: ignore[arg-type]
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
    return writer.warnings


def _read(given: Path, folder: Path, rate: Fraction | None = None) -> MediaInfo:
    sequence = find_sequence(given)
    assert sequence is not None
    return probe(film_of(sequence, rate, folder))


def _differences(one: MediaInfo, other: MediaInfo) -> np.ndarray:
    pairs = zip(VideoReader(one), VideoReader(other), strict=True)
    return np.array([np.abs(a.rgb().astype(int) - b.rgb().astype(int)) for a, b in pairs])


@pytest.mark.parametrize(
    ("suffix", "pixel_format", "depth", "worst"),
    [
        (".png", "yuv420p", 8, 4),
        (".png", "yuv444p10le", 16, 1),
        (".png", "gbrp", 8, 0),
        (".png", "gbrap12le", 16, 1),
        (".png", "gray", 8, 0),
        (".exr", "yuv422p10le", 16, 4),
        (".exr", "gbrap16le", 16, 1),
    ],
)
def test_a_sequence_and_back_keeps_colours_rate_and_tags(
    make_video: Make, tmp_path: Path, suffix: str, pixel_format: str, depth: int, worst: int
) -> None:
    clear = ",format=gbrap,colorchannelmixer=aa=0.4" if "gbrap" in pixel_format else ""
    words = ["-c:v", "ffv1", "-pix_fmt", pixel_format]
    info = probe(make_video("source.mkv", *words, frames=4, rate="30000/1001", filters=_TAGGED + clear))
    pattern = tmp_path / "50% done" / f"shot_%04d{suffix}"
    warnings = _copied(info, pattern)
    assert sorted(path.name for path in pattern.parent.iterdir()) == sorted(
        [*(f"shot_{number:04d}{suffix}" for number in range(1, 5)), "sequence.json"]
    )
    assert [one for one in warnings if "chroma" not in one] == []
    told = json.loads((pattern.parent / "sequence.json").read_text())
    assert (told["rate"], told["frames"], told["sound"], told["comment"]) == ("30000/1001", 4, None, "Synthetic")
    for given in (pattern, pattern.parent):
        found = _read(given, tmp_path)
        video = found.require_video()
        assert abs(float(video.average_rate) - 30000 / 1001) < 0.01
        assert (video.width, video.height, video.bit_depth) == (96, 64, depth)
        assert (video.color_primaries, video.color_trc) == ("bt709", "bt709")
        differences = _differences(info, found)
        # Coarse chroma is interpolated in one way here and in another way there.
        assert differences.max() <= worst
        assert differences.mean() < 0.7
    if "a" in pixel_format.replace("gray", ""):
        assert abs(float(next(iter(VideoReader(found))).planes[-1].mean()) / 65535 - 0.4) < 0.01


def test_png_are_what_other_programs_read(make_video: Make, tmp_path: Path) -> None:
    info = probe(make_video("source.mkv", "-c:v", "ffv1", "-pix_fmt", "gbrp", frames=1))
    _copied(info, tmp_path / "x" / "%d.png")
    picture = cv2.imread(str(tmp_path / "x" / "1.png"))
    assert picture is not None
    assert np.array_equal(picture[..., ::-1], next(iter(VideoReader(info))).rgb())


def test_exr_holds_halves(make_video: Make, tmp_path: Path) -> None:
    _copied(probe(make_video("source.mkv", frames=1)), tmp_path / "x" / "f_%03d.exr")
    header = (tmp_path / "x" / "f_001.exr").read_bytes()[:400]
    assert mark_of(tmp_path / "x").text == "Synthetic"
    channels = header[header.index(b"chlist\0") + 11 :]
    assert channels[:2] == b"B\0"
    assert channels[2:6] == b"\x01\0\0\0", "pixel type 1 is half"


def test_of_an_older_and_longer_sequence_nothing_is_left(make_video: Make, tmp_path: Path) -> None:
    long, short = (probe(make_video(f"{count}.mp4", frames=count)) for count in (5, 2))
    pattern = tmp_path / "x" / "f_%03d.png"
    _copied(long, pattern)
    (pattern.parent / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="exists; give --overwrite"):
        _copied(short, pattern, overwrite=False)
    assert len(list(pattern.parent.glob("f_*"))) == 5
    _copied(short, pattern)
    assert sorted(path.name for path in pattern.parent.iterdir()) == [
        "f_001.png", "f_002.png", "notes.txt", "sequence.json",
    ]  # fmt: skip


def test_a_sequence_appears_whole_or_not_at_all(make_video: Make, tmp_path: Path) -> None:
    info = probe(make_video("source.mp4", frames=3))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError), VideoWriter(tmp_path / "x" / "f_%03d.png", info) as writer:
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
        raise ZeroDivisionError
    assert sorted(tmp_path.iterdir()) == before


def test_sound_that_is_left_out_is_told(make_video: Make, tmp_path: Path) -> None:
    info = probe(make_video("source.mp4", frames=2, sound=True))
    assert "no sound" in " ".join(_copied(info, tmp_path / "x" / "f_%03d.png"))


def _frames(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / name), np.full((4, 6, 3), 77, np.uint8))
    return folder


def test_numbers_may_begin_anywhere(tmp_path: Path) -> None:
    folder = _frames(tmp_path / "x", "shot1001.png", "shot1002.png", "shot1003.png")
    sequence = find_sequence(folder)
    assert sequence is not None
    assert (sequence.pattern.name, sequence.first, sequence.count) == ("shot%04d.png", 1001, 3)
    found = _read(folder / "shot%04d.png", tmp_path, Fraction(24000, 1001))
    assert len(list(VideoReader(found))) == 3


def test_what_is_no_sequence_is_told(tmp_path: Path) -> None:
    folder = _frames(tmp_path / "x", "a_01.png", "a_02.png", "a_04.png")
    with pytest.raises(InputError, match="frame 3 is missing between 1 and 4"):
        find_sequence(folder)
    with pytest.raises(InputError, match="no such files"):
        find_sequence(folder / "b_%02d.png")
    _frames(folder, "b_01.png")
    with pytest.raises(InputError, match="several sequences"):
        find_sequence(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is a folder without numbered"):
        find_sequence(tmp_path / "empty")
    assert find_sequence(tmp_path / "film.mp4") is None


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        '{"rate": "fast"}',
        '{"rate": "0"}',
        '{"rate": "1/0"}',
        '{"rate": "1e999999999"}',
        '{"rate": 1001}',
    ],
)
def test_a_sidecar_that_tells_nonsense_is_told(tmp_path: Path, content: str) -> None:
    folder = _frames(tmp_path / "x", "a_01.png")
    (folder / "sequence.json").write_text(content)
    with pytest.raises(InputError, match=r"sequence\.json.*--rate"):
        _read(folder, tmp_path)
    assert _read(folder, tmp_path, Fraction(10)).require_video().average_rate == 10


def test_a_rate_is_asked_for_and_goes_before_the_sidecar(tmp_path: Path) -> None:
    folder = _frames(tmp_path / "x", "a_01.png", "a_02.png")
    with pytest.raises(UsageError, match="give --rate"):
        _read(folder, tmp_path)
    (folder / "sequence.json").write_text('{"rate": "50"}')
    assert _read(folder, tmp_path, Fraction(10)).require_video().average_rate == 10
    assert _read(folder, tmp_path).require_video().average_rate == 50


def test_a_picture_that_is_damaged_is_told(tmp_path: Path) -> None:
    folder = _frames(tmp_path / "x", "a_01.png", "a_02.png")
    (folder / "a_02.png").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"a_%02d\.png"):
        _read(folder, tmp_path, Fraction(25))


def test_outputs_are_patterns_or_folders(tmp_path: Path) -> None:
    assert output_pattern(tmp_path / "x", "exr") == tmp_path / "x" / "frames_%06d.exr"
    assert output_pattern(tmp_path / "a_%d.png", None) == tmp_path / "a_%d.png"
    assert output_pattern(tmp_path / "x.mp4", "png") == tmp_path / "x.mp4"
    with pytest.raises(UsageError, match=r"single picture: name the frames, as in frames_%06d\.png"):
        output_pattern(tmp_path / "x.png", None)
    with pytest.raises(UsageError, match="does not take libx264"):
        check_target(tmp_path / "a_%d.png", "libx264", "medium")
