"""`dubtool review`: a page to look at a dub frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubtool.cli.console import Console
from dubtool.cli.options import Output, Overwrite, console_of
from dubtool.cli.report import Film, Quick, ReportFile, Source

if TYPE_CHECKING:
    from dubtool.jobs.shared.options import DubOptions
    from dubtool.jobs.shared.report import Report


def review(
    context: typer.Context,
    film: Film,
    output: Output = None,
    report_file: ReportFile = None,
    source: Source = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="Put the page's video beside it, not into it: for long films.")
    ] = False,
    quick: Quick = False,
    overwrite: Overwrite = False,
) -> None:
    """Make a web page to look at a dub: source and dub side by side, frame by frame, with what happened to each.

    The page needs no network. What you note in it about shots is saved as CSV, for 'dubtool dub --overrides'.
    """
    from dubtool.review.job import review_page

    console = console_of(context)
    with console.progress() as tell:
        made = review_page(
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


def check_review(video: Path, output: Path | None, options: DubOptions) -> None:
    """Refuse, before any work, a dub whose page could not be made.

    Raises:
        UsageError, OutputError: one line says why.
    """
    from dubtool.errors import UsageError
    from dubtool.jobs.shared.outputs import PAGE, beside, named_after
    from dubtool.media.sequence import output_pattern
    from dubtool.media.spool import is_pipe, lasting
    from dubtool.review.job import check_page

    if is_pipe(video) or lasting(video) != video:
        raise UsageError(f"--review looks at the source a second time, and {video} is a pipe: give a file")
    if output is None:
        target = named_after(video, ".dubbed.mp4", vars(options))
    else:
        target = output_pattern(output, options.container)
    check_page(beside(target, PAGE), [video], overwrite=options.overwrite)


def add_review(console: Console, report: Report, *, overwrite: bool) -> None:
    """Make the page of a dub that has just ended, and say in its report where it is."""
    from dubtool.review.dubbed import dubbed_of
    from dubtool.review.job import page_of

    dubbed = dubbed_of(Path(report.output), report.text(), "the report")
    with console.progress() as tell:
        report.extra["review"] = str(page_of(dubbed, used=[], overwrite=overwrite, progress=tell))
