"""Who is who: the tracks of one person gathered over all shots, and the person that the user asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from dubtool.errors import NoFaceError
from dubtool.tracking.clustering import clusters
from dubtool.tracking.face_words import MOMENT, NUMBER, check_face, is_word
from dubtool.tracking.head_form import HeadForm, likeness
from dubtool.tracking.hidden_cuts import Recognise, parted_at_hidden_cuts
from dubtool.tracking.identity_changes import persons_apart, span
from dubtool.tracking.track import FaceTrack, Tracks

# Least likeness of heads' forms. Measured on people filmed several times (other days, other cameras; harder than cuts
# within one video), by directions learned from others: 85 % of the pairs are known again, and 1.5 % of strangers
# taken for the same.
_SAME = 0.6
# Least mean cosine of the looks of two groups of faces (SFace with 8-bit weights) that are one person's. Of 37 corpus
# people a clip is like the person's others by 0.61 and more in the mean, and no two people by more than 0.44. In 300
# films of 30 shots of 3 of them, made of these vectors, nobody is mixed up; by form at its best in every second film.
_SAME_FACE = 0.5
_FORM_ROWS = 25
# Within a shot a face that went and one that came are two people more often: here 0.8 % of strangers pass.
_SAME_IN_SHOT = 0.65
# A face that walks in is found a few frames late.
_MOMENT = 0.25


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


# Who of some persons is in a picture file.
Pictured = Callable[[Path, Sequence[Person]], Person]


def people(tracks: Tracks, form: HeadForm, recognise: Recognise | None = None) -> list[Person]:
    """The persons of a take, from left to right (by median position).

    Tracks that go over from one person to another are taken apart, with `recognise` at hidden cuts, too;
    then tracks are joined where `recognise` finds faces alike, or, without it, by the form of the head, the largest
    first; tracks that share a frame never are. What was taken apart and is one person's again stays whole.
    """
    apart = [(face, persons_apart(face, form)) for face in tracks.faces if len(face.frames)]
    if recognise is not None:
        cut = iter(parted_at_hidden_cuts([part for _, own in apart for part in own], recognise))
        apart = [(face, [piece for _ in own for piece in next(cut)]) for face, own in apart]
    parts = sorted((part for _, own in apart for part in own), key=lambda face: -face.size * len(face.frames))
    groups = _by_form(parts, form) if recognise is None or len(parts) < 2 else _by_looks(parts, recognise(parts))
    for whole, own in apart:
        groups = [_rejoined(group, whole, own) for group in groups]
    persons = [Person(sorted(group, key=lambda face: int(face.frames[0]))) for group in groups]
    return sorted(persons, key=lambda person: person.x)


def names(persons: Sequence[Person]) -> list[str]:
    """What the persons are called: person-1 is the first from the left, which is number 1, too."""
    return [f"person-{number}" for number in range(1, len(persons) + 1)]


def choose(
    persons: Sequence[Person], spec: str, tracks: Tracks, times: Sequence[Fraction], pictured: Pictured | None = None
) -> Person:
    """The person that `spec` names.

    spec: "largest" (size times screen time), "left", "right" (of the list), "N" (the N-th from the left, from 1),
    one of their `names`, "@SECONDS:X,Y" (whose face is nearest to that pixel of the upright picture at that moment), or
    a picture file of the person. times: of the frames. pictured: finds who is in a picture.

    Raises:
        UsageError: `spec` is none of these.
        NoFaceError: it names nobody.
    """
    check_face(spec, names(persons))
    word = spec.strip().lower()
    moment, numbered = MOMENT.fullmatch(word), NUMBER.fullmatch(word)
    drawn = not is_word(spec)
    if not persons:
        raise NoFaceError(f"no face was found in any of the {tracks.frame_count} frames")
    if drawn:
        assert pictured is not None, "whoever takes pictures says who is in them"
        return pictured(Path(spec), persons)
    if word == "largest":
        return max(persons, key=lambda person: person.size * person.screen_time(times))
    if word in ("left", "right"):
        return persons[0 if word == "left" else -1]
    if numbered:
        number = int(numbered["number"])
        if not 1 <= number <= len(persons):
            who = f"nobody called {word}" if numbered["name"] else f"no face number {number}"
            raise NoFaceError(f"there is {who}; {listing(persons, times)}")
        return persons[number - 1]
    assert moment is not None
    seconds, x, y = (float(moment[name]) for name in ("seconds", "x", "y"))
    nearest = min(persons, key=lambda person: _distance(person, seconds, x, y, times))
    if not np.isfinite(_distance(nearest, seconds, x, y, times)):
        raise NoFaceError(f"no face is seen at {seconds:g} s; {listing(persons, times)}")
    return nearest


def _by_looks(faces: Sequence[FaceTrack], vectors: np.ndarray) -> list[list[FaceTrack]]:
    apart = np.array([[one is not other and _meet(one, other) for other in faces] for one in faces], bool)
    return [[faces[number] for number in group] for group in clusters(vectors, apart, _SAME_FACE)]


def _by_form(faces: Sequence[FaceTrack], form: HeadForm) -> list[list[FaceTrack]]:
    groups: list[_Group] = []
    for face in faces:
        mean = _mean_form(face, form)
        known = max(groups, key=lambda group: group.likeness(face, mean), default=None)
        if known is not None and known.likeness(face, mean) > 0:
            known.add(face, mean)
        else:
            groups.append(_Group(face, mean))
    return [group.faces for group in groups]


class _Group:
    """A person in the making: tracks, and the mean of their forms weighted by their frames."""

    def __init__(self, face: FaceTrack, form: np.ndarray) -> None:
        self.faces = [face]
        self._form = form
        self._count = len(face.frames)

    def likeness(self, face: FaceTrack, form: np.ndarray) -> float:
        """Above 0 where `face` is the same person; minus infinity where it cannot be."""
        if any(_meet(other, face) for other in self.faces):
            return -np.inf
        within = any(other.shot == face.shot for other in self.faces)
        return float(likeness(self._form, form)) - (_SAME_IN_SHOT if within else _SAME)

    def add(self, face: FaceTrack, form: np.ndarray) -> None:
        count = len(face.frames)
        self.faces.append(face)
        self._form = (self._form * self._count + form * count) / (self._count + count)
        self._count += count


def _meet(one: FaceTrack, other: FaceTrack) -> bool:
    """Whether two tracks share a frame."""
    return one.shot == other.shot and len(np.intersect1d(one.frames, other.frames, assume_unique=True)) > 0


def _rejoined(faces: Sequence[FaceTrack], whole: FaceTrack, parts: Sequence[FaceTrack]) -> list[FaceTrack]:
    """A person's tracks with neighbouring parts of a track as one, with the rows between them."""
    found = list(faces)
    mine = [any(part is face for face in faces) for part in parts]
    for own, run in groupby(range(len(parts)), key=lambda number: mine[number]):
        first, *others = (parts[number] for number in run)
        if own and others:
            found = [face for face in found if not any(face is part for part in (first, *others))]
            found.append(span(whole, first, others[-1]))
    return found


def _mean_form(face: FaceTrack, form: HeadForm) -> np.ndarray:
    """The form of a track's head float32 [K], from the rows that show it best: those least turned."""
    rows = np.unique(np.linspace(0, len(face.frames) - 1, 2 * _FORM_ROWS).astype(int))
    forms, yaw = form.vectors(face.points(rows))
    return np.asarray(forms[np.argsort(np.abs(yaw), kind="stable")[:_FORM_ROWS]].mean(axis=0))


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


def listing(persons: Sequence[Person], times: Sequence[Fraction]) -> str:
    """One line on who there is."""
    found = ", ".join(
        f"{name}: {person.size:.0f} px wide at x = {person.x:.0f}, {person.screen_time(times):.1f} s"
        for name, person in zip(names(persons), persons, strict=True)
    )
    return f"found from left to right: {found}"
