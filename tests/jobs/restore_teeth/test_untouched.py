"""Frames of a clip that no tool has touched: found where that is plain, and used for the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dubtool
from dubtool.face.shape import ShapeModel
from dubtool.jobs.restore_teeth.untouched import Detail, measured_detail, untouched_rows
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import track_video
from dubtool.weights import find

Cut = Callable[..., Path]

_CODED = ("-an", "-preset", "ultrafast", "-crf", 14)
# 45 frames as filmed, then 15 whose lower face is soft.
_SOFT_FROM = 45
_PART = "select='between(n,30,89)',setpts=PTS-STARTPTS"


def _mixed(cut: Cut, name: str) -> Path:
    soft = f"[b]crop=iw:ih*0.52:0:ih*0.48,gblur=sigma=3[c];[a][c]overlay=0:H*0.48:enable='gte(n,{_SOFT_FROM})'"
    return cut(name, "-filter_complex", f"[0:v]{_PART},split[a][b];{soft}", *_CODED)


@pytest.fixture(scope="module")
def mixed(cut: Cut) -> Path:
    return _mixed(cut, "mixed.mp4")


@pytest.fixture(scope="module")
def true(cut: Cut) -> Path:
    return cut("as filmed.mp4", "-vf", _PART, *_CODED)


def _chosen(clip: Path) -> Chosen:
    tracked_video = track_video(probe(clip), progress=lambda done, total: None)
    return chosen_person(probe(clip), tracked_video, "largest", ShapeModel.load(find("face_shape")))


def _found(clip: Path, inside: np.ndarray | None = None) -> np.ndarray:
    chosen = _chosen(clip)
    return untouched_rows(measured_detail(VideoReader(probe(clip)), chosen), chosen.shots, inside)


def _luma(path: Path) -> list[np.ndarray]:
    return [frame.planes[0].astype(int) for frame in VideoReader(probe(path))]


def test_a_soft_lower_face_is_told_from_a_filmed_one(place: Path, mixed: Path, true: Path) -> None:
    found = _found(mixed)
    assert found[: _SOFT_FROM - 8].all() and not found[_SOFT_FROM:].any()
    assert not _found(true).any(), "in a real film nothing was touched, and nothing is to be done"


def test_a_film_that_is_soft_as_a_whole_has_no_source(place: Path, cut: Cut) -> None:
    """A change of focus, too: the upper face goes with it."""
    soft = f"gblur=sigma=3:enable='gte(n,{_SOFT_FROM})'"
    assert not _found(cut("unfocused.mp4", "-vf", f"{_PART},{soft}", *_CODED)).any()


def test_touched_frames_are_made_of_the_untouched(place: Path, mixed: Path, true: Path) -> None:
    report = dubtool.restore_teeth(mixed, place / "out.mkv", codec="ffv1")
    assert report.details["source"] == "the clip itself"
    filmed = report.passed["as filmed"]
    assert _SOFT_FROM - 8 <= filmed <= _SOFT_FROM and report.dubbed == 60 - filmed
    assert report.details["references"] == filmed == report.details["frames_as_filmed"]
    before, after, real = (_luma(path) for path in (mixed, place / "out.mkv", true))
    assert all(np.array_equal(a, b) for a, b in zip(before[:filmed], after[:filmed], strict=True))
    assert all(not np.array_equal(a, b) for a, b in zip(before[_SOFT_FROM:], after[_SOFT_FROM:], strict=True))
    soft, made, _ = _details(before, after, real)
    assert 1 - made < 0.5 * (1 - soft), "the detail of the mouth comes back"


def _details(*films: list[np.ndarray]) -> list[float]:
    """Of each film's lower middle in its last frames, over that of the last film."""
    found = []
    for film in films:
        height, width = film[0].shape
        here = slice(int(0.5 * height), int(0.75 * height)), slice(int(0.35 * width), int(0.65 * width))
        found.append(float(np.mean([np.abs(np.diff(each[here], axis=1)).mean() for each in film[_SOFT_FROM:]])))
    return [each / found[-1] for each in found]


def test_whoever_asks_for_a_network_gets_it(place: Path, mixed: Path) -> None:
    report = dubtool.restore_teeth(mixed, place / "out.mkv", codec="ffv1", reference="best", start=1.9)
    assert "source" not in report.details and "reference" in report.details


# Rows of three kinds, drawn: logarithms of detail as measured, with what a face's movements add.
def _drawn(*levels: tuple[int, float, float], noise: float = 0.15) -> Detail:
    rng = np.random.default_rng(0)
    lower = np.concatenate([np.full(rows, level) for rows, level, _ in levels])
    upper = np.concatenate([np.full(rows, level) for rows, _, level in levels])
    return Detail(lower + noise * rng.standard_normal(len(lower)), upper)


def test_two_groups_must_be_plainly_apart() -> None:
    def count(detail: Detail, shots: np.ndarray | None = None) -> int:
        rows = len(detail.lower)
        return int(untouched_rows(detail, np.zeros(rows, int) if shots is None else shots).sum())

    touched = _drawn((60, 4.0, 5.0), (60, 3.0, 5.0))
    assert 50 <= count(touched) <= 60
    assert count(_drawn((60, 4.0, 5.0), (60, 3.75, 5.0))) == 0, "nearer than real films' halves are"
    assert count(_drawn((60, 4.0, 4.0), (60, 4.0, 5.0))) == 0, "the upper face alone was softened"
    assert count(_drawn((20, 4.0, 5.0), (60, 3.0, 5.0))) == 0, "too few to be a source"
    assert count(_drawn((60, 4.0, 5.0), (5, 3.0, 5.0))) == 0, "a hand, no stretch that was dubbed"
    assert count(touched, np.repeat([0, 1], 60)) == 0, "shots differ without anybody's doing"


def test_a_told_stretch_needs_less() -> None:
    detail, shots = _drawn((60, 4.0, 5.0), (60, 3.6, 5.0), noise=0.3), np.zeros(120, int)
    assert not untouched_rows(detail, shots).any()
    assert untouched_rows(detail, shots, np.arange(120) >= 60)[:50].all()
    assert not untouched_rows(detail, shots, np.arange(120) < 60).any(), "what is told to be touched is the sharper"
    same = _drawn((120, 4.0, 5.0), noise=0.3)
    assert not untouched_rows(same, shots, np.arange(120) >= 60).any()
