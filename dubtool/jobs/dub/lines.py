"""Rows of a cast as they are heard: each speech fitted to its place, all of them mixed, and each person's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubtool.errors import DubtoolError, UsageError
from dubtool.jobs.dub.film_clock import FilmClock
from dubtool.jobs.shared.cast import Cast, CastRow, Fit
from dubtool.jobs.shared.overrides import Override
from dubtool.media.audio import RATE, Speech, load_speech, silence
from dubtool.media.mix import MixFormat, Placed, decoded, mix, mix_format

QUIET_RMS = 1e-4
# What a speech may be longer than its place, or than the film, unnoticed: codecs fill up their last frame. Seconds.
_UNNOTICED = Fraction(1, 10)
# By how much a film may be longer than its header says, s.
HEADERS_ERR = Fraction(1)
# How much of its length a speech may be stretched or squeezed by: beyond that it is heard.
MOST_STRETCH = Fraction(15, 100)
_BLOCK = RATE * 4


@dataclass(frozen=True)
class Line:
    """One row with its sound, in its place.

    sound: the speech, before it is fitted. start, stop: its place, seconds of the film. fit: what is done. tempo: how
    much faster the speech is played.
    """

    row: CastRow
    sound: Speech
    start: Fraction
    stop: Fraction
    fit: Fit
    tempo: Fraction = Fraction(1)

    @property
    def length(self) -> Fraction:
        """Seconds of the speech, or of its part, as it is played."""
        if self.row.offset is not None:
            return min(max(length_of(self.sound) - self.row.offset, Fraction(0)), self.stop - self.start)
        return length_of(self.sound) / self.tempo

    @property
    def slows(self) -> bool:
        """Whether the picture is slowed down for it."""
        return self.fit == "slow-picture" and self.length > self.stop - self.start

    def told(self, clock: FilmClock) -> dict[str, Any]:
        """For the report: seconds of the output, and what was done to fit the speech."""
        start, stop = clock.at(self.start), clock.at(self.stop)
        told: dict[str, Any] = {
            "row": self.row.place,
            "face": self.row.face,
            "speech": str(self.row.speech),
            "from": round(float(start), 6),
            "to": round(float(stop), 6),
            "seconds": round(float(length_of(self.sound)), 3),
            "fit": self.fit,
        }
        if self.tempo != 1:
            told["tempo"] = round(float(self.tempo), 4)
        if self.slows:
            told["slowed"] = round(float((stop - start) / (self.stop - self.start)), 4)
        return told


def length_of(sound: Speech) -> Fraction:
    """Seconds."""
    return Fraction(sound.samples, RATE)


class Speeches:
    """The files of a cast, each decoded for analysis once.

    Raises:
        InputError: one cannot be used; the row says which.
    """

    def __init__(self, cast: Cast, path_of: Callable[[Path], Path], folder: Path) -> None:
        """path_of: where a file can be read again and again. folder: for what is made of the files."""
        self.cast, self._folder = cast, folder
        self.sounds: dict[Path, Speech] = {}
        for number, row in enumerate(cast.rows):
            if row.speech not in self.sounds:
                place = folder / f"speech-{number}"
                place.mkdir()
                with naming(row):
                    self.sounds[row.speech] = load_speech(path_of(row.speech), place)
        self.format = mix_format([sound.source for sound in self.sounds.values()])

    def sample(self) -> Path:
        """A short sound like the mix, to ask what containers take it."""
        path = self._folder / "sample.wav"
        mix([], path, self.format, Fraction(1, 2))
        return path

    def lines(self, film: Fraction, fit: Fit, unnoticed: Fraction = _UNNOTICED) -> list[Line]:
        """Every row in its place, in the order of the cast. film: its length, s. fit: of the rows that say nothing of
        it. unnoticed: what may lie behind the film's end, s.

        Raises:
            UsageError: a row ends after the film, or its speech fits in no way; it says which.
        """
        return [_line(row, self.sounds[row.speech], film, fit, unnoticed) for row in self.cast.rows]

    def mix(self, lines: Sequence[Line], clock: FilmClock, duration: Fraction) -> tuple[Path, float]:
        """The sound of the film: all lines at their times. How far it was turned down, see `media.mix.mix`."""
        whole: dict[tuple[Path, Fraction], Path] = {}
        placed = []
        for line in lines:
            key = (line.sound.source, line.tempo)
            if key not in whole:
                whole[key] = self._played(line, f"line-{len(whole)}.wav", self.format)
            start = clock.at(line.start)
            placed.append(Placed(whole[key], start, clock.at(line.stop), line.row.offset or Fraction(0)))
        target = self._folder / "mix.wav"
        gain = mix(placed, target, self.format, duration)
        for path in whole.values():
            path.unlink()
        return target, gain

    def of_person(self, lines: Sequence[Line], clock: FilmClock, duration: Fraction) -> Speech:
        """What one person says in the whole film, for analysis: 16 kHz mono, silence between the lines."""
        target = self._folder / f"person-{sum(1 for _ in self._folder.glob('person-*'))}.wav"
        count, peak, energy = 0, 0.0, 0.0
        with soundfile.SoundFile(target, "w", RATE, 1, format="RF64", subtype="FLOAT") as file:
            for block in self._blocks(lines, clock, round(duration * RATE)):
                count += len(block)
                peak = max(peak, float(np.abs(block).max(initial=0)))
                energy += float(np.square(block, dtype=np.float64).sum())
                file.write(block)
        first = lines[0].sound
        return Speech(
            first.source, target, count / RATE, count, first.sample_rate, first.channels, first.codec, peak,
            (energy / max(count, 1)) ** 0.5, 0,
        )  # fmt: skip

    def _blocks(self, lines: Sequence[Line], clock: FilmClock, total: int) -> Iterator[np.ndarray]:
        at = 0
        for line in sorted(lines, key=lambda one: one.start):
            begin, end = (min(round(clock.at(time) * RATE), total) for time in (line.start, line.stop))
            yield from silence(max(begin - at, 0))
            at = max(at, begin)
            played = line.sound.path
            if line.tempo != 1:
                fitted = self._played(line, f"fitted-{round(line.start * RATE)}.wav", self.format)
                folder = fitted.with_suffix("")
                folder.mkdir(exist_ok=True)
                played = load_speech(fitted, folder).path
            with soundfile.SoundFile(played) as file:
                first = round((line.row.offset or 0) * RATE)
                file.seek(min(first, file.frames))
                while at < end and len(block := file.read(min(_BLOCK, end - at), "float32", always_2d=True)):
                    yield block
                    at += len(block)
        yield from silence(total - at)

    def _played(self, line: Line, name: str, wanted: MixFormat) -> Path:
        with naming(line.row):
            return decoded(line.sound.source, self._folder / name, wanted, line.tempo)


@contextlib.contextmanager
def naming(row: CastRow | Override) -> Iterator[None]:
    """Within the block errors of ours say which row they are about."""
    try:
        yield
    except DubtoolError as error:
        error.args = (f"{row.place}: {error}",)
        raise


def clock_of(lines: Sequence[Line]) -> FilmClock:
    """How the film's time goes on, slowed down where lines want it.

    Raises:
        UsageError: two of them want it at one time.
    """
    slow = sorted((line for line in lines if line.slows), key=lambda line: line.start)
    for before, after in pairwise(slow):
        if after.start < before.stop:
            raise UsageError(
                f"{after.row.place}: the picture is slowed down for {before.row.place} at that time already: fit one "
                "of them otherwise"
            )
    return FilmClock.slowed([(line.start, line.stop, line.length) for line in slow])


def notes_on(lines: Sequence[Line], gain: float) -> list[str]:
    """What the user should know of how speeches were fitted and mixed, one line each."""
    notes = []
    for line in lines:
        name, length, room = line.row.speech.name, length_of(line.sound), line.stop - line.start
        before = f"{line.row.place}: {name} ({float(length):.2f} s)"
        if line.tempo != 1:
            how = "faster" if line.tempo > 1 else "slower"
            notes.append(
                f"{before} is played {abs(float(line.tempo) - 1):.1%} {how} to fit its place ({float(room):.2f} s)"
            )
        elif line.slows:
            notes.append(f"{before}: the picture is slowed down by {float(length / room) - 1:.1%} from {_at(line)} on")
        elif line.row.offset is None and length > room + _UNNOTICED:
            over = float(length - room)
            notes.append(f"{before} is {over:.2f} s longer than its place and cut; fit it (stretch, slow-picture)")
        if line.sound.rms < QUIET_RMS:
            notes.append(f"{line.row.place}: {line.row.speech} is silent: the mouth will stay at rest")
        if line.sound.decode_failures:
            notes.append(f"{line.row.speech}: {line.sound.decode_failures} damaged packets were passed over")
    if gain < 1:
        notes.append(f"the speeches together are too loud: all are turned down by {-20 * np.log10(gain):.1f} dB")
    return list(dict.fromkeys(notes))


def _at(line: Line) -> str:
    return f"{float(line.start):.2f} s"


def _line(row: CastRow, sound: Speech, film: Fraction, fit: Fit, unnoticed: Fraction) -> Line:
    length = length_of(sound)
    if row.offset is not None:
        if row.offset >= length:
            raise UsageError(
                f"{row.place}: {row.speech} lasts {float(length):g} s, and is to be heard from {float(row.offset):g} s"
            )
        length, fit = length - row.offset, "none"
    fit = row.fit or fit
    placed = row.stop if row.stop is not None else film if row.to_end else None
    stop = row.start + length if placed is None else placed
    if stop > film + unnoticed:
        what = f"{row.speech} would end" if row.stop is None else "it ends"
        raise UsageError(
            f"{row.place}: {what} at {float(stop):.2f} s, and the film at {float(film):.2f} s: begin earlier, or "
            "shorten it"
        )
    stop = min(stop, max(film, row.start + Fraction(1, RATE)))
    room = stop - row.start
    if fit == "stretch" and placed is not None and abs(length - room) > Fraction(1, RATE):
        return Line(row, sound, row.start, stop, fit, _tempo(row, length, room))
    return Line(row, sound, row.start, stop, fit)


def _tempo(row: CastRow, length: Fraction, room: Fraction) -> Fraction:
    change = room / length - 1
    if abs(change) > MOST_STRETCH:
        how = "squeezed" if change < 0 else "stretched"
        raise UsageError(
            f"{row.place}: {row.speech.name} ({float(length):.2f} s) would be {how} by {abs(float(change)):.0%} to fit "
            f"its place ({float(room):.2f} s), {float(MOST_STRETCH):.0%} is the most: change its place, or fit "
            "slow-picture"
        )
    return length / room
