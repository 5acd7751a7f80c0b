"""`dubtool restore-teeth`: redraw the mouth of a person sharply, in a video that any tool has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.from_options import from_options
from dubtool.cli.options import DryRun, Json, Output, Progress, Quiet, Rate, Verbose, console_of
from dubtool.cli.summary import tell_rehearsal, tell_report
from dubtool.jobs.shared.options import RestoreOptions


@from_options
def restore_teeth(
    context: typer.Context,
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A video with a blurred mouth, of any tool.")],
    output: Output = None,
    *,
    options: RestoreOptions,
    rate: Rate = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    progress: Progress = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Redraw a blurred mouth sharply."""
    from dubtool.jobs.restore_teeth.job import restore_teeth as run

    console = console_of(context)
    if dry_run:
        from dubtool.batch.kinds import KINDS
        from dubtool.batch.rehearsal import rehearse

        tell_rehearsal(console, rehearse(KINDS["restore-teeth"], {"video": clip}, output, options, rate=rate), as_json)
        return
    with console.progress() as tell:
        report = run(clip, output, options, progress=tell, frame_rate=rate)
    tell_report(console, report, as_json)
