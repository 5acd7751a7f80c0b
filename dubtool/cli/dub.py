"""`dubtool dub`: make the mouth in a video say a speech."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dubtool.cli.adapting import adapted_to
from dubtool.cli.options import (
    BatchSize,
    Codec,
    Crf,
    Debug,
    Deinterlace,
    Device,
    Devices,
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
    names_in,
)
from dubtool.cli.summary import tell_report
from dubtool.errors import UsageError
from dubtool.jobs.shared.options import DEFAULT_MODEL, DEFAULT_RESTORER, PAINTER, painter_of


def dub(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video whose mouth is to speak.")],
    speech: Annotated[Path, typer.Argument(metavar="SPEECH", help="A file with the sound of the speech.")],
    output: Output = None,
    face: Face = "largest",
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
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="What makes the mouth: retrieval-warp, dinet-shape, g4g, dinet, or a generator of your own.",
        ),
    ] = DEFAULT_MODEL,
    memory: Annotated[
        float | None,
        typer.Option(
            "--memory",
            metavar="MB",
            help="What the person's own frames may take; by default by the picture's size, 64 to 256.",
        ),
    ] = None,
    expression: Annotated[
        float, typer.Option("--expression", min=0.0, max=2.0, metavar="X", help="How far the mouth moves, 1 is usual.")
    ] = 1.0,
    soundtrack: Annotated[
        Path | None, typer.Option("--soundtrack", metavar="FILE", help="Sound of the result instead of the speech.")
    ] = None,
    restore_teeth: Annotated[
        bool, typer.Option("--restore-teeth", help="Redraw the made mouths sharply; see 'dubtool restore-teeth -h'.")
    ] = False,
    restorer: Annotated[
        str, typer.Option("--restorer", metavar="NAME", help="The network for --restore-teeth.")
    ] = DEFAULT_RESTORER,
    adapt: Annotated[
        float | None,
        typer.Option(
            "--adapt",
            min=0.5,
            metavar="MINUTES",
            help="First fine-tune on this person for so long; kept for the next time. Needs dubtool[train].",
        ),
    ] = None,
    device: Device = "auto",
    devices: Devices = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Draw this one file by N processes side by side."),
    ] = None,
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
    """Make the mouth in a video say a speech."""
    from dubtool.jobs.dub.job import dub as run

    console = console_of(context)
    if adapt is not None and no_cache:
        raise UsageError("--adapt keeps what it learns in the cache; leave out --no-cache")
    if adapt is not None and painter_of(model) != PAINTER:
        raise UsageError(f"only {PAINTER} is adapted; leave out --adapt, or --model {model}")
    adapted = None if adapt is None else adapted_to(console, video, adapt, face=face, device=device)
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
            memory=memory,
            expression=expression,
            soundtrack=soundtrack,
            restore_teeth=restore_teeth,
            restorer=restorer,
            adapted=adapted,
            device=device,
            devices=names_in(devices),
            workers=workers,
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
