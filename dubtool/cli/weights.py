"""`dubtool weights`: the model files, where they come from and whether they are whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dubtool.cli.command import App, require_command
from dubtool.cli.options import Json, Progress, console_of
from dubtool.errors import WeightsError
from dubtool.weights import locate, registry, verify
from dubtool.weights.registry import Entry

app = App(help="Model files: fetch, verify, import.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of 'dubtool weights list'.")]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    require_command(context)


@app.command("list")
def list_weights(
    context: typer.Context,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only those whose licence and data plainly allow commercial use.")
    ] = False,
    as_json: Json = False,
) -> None:
    """All weights that dubtool knows."""
    console = console_of(context)
    known = locate.known()
    chosen = [entry for entry in known.values() if entry.commercial == "yes" or not commercial]
    described = [_described(entry.name) for entry in chosen]
    if as_json:
        console.json(described)
    else:
        titles = ("name", "kind", "licence", "commercial", "draws", "size", "here")
        console.table(titles, [_listed(row) for row in described])
    left = len(known) - len(chosen)
    if left:
        console.note(f"{left} others are left out: 'dubtool weights show NAME' tells licence and data of each")


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """All about one file: origin, licence, digest."""
    console = console_of(context)
    described = _described(name)
    if as_json:
        console.json(described)
        return
    for key, value in described.items():
        console.result(f"{key + ':':<11} {'not known' if value is None else value}")


@app.command("verify")
def verify_weights(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Without a name: all here.")] = None,
    as_json: Json = False,
) -> None:
    """Compare files with their digests."""
    console = console_of(context)
    chosen = names or [entry.name for entry in locate.known().values() if entry.shipped or locate.locate(entry.name)]
    results = [_verified(name) for name in chosen]
    if as_json:
        console.json(results)
    else:
        console.table(("name", "state", "file"), [(row["name"], row["state"], row["path"] or "-") for row in results])
    problems = [row["problem"] for row in results if row["problem"]]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise WeightsError(problems[0] + more)


@app.command()
def fetch(
    context: typer.Context,
    name: Name,
    url: Annotated[str | None, typer.Option("--url", help="Address of the file, where none is known.")] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", help="Its digest, where none is known.")] = None,
    progress: Progress = "auto",
) -> None:
    """Download a file and verify it."""
    from dubtool.weights.fetch import fetch as download

    console = console_of(context)
    with console.progress("bytes") as tell:
        path = download(name, url=url, sha256=sha256, progress=lambda done, total: tell(f"fetch {name}", done, total))
    console.result(str(path))


@app.command("import")
def import_weights(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="NAME", help="What it is, for example dinet.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that its authors published.")],
    mouth: Annotated[
        Literal["64", "128", "256"], typer.Option("--mouth", help="Side of the mouth box it was trained for, pixels.")
    ] = "256",
) -> None:
    """Take over a checkpoint of its authors."""
    from dubtool.export.importers import import_checkpoint

    console = console_of(context)
    console.note(f"importing {file}")
    for path in import_checkpoint(kind, file, mouth=int(mouth)):
        console.result(str(path))


def _described(name: str) -> dict[str, Any]:
    found = locate.locate(name)
    path, entry = found if found else (None, locate.known()[name])
    return asdict(entry) | {"path": None if path is None else str(path)}


def _verified(name: str) -> dict[str, Any]:
    found = locate.locate(name)
    if found is None:
        return _row(locate.known()[name], None, "missing", locate.missing(locate.known()[name]))
    path, entry = found
    try:
        verify.check(path, entry)
    except WeightsError as error:
        return _row(entry, path, "no digest known" if entry.sha256 is None else "damaged", str(error))
    return _row(entry, path, "ok", None)


def _listed(row: dict[str, Any]) -> tuple[str, ...]:
    draws = "yes" if row["draws"] else "no"
    return row["name"], row["kind"], row["licence"], row["commercial"], draws, _megabytes(row["size"]), _where(row)


def _row(entry: Entry, path: Path | None, state: str, problem: str | None) -> dict[str, Any]:
    return {"name": entry.name, "state": state, "path": None if path is None else str(path), "problem": problem}


def _where(row: dict[str, Any]) -> str:
    if row["path"] is None:
        return "no"
    return "shipped" if row["shipped"] and Path(row["path"]).parent == registry.package_folder() else "yes"


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.1f} MB"
