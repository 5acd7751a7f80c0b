"""`dubtool verify`: what a file says of its making, and whether that can be believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubtool.cli.options import Json, console_of
from dubtool.errors import InputError

if TYPE_CHECKING:
    from dubtool.provenance.verify import Provenance

_STATES = {
    "trusted": "yes, whole, by a certificate that is trusted",
    "signed": "yes, whole; nobody here vouches for the certificate (see --trust)",
    "changed": "yes, and it is not what was signed",
    "stripped": "it was, and the manifest is gone",
    "unsigned": "no: what it says of itself can be changed by anybody",
}


def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A video or PNG, of dubtool or of anybody.")],
    trust: Annotated[
        Path | None,
        typer.Option("--trust", metavar="FILE", help="Certificates (PEM) of those whose signatures are trusted."),
    ] = None,
    signed: Annotated[bool, typer.Option("--signed", help="Fail also where there is no manifest.")] = False,
    as_json: Json = False,
) -> None:
    """Show and check what a file says of its making.

    Exit code 3 where it was changed, or encoded anew, after it was signed.
    """
    from dubtool.provenance.verify import verify as run

    console = console_of(context)
    found = run(file, trust)
    if as_json:
        console.json(found.as_dict())
    else:
        for name, value in _rows(found):
            console.result(f"{name}: {value}")
    if not found.believable:
        raise InputError(f"{file}: {'; '.join(found.problems)}")
    if signed and found.state == "unsigned":
        raise InputError(f"{file} is not signed")


def _rows(found: Provenance) -> list[tuple[str, str]]:
    rows = [
        ("file", found.file),
        ("synthetic", "yes" if found.synthetic else "it does not say so"),
        ("source type", found.source_type),
        ("text", found.text),
        ("signed", _STATES[found.state]),
        ("signer", ", ".join(filter(None, (found.signer, found.issuer)))),
        ("time", found.time),
        ("made with", found.generator),
        ("actions", ", ".join(found.actions)),
        ("model", found.model),
        *(("from", f"{one['role']} {one['title']} {_digest(one)}".strip()) for one in found.ingredients),
        *(("weights", f"{one['name']} {_digest(one)}") for one in found.weights),
        *(("problem", one) for one in found.problems),
    ]
    return [(name, value) for name, value in rows if value]


def _digest(one: dict[str, str]) -> str:
    return f"sha256:{one['sha256']}" if "sha256" in one else ""
