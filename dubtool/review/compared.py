"""Source and dub side by side, frame by frame: what is measured of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from dubtool.errors import InputError
from dubtool.jobs.shared.course import MouthTold
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Box, Frame
from dubtool.media.probe import probe
from dubtool.metrics.pixels import luma
from dubtool.metrics.sharpness import sharpness_ratio
from dubtool.review.dubbed import Dubbed, require_source
from dubtool.review.measures import other_frames

# Width at which the light of a whole picture is measured.
_SMALL = 64


def pairs(dubbed: Dubbed) -> Iterator[tuple[Frame, Frame]]:
    """The source's frame and the dub's, of every frame of the dub.

    Raises:
        InputError: one of them cannot be read, or has other frames than the report.
    """
    source_info, film_info = probe(require_source(dubbed)), probe(dubbed.film)
    wanted, total = dubbed.course.source, len(dubbed.course.source)
    before, count = VideoReader(source_info).frames(wanted), 0
    for count, after in enumerate(VideoReader(film_info), 1):
        if count > total:
            raise other_frames(dubbed, count)
        frame = next(before, None)
        if frame is None:
            raise InputError(f"{dubbed.source} ends before {dubbed.film.name}: name the right file with --source")
        if (frame.width, frame.height) != (after.width, after.height):
            raise InputError(f"{dubbed.source} has another size than {dubbed.film.name}: is it the right --source?")
        yield frame, after
    if count != total:
        raise other_frames(dubbed, count)


@dataclass
class MouthsCompared:
    """One person's mouth box by frame, float32 [N], NaN where no new mouth is.

    sharpness: of the dub over the source's. before, after: mean light of source and dub, 0..255.
    """

    sharpness: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def unknown(cls, count: int) -> MouthsCompared:
        return cls(*(np.full(count, np.nan, np.float32) for _ in range(3)))


@dataclass
class Compared:
    """What was measured so far. brightness: mean of each frame of the source, 0..255. people: as in the course."""

    dubbed: Dubbed
    brightness: list[float] = field(default_factory=list)
    people: list[MouthsCompared] = field(init=False)

    def __post_init__(self) -> None:
        total = len(self.dubbed.course.times)
        self.people = [MouthsCompared.unknown(total) for _ in self.dubbed.course.people]

    def see(self, frame: Frame, after: Frame) -> None:
        """Measure the next frames."""
        number = len(self.brightness)
        self.brightness.append(float(frame.rgb(scale=min(1.0, _SMALL / frame.width)).mean()))
        for person, told in zip(self.dubbed.course.people, self.people, strict=True):
            mouth = person.mouths.get(number)
            box = None if mouth is None else _box(mouth, frame)
            if box is not None:
                own, made = (luma(each.rgb(box)) for each in (frame, after))
                told.sharpness[number] = sharpness_ratio(made, own)
                told.before[number], told.after[number] = own.mean(), made.mean()


def _box(mouth: MouthTold, frame: Frame) -> Box | None:
    """The part of a mouth's box that lies in the picture; None where hardly any does."""
    half = mouth.side / 2
    left, right = (round(min(max(each, 0), frame.width)) for each in (mouth.x - half, mouth.x + half))
    top, bottom = (round(min(max(each, 0), frame.height)) for each in (mouth.y - half, mouth.y + half))
    return (left, top, right, bottom) if min(right - left, bottom - top) >= 3 else None
