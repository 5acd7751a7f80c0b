"""`dubtool reenact`: let a portrait follow the head and face of a driver."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dubtool.cli.options import (
    BatchSize,
    Codec,
    Crf,
    Debug,
    Device,
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
from dubtool.jobs.shared.options import DEFAULT_ANIMATOR


def reenact(
    context: typer.Context,
    portrait: Annotated[Path, typer.Argument(metavar="PORTRAIT", help="A picture of a face: PNG, JPEG or WebP.")],
    driver: Annotated[Path, typer.Argument(metavar="DRIVER", help="A video of the face that is to be followed.")],
    output: Output = None,
    face: Annotated[
        str,
        typer.Option("--face", metavar="WHO", help="Who drives: largest, left, right, N from the left, @SECONDS:X,Y."),
    ] = "largest",
    motion: Annotated[
        Literal["relative", "absolute"],
        typer.Option("--motion", help="Move as the driver does, from the portrait's own pose, or take the driver's."),
    ] = "relative",
    framing: Annotated[
        Literal["crop", "full"], typer.Option("--framing", help="Show the face alone, or the whole portrait.")
    ] = "full",
    yaw: Annotated[
        float, typer.Option("--yaw", min=-45, max=45, metavar="DEG", help="Turn the nose further to the right.")
    ] = 0.0,
    pitch: Annotated[float, typer.Option("--pitch", min=-45, max=45, metavar="DEG", help="Lift the chin.")] = 0.0,
    roll: Annotated[float, typer.Option("--roll", min=-45, max=45, metavar="DEG", help="Lean clockwise.")] = 0.0,
    start: From = None,
    stop: To = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="adasr-landmarks: a network over a warp; warp: without a network; adasr: its authors', for GPUs.",
        ),
    ] = DEFAULT_ANIMATOR,
    device: Device = "auto",
    precision: Precision = "auto",
    batch_size: BatchSize = 4,
    codec: Codec = None,
    crf: Crf = 18,
    preset: Preset = "medium",
    lossless: Lossless = False,
    overwrite: Overwrite = False,
    preview: Preview = False,
    debug: Debug = False,
    sidecar: Sidecar = False,
    no_cache: NoCache = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Let a portrait follow a face.

    --from and --to choose the part of the driver that is used, sound and all.
    """
    from dubtool.jobs.reenact.job import reenact as run

    console = console_of(context)
    with console.progress() as tell:
        report = run(
            portrait,
            driver,
            output,
            progress=tell,
            face=face,
            motion=motion,
            framing=framing,
            yaw=yaw,
            pitch=pitch,
            roll=roll,
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
            overwrite=overwrite,
            preview=preview,
            sheet=debug,
            sidecar=sidecar,
            cache=not no_cache,
        )
    tell_report(console, report, as_json)
