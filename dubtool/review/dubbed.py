"""A dub that is there: its file, its source's and what its report tells."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from dubtool.errors import DubtoolError, InputError
from dubtool.jobs.shared.course import Course, read_course
from dubtool.jobs.shared.outputs import EXTRAS, beside
from dubtool.media.sequence import film_of, find_sequence

_ANY_RATE = Fraction(25)
_HOW = "dub again with --sidecar, or name the report with --report"


@dataclass(frozen=True)
class Dubbed:
    """film: the dub. source: of which it was made. inputs: what else, by the names in the report; all may be gone.
    told: its report. course: its frames."""

    film: Path
    source: Path
    inputs: Mapping[str, Path]
    told: Mapping[str, Any]
    course: Course


def open_dubbed(film: Path, report: Path | None = None, source: Path | None = None) -> Dubbed:
    """A dub by its file. report: by default what `--sidecar` wrote beside it. source: where the source is now.

    Raises:
        InputError: a file is missing or not understood, or the report is not of a dub.
    """
    if film.is_dir():
        raise InputError(f"{film} is a folder: name a film in it, or its frames as {film / 'frames_%06d.png'}")
    if not _is_there(film):
        raise InputError(f"{film} does not exist: name a file that 'dubtool dub' made")
    sidecar = beside(film, EXTRAS["sidecar"]) if report is None else report
    try:
        text = sidecar.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError as error:
        raise InputError(f"{sidecar} does not exist, the report of {film.name}: {_HOW}") from error
    except OSError as error:
        raise InputError(f"{sidecar} cannot be read: {(error.strerror or 'unknown reason').lower()}") from error
    return dubbed_of(film, text, str(sidecar), source)


def dubbed_of(film: Path, text: str, where: str, source: Path | None = None) -> Dubbed:
    """A dub by the JSON of its report. where: what errors name it.

    Raises:
        InputError: it is not the report of a dub.
    """
    try:
        told = json.loads(text)
        job, inputs = told["job"], told["inputs"]
        files = {str(name): Path(path) for name, path in inputs.items()}
        video = files.pop("video")
        seconds = {str(stage): float(each) for stage, each in told["seconds"].items()}
        told |= {"passed": dict(told.get("passed", {})), "weights": dict(told.get("weights", {}))}
        told["warnings"] = list(told.get("warnings", ()))
        if not all(map(math.isfinite, seconds.values())):
            raise ValueError("no number of seconds")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{where} is not the report of a dub: {_HOW}") from error
    if job != "dub":
        raise InputError(f"{where} is the report of the job {job}: only dubs can be looked at in this way")
    if "course" not in told:
        raise InputError(f"{where} does not tell what happened frame by frame, as older versions did not: {_HOW}")
    course = read_course(told.pop("course"), where)
    return Dubbed(film, source or video, files, told | {"seconds": seconds}, course)


def require_source(dubbed: Dubbed) -> Path:
    """Where the source is. Raises InputError where it is not."""
    if not _is_there(dubbed.source):
        raise InputError(f"{dubbed.source}, of which {dubbed.film.name} was made, is not there: name it with --source")
    return dubbed.source


@contextmanager
def as_files(dubbed: Dubbed, folder: Path) -> Iterator[Dubbed]:
    """The dub with image sequences as files in `folder`, where they are ones; errors of ours name what was given.

    Raises:
        InputError: a sequence cannot be read. OutputError: there is no room for it.
    """
    made: dict[Path, Path] = {}
    for number, given in enumerate((dubbed.film, dubbed.source)):
        sequence = find_sequence(given)
        if sequence is not None:
            place = folder / f"sequence-{number}"
            place.mkdir()
            # At which rate a source plays is no matter: its frames are shown at the dub's times.
            made[given] = film_of(sequence, _ANY_RATE if given == dubbed.source else None, place)
    try:
        yield replace(dubbed, film=made.get(dubbed.film, dubbed.film), source=made.get(dubbed.source, dubbed.source))
    except DubtoolError as error:
        text = str(error)
        for given, file in made.items():
            text = text.replace(str(file), str(given))
        error.args = (text,)
        raise


def _is_there(path: Path) -> bool:
    """Whether a film is there, as a file or as an image sequence."""
    if path.is_file():
        return True
    try:
        return find_sequence(path) is not None
    except (InputError, OSError):
        return False
