"""All that is known of a finished dub: what its report tells, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.jobs.shared.course import PersonCourse
from dubtool.review.compared import Compared
from dubtool.review.doubts import Doubt, doubtful_shots, missed_closures
from dubtool.review.dubbed import Dubbed
from dubtool.review.measures import light_changes
from dubtool.review.plots import Measured, PersonMeasured


@dataclass(frozen=True)
class Found:
    """compared: source and dub, as far as they were looked at. sound: a file of the dub's; levels: dB [N]. rendered:
    openings [N] of each person. What was not measured is None."""

    dubbed: Dubbed
    compared: Compared
    sound: Path | None = None
    levels: np.ndarray | None = None
    rendered: list[np.ndarray] | None = None

    def plotted(self) -> Measured:
        """For the plots."""
        course = self.dubbed.course
        people = [
            PersonMeasured(
                person.face, self.asked(person), self.rendering(number), told.sharpness, told.before, told.after
            )
            for number, (person, told) in enumerate(zip(course.people, self.compared.people, strict=True))
        ]
        return Measured(np.array(course.times), people, self.levels, course.passed, self.dubbed.told["seconds"])

    def asked(self, person: PersonCourse) -> np.ndarray:
        """How far a person's mouth is asked to be open, float32 [N], NaN where it is not."""
        asked = np.full(len(self.dubbed.course.times), np.nan, np.float32)
        for number, each in person.asked.items():
            asked[number] = each
        return asked

    def rendering(self, number: int) -> np.ndarray | None:
        """The opening of one person's mouth in the dub [N]; None where nobody has looked."""
        return None if self.rendered is None else self.rendered[number]

    def missed(self, number: int) -> list[tuple[int, int]]:
        """Closures that one person's mouth misses: first frame, frame after the last."""
        rendered = self.rendering(number)
        return [] if rendered is None else missed_closures(self.asked(self.dubbed.course.people[number]), rendered)

    def doubts(self, number: int) -> list[Doubt]:
        """Shots in which one person's mouth is to be looked at."""
        course, told = self.dubbed.course, self.compared.people[number]
        person = course.people[number]
        return doubtful_shots(course, person, self.asked(person), self.rendering(number), told.sharpness)

    def light(self) -> list[int]:
        """Frames at which the light changes, of those that were compared."""
        brightness, course = self.compared.brightness, self.dubbed.course
        return light_changes(brightness, course.times[: len(brightness)], course.shots) if brightness else []
