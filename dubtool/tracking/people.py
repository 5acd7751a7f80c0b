"""Who is who: the tracks of one person gathered over all shots, and the person that the user asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.tracking.head_form import HeadForm, likeness
from dubtool.tracking.head_look import MeanLook, look_likeness, mean_look
from dubtool.tracking.identity_changes import persons_apart, span
from dubtool.tracking.track import FaceTrack, Tracks

# Least likeness of heads' forms, where nothing is known of their looks.
_SAME = 0.6
# And by how alike the looks are: hair, clothes and backdrop. Measured on people filmed several times (other days, other
# cameras; harder than cuts within one video), by directions learned from others: 85 % of the pairs are known again, and
# 0.9 % of strangers taken for the same; by the form alone 77 % and 1.9 %.
_LOOKS, _SAME_BY_LOOK = (0.2, 0.6, 0.93, 0.975), (0.70, 0.65, 0.65, 0.35)
_LOOK_ROWS = 30
# Who is said to be in both of two videos most often is.
_SAME_AS_TOLD = 0.4
_FORM_ROWS = 25
# Within a shot a face that went and one that came are two people more often.
_MORE_IN_SHOT = 0.05
# A face that walks in is found a few frames late.
_MOMENT = 0.25
_SPEC = re.compile(r"@(?P<seconds>\d+(\.\d*)?|\.\d+):(?P<x>-?\d+(\.\d+)?),(?P<y>-?\d+(\.\d+)?)")


@dataclass(frozen=True)
class Person:
    """One person: their tracks in order of time, no two of which share a frame."""

    tracks: list[FaceTrack]

    @property
    def frame_count(self) -> int:
        """Frames in which the face was seen."""
        return sum(len(track.frames) for track in self.tracks)

    @property
    def size(self) -> float:
        """Median face size, px."""
        return float(np.median(np.concatenate([track.anchors[:, 2] for track in self.tracks])))

    @property
    def x(self) -> float:
        """Median position of the face's middle, px from the picture's left edge."""
        return float(np.median(np.concatenate([track.anchors[:, 0] for track in self.tracks])))

    def screen_time(self, times: Sequence[Fraction]) -> float:
        """Seconds in which the face was seen; `times` are those of the video's frames."""
        return sum(float(_standing(times)[track.frames].sum()) for track in self.tracks)


def people(tracks: Tracks, form: HeadForm) -> list[Person]:
    """The persons of a take, from left to right (by median position).

    Tracks that go over from one person to another are taken apart; then tracks are joined by the form of the head, the
    largest first; tracks that share a frame never are. What was taken apart and is one person's again stays whole.
    """
    apart = [(face, persons_apart(face, form)) for face in tracks.faces if len(face.frames)]
    groups: list[_Group] = []
    for face in sorted((part for _, parts in apart for part in parts), key=lambda face: -face.size * len(face.frames)):
        head = _Head(face, _mean_form(face, form), _look(face))
        known = max(groups, key=lambda group: group.likeness(head), default=None)
        if known is not None and known.likeness(head) > 0:
            known.add(head)
        else:
            groups.append(_Group(head))
    for whole, parts in apart:
        for group in groups:
            group.rejoin(whole, parts)
    return sorted((group.person() for group in groups), key=lambda person: person.x)


def choose(persons: Sequence[Person], spec: str, tracks: Tracks, times: Sequence[Fraction]) -> Person:
    """The person that `spec` names.

    spec: "largest" (size times screen time), "left", "right" (of the list), "N" (the N-th from the left, from 1), or
    "@SECONDS:X,Y" (whose face is nearest to that pixel of the upright picture at that moment). times: of the frames.

    Raises:
        UsageError: `spec` is none of these.
        NoFaceError: it names nobody.
    """
    spec = spec.strip().lower()
    moment = _SPEC.fullmatch(spec)
    if not (moment or spec in ("largest", "left", "right") or re.fullmatch(r"\d+", spec)):
        raise UsageError(f"--face {spec!r} is not understood: use largest, left, right, a number, or @SECONDS:X,Y")
    if not persons:
        raise NoFaceError(f"no face was found in any of the {tracks.frame_count} frames")
    if spec == "largest":
        return max(persons, key=lambda person: person.size * person.screen_time(times))
    if spec in ("left", "right"):
        return persons[0 if spec == "left" else -1]
    if moment is None:
        if not 1 <= int(spec) <= len(persons):
            raise NoFaceError(f"there is no face number {spec}; {_listing(persons, times)}")
        return persons[int(spec) - 1]
    seconds, x, y = (float(moment[name]) for name in ("seconds", "x", "y"))
    nearest = min(persons, key=lambda person: _distance(person, seconds, x, y, times))
    if not np.isfinite(_distance(nearest, seconds, x, y, times)):
        raise NoFaceError(f"no face is seen at {seconds:g} s; {_listing(persons, times)}")
    return nearest


