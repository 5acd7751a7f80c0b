"""How jobs are called from Python: options by name, progress and cancelling, pictures and sound in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from dubtool.errors import CancelledError, OutputError, UsageError, meant
from dubtool.jobs.shared.options import JobOptions
from dubtool.media.arrays import write_pictures, write_samples
from dubtool.media.sequence import FASTEST, film_of, find_sequence

O = TypeVar("O", bound=JobOptions)  # noqa: E741

# A file, or pictures uint8 RGB [H, W, 3] one after the other.
Video = Path | str | Iterable[np.ndarray]
# A file, or samples in -1..1, float [N] or [N, channels].
Sound = Path | str | np.ndarray
# A file, or a picture uint8 RGB [H, W, 3].
Picture = Path | str | np.ndarray

IN_MEMORY = "in memory"


class Progress(Protocol):
    """Called as work goes on: the stage's name, what is done of it, and what there is in all (None while unknown)."""

    def __call__(self, stage: str, done: float, total: float | None, /) -> None: ...


# Asked now and then whether to stop.
Cancel = Callable[[], bool]


def options_of(kind: type[O], options: O | None, changes: Mapping[str, Any]) -> O:
    """`options`, or the defaults of `kind`, with some of them changed.

    Raises:
        UsageError: there is no option of such a name, or a value is refused.
    """
    known = [one.name for one in fields(kind)]
    for name in changes:
        if name not in known:
            raise UsageError(f"there is no option {name!r}{meant(name, known)}")
    if options is None:
        return kind(**changes)
    if not isinstance(options, kind):
        raise UsageError(f"options are {type(options).__name__}, not {kind.__name__}")
    return replace(options, **changes)


def heeding(progress: Progress | None, cancel: Cancel | None) -> Progress:
    """Progress that asks whether to stop, and then raises CancelledError."""

    def tell(stage: str, done: float, total: float | None, /) -> None:
        if cancel is not None and cancel():
            raise CancelledError("cancelled")
        if progress is not None:
            progress(stage, done, total)

    return tell


def video_file(given: Video, rate: Fraction | float | None, folder: Path) -> Path:
    """The file of a video; one made in `folder` of pictures in memory or of an image sequence, `rate` a second.

    Raises:
        UsageError: pictures without a rate, or a file with one. InputError, OutputError: see `write_pictures` and
        `film_of`.
    """
    if rate is not None and not 0 < rate <= FASTEST:
        raise UsageError(f"frame_rate {rate!r} is not between 0 and {FASTEST} frames a second")
    if isinstance(given, str | Path):
        sequence = find_sequence(Path(given))
        if sequence is not None:
            return film_of(sequence, None if rate is None else Fraction(rate), folder)
        # That a file is not there is told when it is opened.
        if rate is not None and Path(given).exists():
            raise UsageError(
                f"{given} has a rate of its own: frame_rate, or --rate, is of pictures in memory and image sequences"
            )
        return Path(given)
    if rate is None:
        raise UsageError("pictures in memory need a frame_rate: how many of them a second lasts")
    return write_pictures(folder / "pictures.mkv", given, Fraction(rate).limit_denominator(100_000))


def sound_file(given: Sound, rate: int | None, folder: Path) -> Path:
    """The file of a sound; one made in `folder` of samples in memory, `rate` a second.

    Raises:
        UsageError: samples without a rate, or a file with one. InputError, OutputError: see `write_samples`.
    """
    if isinstance(given, str | Path):
        if rate is not None:
            raise UsageError("sample_rate is of samples in memory: a file has its own")
        return Path(given)
    if rate is None or rate < 1:
        raise UsageError("samples in memory need a sample_rate of 1 or more: how many of them a second lasts")
    return write_samples(folder / "samples.wav", given, int(rate))


def picture_file(given: Picture, folder: Path) -> Path:
    """The file of a picture; one made in `folder` of a picture in memory.

    Raises:
        UsageError: it is no picture. OutputError: there is no room.
    """
    if isinstance(given, str | Path):
        return Path(given)
    given = np.asarray(given)
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3:
        raise UsageError(f"a picture is {given.dtype} {list(given.shape)}, not uint8 [H, W, 3]")
    path = folder / "picture.png"
    try:
        written = cv2.imwrite(str(path), given[..., ::-1])
    except cv2.error:
        written = False
    if not written:
        raise OutputError("a picture cannot be kept in a temporary file: set TMPDIR to a larger folder")
    return path


def files_among(*given: object) -> list[Path]:
    """Those of some inputs that are files."""
    return [Path(one) for one in given if isinstance(one, str | Path)]


def named(given: object) -> str:
    """What a report calls an input."""
    return str(given) if isinstance(given, str | Path) else IN_MEMORY


def place_of(video: Video | Picture, output: Path | str | None) -> Path:
    """What a result is named after. Raises UsageError where nothing names it."""
    if isinstance(video, str | Path):
        return Path(video)
    if output is None:
        raise UsageError("what is made of pictures in memory needs an output to be named")
    return Path(output).with_name(f"{Path(output).name}.{IN_MEMORY}")
