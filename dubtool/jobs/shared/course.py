"""What happened to each frame of a dub, in plain values: what pages and pictures of it are drawn from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby, pairwise
from typing import Any

from dubtool.errors import InputError

_DECIMALS = 4


@dataclass
class Course:
    """A dub frame by frame.

    times: seconds of the N output frames, rising. source: the source's frame that stands at each. passed: stretches
    (first frame, frame after the last, why) that were left as they are. shots: first frame of each shot, 0 among them.
    switches: frames in which another of the person's own pictures is shown than before. asked: by frame, how far the
    speech asks the mouth to be open, eye corners 1 apart. settings: options that a shot may be given anew.
    """

    times: list[float]
    source: list[int]
    passed: list[tuple[int, int, str]]
    shots: list[int]
    switches: list[int] = field(default_factory=list)
    asked: dict[int, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def ask(self, numbers: Iterable[int], opening: Iterable[float]) -> None:
        """Note how far the mouths of some frames are to be open."""
        self.asked |= {
            int(number): round(float(each), _DECIMALS) for number, each in zip(numbers, opening, strict=True)
        }

    def as_dict(self) -> dict[str, Any]:
        """For the report: `asked` is a list by frame, null where nothing is asked."""
        asked = [self.asked.get(number) for number in range(len(self.times))]
        return asdict(self) | {"asked": asked}


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
        asked = {number: float(each) for number, each in enumerate(told["asked"]) if each is not None}
        course = Course(
            [float(each) for each in told["times"]],
            [int(each) for each in told["source"]],
            [(int(first), int(last), str(why)) for first, last, why in told["passed"]],
            [int(each) for each in told["shots"]],
            [int(each) for each in told["switches"]],
            asked,
            dict(told["settings"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where} tells of its frames what is not understood; dub again with --sidecar") from error
    if len(told["asked"]) != len(course.times) or not _fits_together(course):
        raise InputError(f"{where} tells of its frames what does not fit together; dub again with --sidecar")
    return course


def _fits_together(course: Course) -> bool:
    """Whether every frame that is told of is there, and time goes on."""
    count = len(course.times)
    edges = [0, *(edge for first, last, _ in course.passed for edge in (first, last)), count]
    return (
        0 < count == len(course.source)
        and all(map(math.isfinite, [*course.times, *course.asked.values()]))
        and all(before < after for before, after in pairwise(course.times))
        and min(course.source) >= 0
        and edges == sorted(edges)
        and course.shots[:1] == [0]
        and all(0 <= number < count for number in [*course.shots, *course.switches])
        and course.shots == sorted(set(course.shots))
    )
