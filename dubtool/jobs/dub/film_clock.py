"""The film's time in the output: as it is, but where the picture is slowed down for a speech."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from dubtool.jobs.shared.frame_timeline import FrameTimeline

_ONE = Fraction(1)


@dataclass(frozen=True)
class FilmClock:
    """Linear between knots. film, output: seconds of both, rising from 0; behind the last knot as usual."""

    film: tuple[Fraction, ...] = (Fraction(0),)
    output: tuple[Fraction, ...] = (Fraction(0),)

    @classmethod
    def slowed(cls, stretches: Iterable[tuple[Fraction, Fraction, Fraction]]) -> FilmClock:
        """stretches: from and to, seconds of the film, and how long they are to last; one after the other."""
        film, output = [Fraction(0)], [Fraction(0)]
        for start, stop, seconds in stretches:
            for time, lasts in ((start, start - film[-1]), (stop, seconds)):
                if time > film[-1]:
                    output.append(output[-1] + lasts)
                    film.append(time)
        return cls(tuple(film), tuple(output))

    @property
    def added(self) -> Fraction:
        """Seconds by which the output is longer than the film."""
        return self.output[-1] - self.film[-1]

    def at(self, time: Fraction) -> Fraction:
        """Seconds of the output at `time` (0 or more) of the film."""
        knot = bisect_right(self.film, time) - 1
        rate = _ONE
        if knot + 1 < len(self.film):
            rate = (self.output[knot + 1] - self.output[knot]) / (self.film[knot + 1] - self.film[knot])
        return self.output[knot] + (time - self.film[knot]) * rate

    def slow(self, timeline: FrameTimeline) -> FrameTimeline:
        """A timeline in the film's own time, in that of the output."""
        if not self.added:
            return timeline
        times = [self.at(time) for time in timeline.times]
        duration = self.at(timeline.duration)
        durations = [after - before for before, after in zip(times, [*times[1:], duration], strict=True)]
        return FrameTimeline(timeline.source, times, durations, duration)
