"""`dubtool review`: a page to look at a dub frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.options import Output, Overwrite, Quiet, Verbose, console_of
from dubtool.cli.report import Film, Quick, ReportFile


def review(
    context: typer.Context,
    film: Film,
    output: Output = None,
    report_file: ReportFile = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="FILE", help="The source, where it is not at its old place.")
    ] = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="Put the page's video beside it, not into it: for long films.")
    ] = False,
    quick: Quick = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make a web page to look at a dub: source and dub side by side, frame by frame, with what happened to each.

    The page needs no network. What you note in it about shots is saved as CSV: a cast for 'dubtool dub', and notes.
    """
    from dubtool.review.job import make_page

    console = console_of(context)
    with console.progress() as tell:
        made = make_page(
            film,
            output,
            report=report_file,
            source=source,
            beside_page=beside,
            quick=quick,
            overwrite=overwrite,
            progress=tell,
        )
    console.result(str(made))