def most_alike(persons: Sequence[Person], wanted: Person, form: HeadForm) -> Person | None:
    """The one whose head is most like that of `wanted`, who is in another video; None if nobody's is."""
    mine = _person_form(wanted, form)
    found = [float(likeness(_person_form(person, form), mine)) for person in persons]
    best = int(np.argmax(found)) if found else 0
    return persons[best] if found and found[best] >= _SAME_AS_TOLD else None


@dataclass(frozen=True)
class _Head:
    """A track with the form of its head float32 [K], and what it looks like."""

    face: FaceTrack
    form: np.ndarray
    look: MeanLook


class _Group:
    """A person in the making: tracks, what they look like, and the mean of their forms weighted by their frames."""

    def __init__(self, head: _Head) -> None:
        self._faces, self._looks = [head.face], [head.look]
        self._form = head.form
        self._count = len(head.face.frames)

    def likeness(self, head: _Head) -> float:
        """Above 0 where `head` is the same person's; minus infinity where it cannot be."""
        mine = [other for other in self._faces if other.shot == head.face.shot]
        if any(len(np.intersect1d(other.frames, head.face.frames, assume_unique=True)) for other in mine):
            return -np.inf
        alike = float(likeness(self._form, head.form)) - (_MORE_IN_SHOT if mine else 0.0)
        if alike < min(_SAME_BY_LOOK):
            return alike - _SAME
        # Films come back to where they were.
        looks = [found for look in self._looks if (found := look_likeness(look, head.look)) is not None]
        return alike - (float(np.interp(max(looks), _LOOKS, _SAME_BY_LOOK)) if looks else _SAME)

    def add(self, head: _Head) -> None:
        count = len(head.face.frames)
        self._faces.append(head.face)
        self._looks.append(head.look)
        self._form = (self._form * self._count + head.form * count) / (self._count + count)
        self._count += count

    def rejoin(self, whole: FaceTrack, parts: Sequence[FaceTrack]) -> None:
        """Have neighbouring parts of a track as one, with the rows between them."""
        mine = [any(part is face for face in self._faces) for part in parts]
        for own, run in groupby(range(len(parts)), key=lambda number: mine[number]):
            first, *others = (parts[number] for number in run)
            if own and others:
                self._faces = [face for face in self._faces if not any(face is part for part in (first, *others))]
                self._faces.append(span(whole, first, others[-1]))

    def person(self) -> Person:
        return Person(sorted(self._faces, key=lambda face: int(face.frames[0])))


def _mean_form(face: FaceTrack, form: HeadForm) -> np.ndarray:
    """The form of a track's head float32 [K], from the rows that show it best: those least turned."""
    rows = np.unique(np.linspace(0, len(face.frames) - 1, 2 * _FORM_ROWS).astype(int))
    forms, yaw = form.vectors(face.points(rows))
    return np.asarray(forms[np.argsort(np.abs(yaw), kind="stable")[:_FORM_ROWS]].mean(axis=0))


def _look(face: FaceTrack) -> MeanLook:
    """The mean look of a track."""
    seen = np.flatnonzero((face.looks > 0).any(axis=(1, 2, 3)))
    return mean_look(face.looks[seen[:: max(1, len(seen) // _LOOK_ROWS)]])


def _person_form(person: Person, form: HeadForm) -> np.ndarray:
    """The mean form of a person's tracks float32 [K], weighted by their frames."""
    counts = [len(track.frames) for track in person.tracks]
    return np.asarray(np.average([_mean_form(track, form) for track in person.tracks], axis=0, weights=counts))


def _distance(person: Person, seconds: float, x: float, y: float, times: Sequence[Fraction]) -> float:
    """Pixels from (x, y) to the person's face at that moment; infinite where it is not seen then."""
    at = np.array([float(time) for time in times])
    shown = max(bisect_right(at, seconds) - 1, 0)
    for track in person.tracks:
        row = int(np.abs(track.frames - shown).argmin())
        if abs(at[track.frames[row]] - at[shown]) <= _MOMENT:
            return float(np.hypot(track.anchors[row, 0] - x, track.anchors[row, 1] - y))
    return float("inf")


def _standing(times: Sequence[Fraction]) -> np.ndarray:
    """Seconds that each frame stands; the last one as long as the one before it."""
    steps = [float(after - before) for before, after in pairwise(times)]
    return np.array([*steps, steps[-1] if steps else 1.0])


def _listing(persons: Sequence[Person], times: Sequence[Fraction]) -> str:
    """One line on who there is."""
    found = ", ".join(
        f"{number}: {person.size:.0f} px wide at x = {person.x:.0f}, {person.screen_time(times):.1f} s"
        for number, person in enumerate(persons, start=1)
    )
    return f"found from left to right: {found}"
