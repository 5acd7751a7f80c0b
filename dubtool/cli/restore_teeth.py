"""`dubtool restore-teeth`: redraw the mouth of a person sharply, in a video that any tool has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.from_options import from_options
from dubtool.cli.options import DryRun, Json, Output, Progress, Rate, console_of
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
) -> None:
    """Redraw a blurred mouth sharply."""
    from dubtool.jobs.restore_teeth.job import restore_teeth as run

    console = console_of(context)
    if dry_run:
        tell_rehearsal(console, "restore-teeth", {"video": clip}, output, options, as_json, rate=rate)
        return
    with console.progress() as tell:
        report = run(clip, output, options, progress=tell, frame_rate=rate)
    tell_report(console, report, as_json)
