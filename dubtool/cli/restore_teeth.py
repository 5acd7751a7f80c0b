"""`dubtool restore-teeth`: redraw the mouth of a person sharply, in a video that any tool has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dubtool.cli.options import (
    BatchSize,
    Codec,
    Crf,
    Debug,
    Deinterlace,
    Device,
    Face,
    From,
    Json,
    Lossless,
    NoCache,
    Output,
    Overwrite,
    Precision,
    Preset,
    Preview,
    Quiet,
    Sidecar,
    To,
    Verbose,
    console_of,
)
from dubtool.cli.summary import tell_report
from dubtool.jobs.shared.options import DEFAULT_RESTORER


def restore_teeth(
    context: typer.Context,
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A video with a blurred mouth, of any tool.")],
    output: Output = None,
    face: Face = "largest",
    reference: Annotated[
        Literal["frame", "best", "previous"],
        typer.Option(
            "--reference", help="What a mouth is compared with: itself, the clip's sharpest, or the one before."
        ),
    ] = "frame",
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", metavar="FILE", help="A film of the person that no tool has touched: its frames give the mouth."
        ),
    ] = None,
    start: From = None,
    stop: To = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The network; see 'dubtool weights list'.")
    ] = DEFAULT_RESTORER,
    device: Device = "auto",
    precision: Precision = "auto",
    batch_size: BatchSize = 4,
    codec: Codec = None,
    crf: Crf = 18,
    preset: Preset = "medium",
    lossless: Lossless = False,
    deinterlace: Deinterlace = False,
    overwrite: Overwrite = False,
    preview: Preview = False,
    debug: Debug = False,
    sidecar: Sidecar = False,
    no_cache: NoCache = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Redraw a blurred mouth sharply."""
    from dubtool.jobs.restore_teeth.job import restore_teeth as run

    console = console_of(context)
    with console.progress() as tell:
        report = run(
            clip,
            output,
            progress=tell,
            face=face,
            reference=reference,
            source=source,
            start=start,
            stop=stop,
            model=model,
            device=device,
            precision=precision,
            batch_size=batch_size,
            codec=codec,
            crf=crf,
            preset=preset,
            lossless=lossless,
            deinterlace=deinterlace,
            overwrite=overwrite,
            preview=preview,
            sheet=debug,
            sidecar=sidecar,
            cache=not no_cache,
        )
    tell_report(console, report, as_json)
