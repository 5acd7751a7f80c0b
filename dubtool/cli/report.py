"""`dubtool report`: plots of a dub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.options import Output, Overwrite, console_of

Film = Annotated[Path, typer.Argument(metavar="DUB", help="A video that 'dubtool dub --sidecar' made.")]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="The dub's report, by default the JSON file beside it."),
]
Source = Annotated[
    Path | None, typer.Option("--source", metavar="FILE", help="The source, where it is not at its old place.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Do not look for the mouth in the dub: no rendered opening.")]


def report(
    context: typer.Context,
    film: Film,
    output: Output = None,
    report_file: ReportFile = None,
    source: Source = None,
    quick: Quick = False,
    overwrite: Overwrite = False,
) -> None:
    """Draw how a dub went: opening of the mouth asked and rendered, loudness, sharpness, light, time of each stage."""
    from dubtool.review.job import report_plots

    console = console_of(context)
    with console.progress() as tell:
        made = report_plots(
            film, output, report=report_file, source=source, quick=quick, overwrite=overwrite, progress=tell
        )
    console.result(str(made))
