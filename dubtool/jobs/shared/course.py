"""What happened to each frame of a dub, in plain values: what pages and pictures of it are drawn from."""

from __future__ import annotations

import json
import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from itertools import groupby, pairwise
from typing import Any

from dubtool.errors import InputError

# Decimals of each thing that is told of a mouth, and how many there are.
_DECIMALS = {"asked": 4, "x": 1, "y": 1, "side": 1, "yaw": 1, "painted": 2}
_WIDTH = len(_DECIMALS)


@dataclass(frozen=True, slots=True)
class MouthTold:
    """One new mouth.

    asked: how far the speech asks it to be open, eye corners 1 apart; None where the model is not asked so. x, y, side:
    its box in the picture, px. yaw: of the head, degrees. painted: how little the person's own frames would do, 0..1,
    None where none are shown.
    """

    asked: float | None
    x: float
    y: float
    side: float
    yaw: float
    painted: float | None = None


class Mouths(MutableMapping[int, MouthTold]):
    """New mouths by frame, in order of their frames.

    Of hours of frames, an object and its numbers for each would be a fifth of what is known of them. ValueError for a
    mouth with a number that is none.
    """

    def __init__(self, mouths: Mapping[int, MouthTold] | None = None) -> None:
        self._numbers, self._values = array("i"), array("d")
        self.update(mouths or {})

    def __getitem__(self, number: int) -> MouthTold:
        place = self._found(number)
        values = self._values[_WIDTH * place : _WIDTH * (place + 1)]
        return MouthTold(*(None if math.isnan(value) else value for value in values))  # type: ignore[arg-type]

    def __setitem__(self, number: int, mouth: MouthTold) -> None:
        told = astuple(mouth)
        if any(value is not None and math.isnan(value) for value in told):
            raise ValueError("not a number")
        values = array("d", [math.nan if value is None else value for value in told])
        place = bisect_left(self._numbers, number)
        if number in self._numbers[place : place + 1]:
            self._values[_WIDTH * place : _WIDTH * (place + 1)] = values
        else:
            self._numbers.insert(place, number)
            self._values[_WIDTH * place : _WIDTH * place] = values

    def __delitem__(self, number: int) -> None:
        place = self._found(number)
        del self._numbers[place], self._values[_WIDTH * place : _WIDTH * (place + 1)]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def _found(self, number: int) -> int:
        place = bisect_left(self._numbers, number)
        if number not in self._numbers[place : place + 1]:
            raise KeyError(number)
        return place


@dataclass
class PersonCourse:
    """One person of a dub frame by frame.

    face: what they are called. passed: as in `Course`, of this person's mouth. references: how many of the person's own
    frames are at hand; None where the model shows none. switches: frames in which another of them is shown than before.
    mouths: by frame, of those that change.
    """

    face: str
    passed: list[tuple[int, int, str]] = field(default_factory=list)
    references: int | None = None
    switches: list[int] = field(default_factory=list)
    mouths: MutableMapping[int, MouthTold] = field(default_factory=Mouths)

    @property
    def asked(self) -> dict[int, float]:
        """How far the mouth is asked to be open, by frame."""
        return {number: mouth.asked for number, mouth in self.mouths.items() if mouth.asked is not None}

    def as_dict(self, count: int) -> dict[str, Any]:
        """For the report: what is told of mouths is a list by frame, null where nothing is; of all `count` frames."""
        told: dict[str, Any] = {name: getattr(self, name) for name in ("face", "passed", "references", "switches")}
        for name in _DECIMALS:
            values = [getattr(self.mouths.get(number), name, None) for number in range(count)]
            rounded = [None if value is None else round(value, _DECIMALS[name]) for value in values]
            told[name] = None if all(value is None for value in values) else rounded
        return told


