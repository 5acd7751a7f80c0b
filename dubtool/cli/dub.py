"""`dubtool dub`: make the mouth in a video say a speech."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dubtool.cli.options import (
    BatchSize,
    Codec,
    Crf,
    Device,
    From,
    Json,
    Output,
    Overwrite,
    Precision,
    Preview,
    Quiet,
    To,
    Verbose,
    console_of,
)
from dubtool.cli.summary import show_summary
from dubtool.jobs.options import DEFAULT_MODEL


def dub(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video whose mouth is to speak.")],
    speech: Annotated[Path, typer.Argument(metavar="SPEECH", help="A file with the sound of the speech.")],
    output: Output = None,
    face: Annotated[
        str,
        typer.Option(
            "--face", metavar="WHO", help="Whose mouth: largest, left, right, N from the left, or @SECONDS:X,Y."
        ),
    ] = "largest",
    length: Annotated[
        Literal["speech", "video", "shortest"], typer.Option("--length", help="What the result lasts as long as.")
    ] = "speech",
    loop: Annotated[
        Literal["pingpong", "repeat", "hold"],
        typer.Option("--loop", help="What the picture does when it ends before the speech."),
    ] = "pingpong",
    start: From = None,
    stop: To = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The generator; see 'dubtool weights list'.")
    ] = DEFAULT_MODEL,
    expression: Annotated[
        float, typer.Option("--expression", min=0.0, max=2.0, metavar="X", help="How far the mouth moves, 1 is usual.")
    ] = 1.0,
    soundtrack: Annotated[
        Path | None, typer.Option("--soundtrack", metavar="FILE", help="Sound of the result instead of the speech.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    batch_size: BatchSize = 4,
    codec: Codec = None,
    crf: Crf = 18,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="Effort of the encoder, ultrafast to veryslow.")
    ] = "medium",
    lossless: Annotated[bool, typer.Option("--lossless", help="Encode without any loss.")] = False,
    overwrite: Overwrite = False,
    preview: Preview = False,
    debug: Annotated[bool, typer.Option("--debug", help="Also write a contact sheet of how frames were made.")] = False,
    sidecar: Annotated[bool, typer.Option("--sidecar", help="Also write the report beside the result.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Look for faces anew, and do not keep them.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make the mouth in a video say a speech."""
    from dubtool.jobs.dub import dub as run

    console = console_of(context)
    with console.progress() as tell:
        report = run(
            video,
            speech,
            output,
            progress=tell,
            face=face,
            length=length,
            loop=loop,
            start=start,
            stop=stop,
            model=model,
            expression=expression,
            soundtrack=soundtrack,
            device=device,
            precision=precision,
            batch_size=batch_size,
            codec=codec,
            crf=crf,
            preset=preset,
            lossless=lossless,
            overwrite=overwrite,
            preview=preview,
            sheet=debug,
            sidecar=sidecar,
            cache=not no_cache,
        )
    show_summary(console, report)
    if as_json:
        console.json(report.as_dict())
    else:
        console.result(report.output)
