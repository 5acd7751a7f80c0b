"""Subtitles with a sound for each cue, as a cast: lines.srt and a folder of 1.wav, 2.wav and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dubtool.errors import InputError, UsageError
from dubtool.jobs.shared.cast import Cast, CastRow
from dubtool.jobs.shared.rows import read_text
from dubtool.jobs.shared.times import seconds

# How files end that hold a sound and nothing else.
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac")
# More no cue's number has; a file's may be longer, and is none.
_DIGITS = 18
_TIME = r"(\d+(?::\d+){1,2}(?:[,.]\d+)?)"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}\b.*")


@dataclass(frozen=True)
class Cue:
    """One subtitle: its number, and when it is shown, s."""

    number: int
    start: Fraction
    stop: Fraction


def read_cues(path: Path) -> list[Cue]:
    """The cues of an SRT file in any encoding; where numbers are missing they are counted.

    Raises:
        InputError: it cannot be read. UsageError: it is not understood, holds no cue, or two have one number.
    """
    lines = read_text(Path(path), "SRT").splitlines()
    cues: dict[int, Cue] = {}
    for place, line in enumerate(lines):
        timing = _TIMING.fullmatch(line)
        if timing is None:
            if "-->" in line:
                raise UsageError(f"{path.name}, line {place + 1}: {line.strip()!r} is not FROM --> TO")
            continue
        before = lines[place - 1].strip() if place else ""
        number = int(before) if before.isdecimal() and len(before) <= _DIGITS else len(cues) + 1
        try:
            start, stop = (seconds(text.replace(",", ".")) for text in timing.groups())
        except ValueError as error:
            raise UsageError(f"{path.name}, line {place + 1}: {line.strip()!r} holds what is not {error}") from error
        if stop <= start:
            raise UsageError(f"{path.name}, cue {number}: it ends at {float(stop):g} s, not after its start")
        if number in cues:
            raise UsageError(f"{path.name}, line {place + 1}: there are two cues {number}")
        cues[number] = Cue(number, start, stop)
    if not cues:
        raise UsageError(f"{path} has no cues: give subtitles as SRT (1, 0:00:01,000 --> 0:00:02,500, text)")
    return list(cues.values())


def cast_of_cues(path: Path, voices: Path, face: str) -> Cast:
    """The cast of cues, each with the sound in the folder `voices` that is named after its number: "3.wav" or
    "003.wav" is said by `face`, "3.left.wav" by another.

    Raises:
        InputError, UsageError: as `read_cues`; or a cue has no sound, or two, or a sound no cue.
    """
    sounds = _sounds(Path(voices))
    rows = []
    for cue in read_cues(path):
        place = f"{path.name}, cue {cue.number}"
        found = sounds.pop(cue.number, [])
        if not found:
            raise InputError(f"{place}: no sound in {voices} is named {cue.number} (as {cue.number:03d}.wav)")
        if len(found) > 1:
            raise UsageError(f"{place}: {found[0][1].name} and {found[1][1].name} are both named after it")
        who, sound = found[0]
        rows.append(CastRow(who or face, sound, cue.start, cue.stop, place=place))
    if sounds:
        lost = next(iter(sounds.values()))[0][1]
        raise UsageError(f"{lost} is the sound of no cue of {path.name}")
    return Cast(tuple(rows))


def _sounds(folder: Path) -> dict[int, list[tuple[str, Path]]]:
    """Who, if that is said, and the sounds named after each number."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: name the one that holds the voices of the cues")
    found: dict[int, list[tuple[str, Path]]] = {}
    for number, who, sound in _numbered(folder):
        found.setdefault(number, []).append((who, sound))
    return found


def _numbered(folder: Path) -> Iterator[tuple[int, str, Path]]:
    for sound in sorted(folder.iterdir()):
        number, _, who = sound.stem.partition(".")
        if sound.suffix.lower() in SOUNDS and number.isdecimal() and len(number) <= _DIGITS and sound.is_file():
            yield int(number), who.strip(), sound
