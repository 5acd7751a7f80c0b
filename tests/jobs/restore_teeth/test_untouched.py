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
    detail = measured_detail(VideoReader(probe(clip)), chosen)
    return untouched_rows(detail, chosen.shots, chosen.motion.coefficients, inside)


def _luma(path: Path) -> list[np.ndarray]:
    return [frame.planes[0].astype(int) for frame in VideoReader(probe(path))]


def test_a_soft_lower_face_is_told_from_a_filmed_one(place: Path, mixed: Path, true: Path) -> None:
    found = _found(mixed)
    assert found[: _SOFT_FROM - 8].all() and not found[_SOFT_FROM:].any()
    assert not _found(true).any(), "in a real film nothing was touched, and nothing is to be done"


def test_other_shots_are_a_source_too(place: Path, cut: Cut) -> None:
    """Between the two something else is shown."""
    grey = "drawbox=c=gray:t=fill:enable='between(n,36,45)'"
    soft = "[b]crop=iw:ih*0.52:0:ih*0.48,gblur=sigma=3[c];[a][c]overlay=0:H*0.48:enable='gte(n,46)'"
    clip = cut("shots.mp4", "-filter_complex", f"[0:v]{_PART},split[a][b];{soft}[d];[d]{grey}", *_CODED)
    chosen = _chosen(clip)
    assert len(np.unique(chosen.shots)) == 2 and set(range(36, 46)).isdisjoint(chosen.motion.frames.tolist())
    found = set(chosen.motion.frames[_found(clip)].tolist())
    assert set(range(25)) <= found <= set(range(36))


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
    assert "source" not in report.details
    assert report.details["reference"] < _SOFT_FROM, "the sharpest of the clip, not of the stretch"


# Stretches of rows, drawn: logarithms of the detail of lower and upper face and around them, with what
# movements add.
def _drawn(*levels: tuple[int, float, float, float], noise: float = 0.08) -> Detail:
    rng = np.random.default_rng(0)
    parts = np.concatenate([np.tile(level, (rows, 1)) for rows, *level in levels])
    parts += noise * rng.standard_normal(parts.shape)
    lower, upper, around = parts.T
    return Detail(lower, upper, around, np.tile(rng.standard_normal((8, 8)), (len(parts), 1, 1)))


_FILMED = (60, 4.0, 5.0, 5.0)


def _rows(
    detail: Detail, shots: np.ndarray | None = None, inside: np.ndarray | None = None, grin: float = 0
) -> np.ndarray:
    """grin: by how much the second half's mouth is wider, in its deviations."""
    rows = len(detail.lower)
    shapes = np.random.default_rng(1).standard_normal((rows, 6))
    shapes[rows // 2 :, 1] += grin
    return untouched_rows(detail, np.zeros(rows, int) if shots is None else shots, shapes, inside)


def _count(detail: Detail, shots: np.ndarray | None = None, inside: np.ndarray | None = None) -> int:
    return int(_rows(detail, shots, inside).sum())


@pytest.mark.parametrize("touched", [(60, 3.4, 4.4, 5.0), (60, 3.2, 5.0, 5.0)])
def test_face_or_lower_face_may_have_been_redrawn(touched: tuple[int, float, float, float]) -> None:
    assert 50 <= _count(_drawn(_FILMED, touched)) < 60
    found = _rows(_drawn(touched, _FILMED, touched))
    assert found[70:110].all() and not found[:60].any() and not found[120:].any()


@pytest.mark.parametrize(
    "other",
    [
        (60, 3.8, 4.8, 5.0),  # nearer than real films' halves are
        (60, 3.3, 4.3, 4.3),  # another focus or compression softens what surrounds the face, too
        (60, 3.87, 4.0, 5.0),  # the upper face almost alone: brows and eyes
        (60, 4.0, 5.0, 6.0),  # the head came before something rich in detail
        (5, 3.0, 4.0, 5.0),  # a hand, no stretch that was dubbed
    ],
)
def test_what_happens_in_real_films_is_not_taken_for_a_tool(other: tuple[int, float, float, float]) -> None:
    assert _count(_drawn(_FILMED, other)) == 0


def test_a_grin_folds_the_skin() -> None:
    detail = _drawn(_FILMED, (60, 3.4, 4.4, 5.0))
    assert _rows(detail, grin=2).any() and not _rows(detail, grin=6).any()


def test_a_few_sharper_frames_are_no_source() -> None:
    assert _count(_drawn((20, 4.0, 5.0, 5.0), (60, 3.3, 4.3, 5.0))) == 0


def test_a_tool_sets_in_at_once() -> None:
    """Light and pose change by and by."""
    fall = [(1, 4 - step, 5 - step, 5.0) for step in np.linspace(0, 0.8, 60).tolist()]
    assert _count(_drawn(_FILMED, *fall, (60, 3.2, 4.2, 5.0), noise=0.02)) == 0


def test_shots_are_compared_where_they_are_of_one_camera() -> None:
    detail, shots = _drawn(_FILMED, (60, 3.4, 4.4, 5.0)), np.repeat([3, 7], 60)
    assert 50 <= _count(detail, shots) < 60
    detail.scenes[60:] = detail.scenes[60:, ::-1]
    assert _count(detail, shots) == 0, "elsewhere other things surround the face"


def test_a_told_stretch_needs_less() -> None:
    detail, told = _drawn(_FILMED, (60, 3.75, 4.8, 5.0), noise=0.04), np.arange(120) >= 60
    assert _count(detail) == 0
    assert 50 <= _count(detail, inside=told) < 60
    assert _count(detail, inside=~told) == 0, "what is told to be touched is the sharper"
    assert _count(_drawn(_FILMED, _FILMED), inside=told) == 0
