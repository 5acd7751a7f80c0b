"""`dubtool reenact`: let a portrait follow the head and face of a driver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.from_options import from_options
from dubtool.cli.options import DryRun, Json, Output, Progress, Rate, console_of
from dubtool.cli.summary import tell_rehearsal, tell_report
from dubtool.jobs.shared.options import ReenactOptions


@from_options
def reenact(
    context: typer.Context,
    portrait: Annotated[Path, typer.Argument(metavar="PORTRAIT", help="A picture of a face: PNG, JPEG or WebP.")],
    driver: Annotated[Path, typer.Argument(metavar="DRIVER", help="A video of the face that is to be followed.")],
    output: Output = None,
    *,
    options: ReenactOptions,
    rate: Rate = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """Let a portrait follow a face.

    --from and --to choose the part of the driver that is used, sound and all.
    """
    from dubtool.jobs.reenact.job import reenact as run

    console = console_of(context)
    if dry_run:
        tell_rehearsal(
            console, "reenact", {"portrait": portrait, "driver": driver}, output, options, as_json, rate=rate
        )
        return
    with console.progress() as tell:
        report = run(portrait, driver, output, options, progress=tell, frame_rate=rate)
    tell_report(console, report, as_json)
