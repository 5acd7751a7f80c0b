"""`dubtool faces`: who is in a film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubtool.cli.console import Console
from dubtool.cli.options import Json, Output, Overwrite, console_of
from dubtool.errors import UsageError

if TYPE_CHECKING:
    from dubtool.jobs.faces.job import FaceList


def faces(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The film whose people are listed.")],
    output: Output = None,
    speaking: Annotated[
        bool, typer.Option("--speaking", help="Also tell who speaks when: a table to edit and to give to --cast.")
    ] = False,
    speech: Annotated[
        Path | None, typer.Option("--speech", metavar="FILE", help="What that table's rows say; else the film's sound.")
    ] = None,
    overwrite: Overwrite = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Look for faces anew, and keep nothing of them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the people of a film: a sheet of their faces, and their names for --face."""
    from dubtool.jobs.faces.job import faces as run

    console = console_of(context)
    if speech is not None and not speaking:
        raise UsageError("--speech is for the table of --speaking")
    with console.progress() as tell:
        found = run(
            video,
            output,
            speaking=speaking,
            speech=speech,
            cache=not no_cache,
            overwrite=overwrite,
            progress=tell,
        )
    _remark(console, found)
    if as_json:
        console.json(found.as_dict())
    else:
        console.result(found.sheet)


def _remark(console: Console, found: FaceList) -> None:
    for one in found.people:
        says = "" if one.speaks is None else f", speaks {one.speaks:.1f} s"
        where = f"face of {one.size:.0f} px at ({one.x:.0f}, {one.y:.0f})"
        console.note(f"{one.name}: {100 * one.share:.0f} % of the film, first at {one.first_seen:.2f} s, {where}{says}")
    for path in (found.list_file, found.cast):
        if path is not None:
            console.note(f"written: {path}")
    for warning in found.warnings:
        console.note(f"warning: {warning}")
