"""The timeline: which source frame stands at each moment of the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, count, cycle, pairwise
from statistics import median_low
from typing import Literal

import numpy as np

from dubtool.errors import InputError

Length = Literal["speech", "video", "shortest"]
Loop = Literal["pingpong", "repeat", "hold"]

_UNKNOWN_DURATION = Fraction(1, 25)
# A mouth that moves for one or two frames between still ones is a flicker; better none.
_SHORTEST_RUN = 3


@dataclass(frozen=True)
class FrameTimeline:
    """The output's frames.

    source: int32 [N] index of the source frame. times: N seconds from the start, rising from 0. durations: N seconds,
    each up to the next frame's time, the last one up to the end. duration: seconds in all.
    """

    source: np.ndarray
    times: list[Fraction]
    durations: list[Fraction]
    duration: Fraction

    def __len__(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> np.ndarray:
        """The times as float64 [N]."""
        return np.array([float(time) for time in self.times])

    def by_frames(self, pictures: int) -> FrameTimeline:
        """The same of whole frames, each of so many pictures; their source frame is that of the first."""
        if pictures == 1:
            return self
        durations = [sum(self.durations[n : n + pictures], Fraction(0)) for n in range(0, len(self), pictures)]
        return FrameTimeline(self.source[::pictures] // pictures, self.times[::pictures], durations, self.duration)


def plan_timeline(
    times: Sequence[Fraction],
    durations: Sequence[Fraction],
    speech: Fraction,
    *,
    length: Length,
    loop: Loop,
    pictures: int = 1,
) -> FrameTimeline:
    """Lay the video's frames out over the output.

    times: seconds of the source's frames, rising. durations: seconds they stand; of these only the last one's counts,
    the others stand until the next. Where the last one's is not known (0), it is taken as the usual step of the video,
    1/25 s if there is only one frame. speech: seconds.

    length: how long the output lasts: as the speech, as the video, or as the shorter of them. It lasts exactly so
    long; the last frame is cut to fit. loop: what a longer speech sees: the video backward and forward again (each
    frame for its own duration, none twice in a row at the turns), again from its start, or its last frame, repeated
    at the video's usual step so that the mouth can move on it.

    pictures: how many of the times make one frame, 2 for fields: these are laid out one by one, so that they move
    rightly backward, too, and always by turns. Of the last frame none is missing, should it last for no time.

    Raises:
        InputError: there is no frame.
    """
    if not times:
        raise InputError("the video has no frame that can be shown")
    standing = [after - before for before, after in pairwise(times)]
    usual = median_low(standing) if standing else _UNKNOWN_DURATION
    last = durations[-1] if durations[-1] > 0 else usual
    if not standing:
        usual = last
    standing.append(last)
    video = sum(standing, Fraction(0))
    duration = {"speech": speech, "video": video, "shortest": min(speech, video)}[length]

    source: list[int] = []
    starts: list[Fraction] = []
    now = Fraction(0)
    for index, stands in _order(standing, usual, loop, pictures):
        if now >= duration and len(source) % pictures == 0:
            break
        source.append(index)
        starts.append(now)
        now += stands
    ends = [*starts[1:], duration]
    cut = [max(min(end, duration) - start, Fraction(0)) for start, end in zip(starts, ends, strict=True)]
    # Of hours of frames, one object each would be megabytes.
    same: dict[Fraction, Fraction] = {}
    cut = [same.setdefault(each, each) for each in cut]
    return FrameTimeline(np.array(source, np.int32), starts, cut, duration)


def _order(standing: list[Fraction], usual: Fraction, loop: Loop, pictures: int) -> Iterator[tuple[int, Fraction]]:
    """Frames and how long they stand, without end."""
    total = len(standing)
    if loop == "hold" or total <= pictures:
        last = range(max(total - pictures, 0), total)
        yield from chain(enumerate(standing), ((index, usual) for index in cycle(last)))
    once = list(range(total))
    if loop == "pingpong":
        once += range(total - 2, 0, -1)
    for step in count():
        index = once[step % len(once)]
        yield index, standing[index]


def ease(usable: np.ndarray, times: Sequence[Fraction] | np.ndarray, ramp: float = 0.12) -> np.ndarray:
    """How much of the new mouth each frame shows: float32 [N], 0 (untouched) to 1.

    usable: bool [N]. times: seconds [N], rising. Each run of usable frames rises as a raised cosine over `ramp` seconds
    after the untouched frame before it, and falls so before the one after it; towards the output's own start and end it
    does neither. A run of one or two frames next to an untouched one stays untouched.
    """
    usable = np.asarray(usable, bool)
    at = np.asarray([float(time) for time in times], np.float64)
    # Seconds to the nearest untouched frame on either side; frames beyond the output do not count.
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable, [False]]).astype(np.int8)))
    weight = np.zeros(len(usable), np.float32)
    for start, end in edges.reshape(-1, 2):
        whole = start == 0 and end == len(usable)
        if end - start < _SHORTEST_RUN and not whole:
            continue
        away = np.full(end - start, np.inf)
        if start > 0:
            away = np.minimum(away, at[start:end] - at[start - 1])
        if end < len(usable):
            away = np.minimum(away, at[end] - at[start:end])
        weight[start:end] = 0.5 - 0.5 * np.cos(np.pi * np.clip(away / ramp, 0.0, 1.0))
    return weight
