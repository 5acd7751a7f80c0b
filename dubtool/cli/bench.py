"""`dubtool bench`: how fast this machine dubs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.options import BatchSize, Device, Json, Precision, Progress, console_of
from dubtool.jobs.shared.options import DEFAULT_MODEL


def bench(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A short video with a face.")],
    speech: Annotated[Path, typer.Argument(metavar="SPEECH", help="A file with the sound of a speech.")],
    frames: Annotated[
        int,
        typer.Option("--frames", min=1, metavar="N", help="Frames on which decoder and encoder are measured."),
    ] = 100,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The generator; see 'dubtool weights list'.")
    ] = DEFAULT_MODEL,
    device: Device = "auto",
    precision: Precision = "auto",
    batch_size: BatchSize = 4,
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """How fast this machine dubs, stage by stage."""
    from dubtool.diagnostics.bench import bench as measure

    console = console_of(context)
    console.note(f"measuring decoder and encoder alone, then a whole dub of {video}")
    with console.progress() as tell:
        found = measure(
            video,
            speech,
            frames=frames,
            model=model,
            device=device,
            precision=precision,
            batch_size=batch_size,
            progress=tell,
        )
    if as_json:
        console.json(asdict(found))
        return
    rows = [(stage, f"{each:.2f}", f"{1000 / each:.1f}" if each else "-") for stage, each in found.stages.items()]
    rows.append(("whole job", f"{found.total:.2f}", f"{found.rate:.1f}"))
    console.table(("stage", "ms/frame", "frames/s"), rows)
    console.note(
        f"{found.width}x{found.height}, {found.model} on {found.device}; decoder and encoder on {found.frames} frames, "
        f"the job on {found.job_frames} with both passes"
    )
