"""What is before a mouth stays before it, to the pixel, and the rest is dubbed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from dubbing_place import Cut, frames_of

import dubtool
from dubtool.jobs.shared import covers
from dubtool.jobs.shared.covers import Covers

SIDE, FRAMES, FIRST, WIDE = 320, 24, 12, 36
NEAR = f"crop=400:400:120:110,scale={SIDE}:{SIDE}"
# From frame 12 on a bar goes over the right half of the mouth, 5 px a frame; or a caption lies over the chin.
_OVERLAY = "[near][bar]overlay=shortest=1:"
BAR = f"color=0x2080a0:s={WIDE}x160:r=25[bar];{_OVERLAY}x='if(lt(n,{FIRST}),-90,205-5*(n-{FIRST}))':y=150"
CAPTION = f"color=0x203060:s={SIDE}x36:r=25[bar];{_OVERLAY}x=0:y='if(lt(n,{FIRST}),400,262-2*(n-{FIRST}))'"


def _film(cut: Cut, name: str, cover: str, start: int) -> Path:
    # A cover of hard edges without any loss.
    arguments = ("-frames:v", FRAMES, "-an", "-c:v", "libx264", "-preset", "ultrafast", "-qp", 0)
    begun = f"[0:v]trim=start_frame={start},setpts=PTS-STARTPTS,{NEAR}[near]"
    return cut(name, *arguments, "-filter_complex", f"{begun};{cover}")


def _region(kind: str, number: int) -> tuple[slice, slice]:
    if kind == "bar":
        left = 205 - 5 * (number - FIRST)
        return slice(150, 310), slice(left, left + WIDE)
    top = 262 - 2 * (number - FIRST)
    return slice(top, top + 36), slice(0, SIDE)


@pytest.mark.parametrize(("kind", "fine"), [("bar", covers.FINE), ("caption", covers.FINE), ("caption", 50.0)])
def test_a_cover_stays_in_front_and_the_rest_is_dubbed(
    place: Path, cut: Cut, speech: Path, kind: str, fine: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fine: as of a face so large that covers are looked for in a smaller picture."""
    monkeypatch.setattr(covers, "FINE", fine)
    # Landmarks under a caption are guessed: it is not found in every film so short.
    film = _film(cut, f"{kind}.mp4", BAR, 50) if kind == "bar" else _film(cut, f"{kind}.mp4", CAPTION, 47)
    report = dubtool.dub(film, speech, place / "o.mkv", codec="ffv1", length="video")
    pairs = list(zip(frames_of(film), frames_of(place / "o.mkv"), strict=True))
    beside = 0
    for number, (before, after) in enumerate(pairs):
        changed = before.planes[0] != after.planes[0]
        if number < FIRST:
            assert changed.any()
            continue
        # The picture is at half the size in chroma: a bar's last column shares its cell with what is beside it.
        assert not changed[_region(kind, number)].any(), number
        beside += bool(changed.sum() > 300)
    assert beside >= 6, "the lips beside it follow the speech"
    assert report.details["frames_partly_covered"] >= 6
    assert report.dubbed + sum(report.passed.values()) == FRAMES
    assert set(report.passed) <= {"mouth covered", "too short a stretch"}
    if kind == "bar":
        _same_again_without_looking(film, speech, place, monkeypatch)


def _same_again_without_looking(film: Path, speech: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubtool.jobs.shared.known_covers.look_behind", None)
    again = dubtool.dub(film, speech, place / "again.mkv", codec="ffv1", length="video")
    assert again.details["frames_partly_covered"] >= 6
    for before, after in zip(frames_of(place / "o.mkv"), frames_of(place / "again.mkv"), strict=True):
        assert all(np.array_equal(*planes) for planes in zip(before.planes, after.planes, strict=True))
    with pytest.raises(TypeError):
        dubtool.dub(film, speech, place / "third.mkv", codec="ffv1", length="video", cache=False)


def test_a_mouth_that_nothing_covers_is_dubbed_whole(place: Path, cut: Cut, speech: Path) -> None:
    film = cut("near.mp4", "-ss", 2, "-frames:v", 10, "-an", "-preset", "ultrafast", "-crf", 14, "-vf", NEAR)
    report = dubtool.dub(film, speech, place / "o.mkv", codec="ffv1")
    assert report.dubbed == 10 and "frames_partly_covered" not in report.details and "covers" not in report.seconds


def test_how_much_shows_beside_a_cover() -> None:
    cover = np.zeros((20, 30), np.uint8)
    cover[:, 20:] = 255
    covers = Covers({7: ((10, 5, 40, 25), np.asarray(cv2.imencode(".png", cover)[1]))})
    visible = covers.visible(7, (0, 0, 50, 25), 200.0)
    assert visible is not None and visible.shape == (25, 50)
    assert not visible[5:, 30:40].any(), "nothing shows on the cover"
    assert visible[10, 29] == pytest.approx(1 / 6, abs=0.01) and visible[10, 23] == 1.0
    assert (np.diff(visible[10, 20:31]) <= 0).all()
    assert covers.visible(8, (0, 0, 50, 25), 200.0) is None
    assert covers.visible(7, (0, 0, 15, 25), 200.0) is None
