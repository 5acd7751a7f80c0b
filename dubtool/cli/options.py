"""The options that mean the same in every command, defined once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

from dubtool.cli.console import Console


def console_of(context: typer.Context) -> Console:
    """The console of this run."""
    return context.ensure_object(Console)


def parse_time(text: str) -> Fraction:
    """Seconds from "75", "75.5", "1:15.5" or "0:01:15.5"."""
    from dubtool.jobs.shared.times import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not {error}") from error


def parse_rate(text: str) -> Fraction:
    """Frames a second from "25", "23.976" or "24000/1001"."""
    from dubtool.media.exact import exact
    from dubtool.media.sequence import FASTEST

    try:
        rate = exact(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a rate: give 25, 23.976 or 24000/1001") from error
    if not 0 < rate <= FASTEST:
        raise typer.BadParameter(f"{text!r} is not between 0 and {FASTEST} frames a second")
    # What people round is meant exactly.
    meant = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return meant if abs(rate - meant) < Fraction(1, 500) and rate.denominator > 1 else rate


def names_in(text: str | None) -> list[str]:
    """The names between the commas."""
    return [name.strip() for name in text.split(",")] if text else []


def _set_verbose(context: typer.Context, value: bool) -> bool:
    if value:
        console_of(context).set_verbose()
    return value


def _set_progress(context: typer.Context, value: ProgressForm) -> ProgressForm:
    console_of(context).as_lines |= value == "json"
    return value


def _set_quiet(context: typer.Context, value: bool) -> bool:
    console_of(context).quiet |= value
    return value


Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where the result goes.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files of the result that exist.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="Where networks run: auto, cpu, cuda or cuda:N.")]
Devices = Annotated[
    str | None,
    typer.Option("--devices", metavar="NAMES", help="Where workers run, in turn: cpu, or cuda:0,cuda:1 and so on."),
]
Precision = Annotated[
    Literal["auto", "fp32", "fp16"], typer.Option("--precision", help="Number format; fp16 needs CUDA.")
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, metavar="N", help="Frames in one run of the network.")]
Face = Annotated[
    str,
    typer.Option("--face", metavar="WHO", help="Whose mouth; see 'dubtool dub -h'."),
]
ProgressForm = Literal["auto", "json"]
Progress = Annotated[
    ProgressForm,
    typer.Option(
        "--progress",
        callback=_set_progress,
        is_eager=True,
        help="auto: bars on a terminal, else lines; json: on stderr JSON lines of stage, done, total, seconds_left.",
    ),
]
Rate = Annotated[
    Fraction | None,
    typer.Option(
        "--rate", metavar="FPS", parser=parse_rate, help="Frames a second of an image sequence, as 25 or 24000/1001."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Look at inputs, output and weights, say what would be done, and do nothing."),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result to stdout as JSON.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", callback=_set_quiet, help="No progress, no remarks.")]
Verbose = Annotated[
    bool,
    typer.Option("-v", "--verbose", callback=_set_verbose, help="Show the debug log, and tracebacks of errors."),
]