@dataclass
class Course:
    """A dub frame by frame.

    times: seconds of the N output frames, rising. source: the source's frame that stands at each. passed: stretches
    (first frame, frame after the last, why) that were left as they are. shots: first frame of each shot, 0 among them.
    people: what happened to each. settings: options that a shot may be given anew.
    """

    times: list[float]
    source: list[int]
    passed: list[tuple[int, int, str]]
    shots: list[int]
    people: list[PersonCourse] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def shot_ends(self) -> list[int]:
        """The frame after the last of each shot."""
        return [*self.shots[1:], len(self.times)]

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return own | {"people": [person.as_dict(len(self.times)) for person in self.people]}


def stretches(reasons: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first, after the last, reason) of each run of frames that have one."""
    found, place = [], 0
    for reason, group in groupby(reasons):
        end = place + len(list(group))
        if reason:
            found.append((place, end, reason))
        place = end
    return found


def shot_starts(source: Sequence[int], cuts: Iterable[int]) -> list[int]:
    """Output frames that begin a shot, 0 first. source: frame of the source that each shows. cuts: frames of the source
    that begin one."""
    begins = {0, *cuts}
    shot, shots = 0, {}
    for number in range(max(source, default=-1) + 1):
        shot += number in begins
        shots[number] = shot
    return [0, *(n for n in range(1, len(source)) if shots[source[n]] != shots[source[n - 1]])]


def course_text(report: Mapping[str, Any], course: Course | None) -> str:
    """A report as JSON for people to read, its frames on one line at the end."""
    text = json.dumps(report, indent=2)
    if course is None:
        return text
    frames = json.dumps(course.as_dict(), separators=(",", ":"))
    return f'{text[:-2]},\n  "course": {frames}\n}}'


def read_course(told: Any, where: str) -> Course:
    """What `Course.as_dict` wrote. where: what errors name.

    Raises:
        InputError: it is not whole.
    """
    try:
        course = Course(
            [float(each) for each in told["times"]],
            [int(each) for each in told["source"]],
            _passed(told["passed"]),
            [int(each) for each in told["shots"]],
            [_person(one, len(told["times"])) for one in told["people"]],
            dict(told["settings"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where} tells of its frames what is not understood; dub again with --sidecar") from error
    if not _fits_together(course):
        raise InputError(f"{where} tells of its frames what does not fit together; dub again with --sidecar")
    return course


def _fits_together(course: Course) -> bool:
    """Whether every frame that is told of is there, and time goes on."""
    count = len(course.times)
    return (
        0 < count == len(course.source)
        and all(map(math.isfinite, course.times))
        and all(before < after for before, after in pairwise(course.times))
        and min(course.source) >= 0
        and _in_order(course.passed, count)
        and course.shots[:1] == [0]
        and all(0 <= number < count for number in course.shots)
        and course.shots == sorted(set(course.shots))
        and all(_person_fits(person, count) for person in course.people)
    )


def _person_fits(person: PersonCourse, count: int) -> bool:
    told = [value for mouth in person.mouths.values() for value in astuple(mouth) if value is not None]
    return (
        _in_order(person.passed, count)
        and all(map(math.isfinite, told))
        and all(0 <= number < count for number in person.switches)
    )


def _in_order(passed: Sequence[tuple[int, int, str]], count: int) -> bool:
    edges = [0, *(edge for first, last, _ in passed for edge in (first, last)), count]
    return edges == sorted(edges)


def _passed(told: Any) -> list[tuple[int, int, str]]:
    return [(int(first), int(last), str(why)) for first, last, why in told]


def _person(told: Any, count: int) -> PersonCourse:
    columns = [told[name] if told[name] is not None else [None] * count for name in _DECIMALS]
    if any(len(column) != count for column in columns):
        raise ValueError("frames are missing")
    mouths = Mouths()
    for number, (asked, x, y, side, yaw, painted) in enumerate(zip(*columns, strict=True)):
        if x is not None:
            place = float(x), float(y), float(side), float(yaw)
            mouths[number] = MouthTold(_known(asked), *place, _known(painted))
    references = told["references"]
    return PersonCourse(
        str(told["face"]),
        _passed(told["passed"]),
        None if references is None else int(references),
        [int(each) for each in told["switches"]],
        mouths,
    )


def _known(value: Any) -> float | None:
    return None if value is None else float(value)
