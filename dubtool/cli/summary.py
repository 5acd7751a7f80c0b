"""What a job did, in a few lines on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dubtool.cli.console import Console

if TYPE_CHECKING:
    from dubtool.jobs.shared.report import Report


# What became of the frames.
_CHANGED = {"restore-teeth": "restored", "reenact": "reenacted"}


def tell_report(console: Console, report: Report, as_json: bool) -> None:
    """The end of a job's command: the summary for people, and on stdout the output's path or the whole report."""
    show_summary(console, report)
    if as_json:
        console.result(report.text())
    else:
        console.result(report.output)


def show_summary(console: Console, report: Report) -> None:
    """The report for people: drawn on a terminal, plain lines through a pipe; not with --quiet."""
    if console.quiet:
        return
    if sys.stderr.isatty():
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
    rate = report.frames / total if total else 0.0
    rows.append(("time", f"{total:.1f} s on {report.device}, {rate:.1f} frames a second"))
    rows.append(("stages", ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.seconds.items())))
    rows += [(name, path) for name, path in report.extra.items()]
    return rows


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
