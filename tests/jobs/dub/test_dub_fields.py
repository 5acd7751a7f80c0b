"""Dubs of interlaced video: each field has its own moment, and so has the mouth in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dubbing_place import Cut

import dubtool
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.media.decode import VideoReader
from dubtool.media.interlace import field_rows
from dubtool.media.probe import probe

_LOSSLESS = ["-an", "-c:v", "libx264", "-qp", 0, "-preset", "ultrafast"]
_FRAMES, _FIELDS = 8, 16
_SIZE = "scale=240:240"


def _luma(path: Path) -> np.ndarray:
    """[N, H, W] of frames."""
    return np.stack([frame.planes[0] for frame in VideoReader(probe(path))]).astype(np.int16)


def _films(cut: Cut, order: str, still: bool) -> tuple[Path, Path]:
    """The example clip as if it had been filmed at 50 frames a second, and the same woven into fields."""
    first = "top" if order == "tff" else "bottom"
    moves = "loop=loop=-1:size=1:start=0" if still else "null"
    at_50 = f"{moves},{_SIZE},settb=1/50,setpts=N,fps=50"
    whole = cut("whole.mp4", "-vf", at_50, "-frames:v", _FIELDS, *_LOSSLESS)
    flags = ["-flags", "+ilme+ildct", "-x264-params", f"{order}=1"]
    weave = f"{at_50},tinterlace=interleave_{first},setfield={order}"
    return whole, cut("woven.mp4", "-vf", weave, "-frames:v", _FRAMES, *_LOSSLESS, *flags)


def _woven(whole: np.ndarray, order: str) -> np.ndarray:
    """Frames of fields [N, H, W] of whole pictures [2 N, H, W]."""
    made = whole[::2].copy()
    rows = field_rows(1, "tt" if order == "tff" else "bb")
    made[:, rows] = whole[1::2, rows]
    return made


def _fast(size: int) -> MouthShapes:
    """A mouth that opens and shuts within four fields."""
    times = np.arange(-5, 40) / 50
    shapes = np.zeros((len(times), size), np.float32)
    shapes[:, 0] = 2.5 * np.sin(2 * np.pi * times * 50 / 8)
    return MouthShapes(times, shapes)


@pytest.mark.parametrize(("order", "model"), [("tff", "retrieval-warp"), ("bff", "dinet-shape")])
def test_a_dub_of_fields_is_the_dub_of_the_pictures_that_they_are_of(
    place: Path, cut: Cut, speech: Path, order: str, model: str
) -> None:
    # In a still picture no row is lost by the weaving: all that moves is the new mouth.
    whole, woven = _films(cut, order, still=True)
    options = {"model": model, "length": "video", "codec": "ffv1", "shapes": _fast(12)}
    report = dubtool.dub(woven, speech, place / "woven.mkv", **options)
    assert (report.frames, report.dubbed) == (_FRAMES, _FRAMES)
    assert probe(place / "woven.mkv").require_video().field_order == ("tt" if order == "tff" else "bb")
    dubtool.dub(whole, speech, place / "whole.mkv", **options)
    source, made, at_50 = _luma(woven), _luma(place / "woven.mkv"), _luma(place / "whole.mkv")
    ideal = _woven(at_50, order)
    mouth = np.abs(ideal - source).max(axis=0) > 8
    # What a mouth would be that moved once a frame.
    once = _woven(np.repeat(at_50[::2], 2, axis=0), order)
    assert np.abs(made - ideal)[:, mouth].mean() < 0.65 * np.abs(once - ideal)[:, mouth].mean()


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_that_move_keep_their_pixels_and_their_mouths_move_by_fields(
    place: Path, cut: Cut, speech: Path, order: str
) -> None:
    whole, woven = _films(cut, order, still=False)
    np.testing.assert_array_equal(_woven(_luma(whole), order), _luma(woven))
    # The speech lasts longer than the video: it goes backward, field by field, and on again.
    report = dubtool.dub(woven, speech, place / "woven.mkv", model="dinet-shape", codec="ffv1", shapes=_fast(12))
    assert (report.frames, report.dubbed) == (10, 10)
    fields = [*range(_FIELDS), *range(_FIELDS - 2, _FIELDS - 6, -1)]
    source, made = _woven(_luma(whole)[fields], order), _luma(place / "woven.mkv")
    changed = np.abs(made - source).max(axis=0) > 8
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    assert len(rows) < 80 and len(columns) < 80
    mouth = np.zeros_like(changed)
    mouth[rows[0] - 8 : rows[-1] + 9, columns[0] - 8 : columns[-1] + 9] = True
    np.testing.assert_array_equal(made[:, ~mouth], source[:, ~mouth])
    # Between the fields of a frame it moves as far as on to the next.
    steps = np.abs(np.diff(_luma_of_fields(place / "woven.mkv")[:, changed], axis=0)).mean(axis=1)
    assert 0.7 < steps[::2].mean() / steps[1::2].mean() < 1.4


def _luma_of_fields(path: Path) -> np.ndarray:
    info = probe(path)
    info = replace(info, video=replace(info.require_video(), read_as="fields"))
    return np.stack([field.planes[0] for field in VideoReader(info)]).astype(np.int16)


@pytest.mark.parametrize("model", ["retrieval-warp", "dinet-shape"])
def test_a_still_mouth_in_a_still_picture_does_not_comb(place: Path, cut: Cut, speech: Path, model: str) -> None:
    _, woven = _films(cut, "tff", still=True)
    calm = MouthShapes(np.array([0.0, 1.0]), np.zeros((2, 12), np.float32))
    dubtool.dub(woven, speech, place / "woven.mkv", model=model, length="video", codec="ffv1", shapes=calm)
    source, made = _luma(woven), _luma(place / "woven.mkv")
    mouth = np.abs(made - source).max(axis=0) > 3
    assert mouth.any()
    combing = [np.abs(np.diff(frames, n=2, axis=1))[:, mouth[1:-1]].mean() for frames in (source, made)]
    assert combing[1] < 1.15 * combing[0]


def test_film_in_fields_is_dubbed_by_whole_frames(place: Path, cut: Cut, speech: Path) -> None:
    flags = ["-flags", "+ilme+ildct", "-x264-params", "tff=1"]
    film = cut("film.mp4", "-vf", "setfield=tff", "-frames:v", 10, *_LOSSLESS, *flags)
    report = dubtool.dub(film, speech, place / "film.mkv", codec="ffv1", model="dinet-shape", shapes=_fast(12))
    assert report.details["fields"] == "kept, top field first; both fields of a frame show one moment"
    plain = cut("plain.mp4", "-frames:v", 10, *_LOSSLESS)
    dubtool.dub(plain, speech, place / "plain.mkv", codec="ffv1", model="dinet-shape", shapes=_fast(12))
    # Chroma of fields is read by fields; beside that both are the same.
    difference = np.abs(_luma(place / "film.mkv") - _luma(place / "plain.mkv"))
    assert difference.mean() < 0.1
