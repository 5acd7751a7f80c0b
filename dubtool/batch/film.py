"""The video of a job that is only looked at."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from dubtool.jobs.shared.calls import video_file
from dubtool.media.probe import probe
from dubtool.media.sequence import film_of, find_sequence, rate_of


class Film:
    """What a video holds. Of an image sequence the first frame is read, into `folder`, and the rest is counted.

    path: a file to look at. bytes: of the whole. rate: of a sequence.

    Raises:
        UsageError, InputError, OutputError: it cannot be read, or needs a rate.
    """

    def __init__(self, given: Path, folder: Path, rate: Fraction | None = None) -> None:
        sequence = find_sequence(given)
        if sequence is None:
            self.path = video_file(given, rate, folder)
            self.info = probe(self.path)
            self.bytes = self.path.stat().st_size
            return
        self.path = film_of(sequence, rate, folder, most=1)
        self.info = replace(probe(self.path), duration=sequence.count / rate_of(sequence, rate))
        self.bytes = self.path.stat().st_size * sequence.count
