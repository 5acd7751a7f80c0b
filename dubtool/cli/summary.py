"""What a job did, in a few lines on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubtool.cli.console import Console

if TYPE_CHECKING:
    from dubtool.jobs.shared.options import DubOptions, ReenactOptions, RestoreOptions
    from dubtool.jobs.shared.report import Report


# What became of the frames.
_CHANGED = {"restore-teeth": "restored", "reenact": "reenacted"}


def tell_report(console: Console, report: Report, as_json: bool) -> None:
    """The end of a job's command: the summary for people, and on stdout the output's path or the whole report."""
    from dubtool.batch.pace_memory import remember

    remember(report)
    show_summary(console, report)
    if as_json:
        console.result(report.text())
    else:
        console.result(report.output)


def tell_rehearsal(
    console: Console,
    job: str,
    inputs: Mapping[str, Path | None],
    output: Path | None,
    options: DubOptions | RestoreOptions | ReenactOptions,
    as_json: bool,
    **more: Any,
) -> None:
    """What a job would do: on stdout, for people or as JSON; warnings on stderr. The rest is for `rehearse`."""
    from dubtool.batch.kinds import KINDS
    from dubtool.batch.rehearsal import rehearse

    given = {name: path for name, path in inputs.items() if path is not None}
    found = rehearse(KINDS[job], given, output, options, **more)
    if as_json:
        console.json(found.as_dict())
    else:
        for name, value in found.rows():
            console.result(f"{name}: {value}")
    for warning in found.warnings:
        console.note(f"warning: {warning}")


def show_summary(console: Console, report: Report) -> None:
    """The report for people: drawn on a terminal, plain lines through a pipe; not with --quiet."""
    if console.quiet:
        return
    if sys.stderr.isatty() and not console.as_lines:
        _draw(report)
        return
    for name, value in _rows(report):
        console.note(f"{name}: {value}")
    for warning in report.warnings:
        console.note(f"warning: {warning}")


def _rows(report: Report) -> list[tuple[str, str]]:
    total = sum(report.seconds.values())
    changed = _CHANGED.get(report.job, "dubbed")
    rows = [(changed, f"{report.dubbed} of {report.frames} frames")]
    if report.passed:
        skip_reasons = ", ".join(f"{reason} {count}" for reason, count in report.passed.most_common())
        rows.append(("held still" if report.job == "reenact" else "passed through", skip_reasons))
    for person in report.details.get("people", ()):
        rows.append((person["face"], f"{person['dubbed']} frames, {_counted(len(person['lines']), 'line')}"))
    if report.job == "restore-teeth" and "references" in report.details:
        whose = report.details.get("source", report.inputs.get("source"))
        rows.append(("references", f"{_counted(report.details['references'], 'frame')} of {whose}"))
    rate = report.frames / total if total else 0.0
    rows.append(("time", f"{total:.1f} s on {report.device}, {rate:.1f} frames a second"))
    rows.append(("stages", ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.seconds.items())))
    made = report.details.get("provenance")
    if made is not None:
        signed = f"signed by {made['signer']}" if made["signed"] else "not signed"
        rows.append(("provenance", f"marked as synthetic ({made['mark']}), {signed}"))
    rows += [(name, path) for name, path in report.extra.items()]
    return rows


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _draw(report: Report) -> None:
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    # Paths are folded, not cut: they are there to be copied.
    table.add_column(overflow="fold")
    for name, value in _rows(report):
        table.add_row(Text(name), Text(value))
    for warning in report.warnings:
        table.add_row(Text("warning", style="yellow"), Text(warning, style="yellow"))
    RichConsole(stderr=True).print(table)
