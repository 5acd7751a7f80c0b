"""`dubtool doctor`: what this machine can do, and what is missing."""

from __future__ import annotations

from dataclasses import asdict

import typer

from dubtool.cli.options import Json, console_of


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """What this machine can do, what is missing."""
    from dubtool.diagnostics.doctor import examine, exit_code

    console = console_of(context)
    findings = examine()
    code = exit_code(findings)
    if as_json:
        console.json({"ready": code == 0, "exit_code": code, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [(found.topic, found.name, _state(found.ok, found.exit_code), found.detail) for found in findings]
        console.table(("part", "what", "state", "found"), rows)
        console.note("dubbing on the CPU works here" if code == 0 else "dubbing does not work here, see above")
    raise typer.Exit(code)


def _state(ok: bool, code: int) -> str:
    if ok:
        return "ok"
    return "MISSING" if code else "no"
