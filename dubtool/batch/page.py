"""A web page of all jobs: one file, with its pictures in it, that needs no network."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from dubtool import __version__
from dubtool.batch.kinds import KINDS
from dubtool.batch.state import Entry, Ledger
from dubtool.batch.table import Job, JobList
from dubtool.errors import DubtoolError, OutputError, UsageError
from dubtool.jobs.shared.outputs import PAGE, PLOTS, beside, save_text
from dubtool.media.encode import same_file, taken
from dubtool.media.probe import probe
from dubtool.media.still import still

_WIDTH = 200
_GENERATOR = '<meta name="generator" content="dubtool batch">'
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #777; --good: #2a7d3f; --bad: #c0392b; --warn: #a86a00; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; }
p { margin: 0 0 1.2rem; color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .6rem .9rem .6rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .85rem; }
td { overflow-wrap: anywhere; }
td.pictures { white-space: nowrap; width: 1%; }
td.number { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
img { display: inline-block; width: 200px; height: auto; border-radius: 4px; vertical-align: top; margin-right: .3rem; }
small { color: var(--soft); }
.done { color: var(--good); } .failed { color: var(--bad); } .warning { color: var(--warn); }
ul { margin: .2rem 0 0; padding-left: 1.1rem; }
@media (max-width: 60rem) { td.pictures { white-space: normal; } img { width: 120px; } }
"""


def check_page(listed: JobList, target: Path, *, overwrite: bool) -> None:
    """Refuse a page, before any work, that would replace a file that is not an earlier page.

    Raises:
        UsageError: there is such a file. OutputError: the page cannot be written there.
    """
    used = [listed.state, *(file for job in listed.jobs for file in (job.output, *job.inputs.values()))]
    if any(same_file(target, file) for file in used):
        raise UsageError(f"{target} is also a file of the batch: choose another place for the page")
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise OutputError(f"{target} cannot be written: name a file in a folder that exists")
    if target.exists() and not overwrite and _GENERATOR not in _beginning(target):
        raise taken(target)


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(1000).decode("utf-8", "replace")
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}") from error


def write_page(listed: JobList, target: Path) -> None:
    """Write the page of a batch as its state is now. Links are relative to the page.

    Raises:
        InputError: the state cannot be read. OutputError: the page cannot be written.
    """
    ledger = Ledger(listed.state)
    entries = [(job, ledger.latest.get(job.key)) for job in listed.jobs]
    folder = target.absolute().parent
    rows = "\n".join(_row(job, entry, folder) for job, entry in entries)
    counts = {state: sum(entry is not None and entry.state == state for _, entry in entries) for state in _STATES}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    seconds = sum(_seconds(entry) for _, entry in entries)
    summary = f"{len(entries)} jobs: {told or 'none begun'}. {_duration(seconds)} of work. dubtool {__version__}"
    name = _text(listed.name)
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_GENERATOR}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{name}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{name}</h1>
<p>{_text(summary)}</p>
<table>
<thead><tr><th>before, after</th><th>job</th><th>state</th><th>frames</th><th>time</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""
    save_text(target, page, overwrite=True)


_STATES = ("done", "failed", "running")


def _row(job: Job, entry: Entry | None, folder: Path) -> str:
    pictures = "".join(_pictures(job, entry))
    inputs = "<br>".join(f"{_text(name)}: {_link(path, folder)}" for name, path in job.inputs.items())
    told = entry.report if entry else {}
    done = entry is not None and entry.state == "done"
    output = _link(job.output, folder) if done else _text(job.output.name)
    extra = "".join(f"<br>{_text(name)}: {_link(Path(path), folder)}" for name, path in told.get("extra", {}).items())
    extra += "".join(f"<br>{_text(name)}: {_link(path, folder)}" for name, path in _looked_at(job) if done)
    frames = f"{told['dubbed']} of {told['frames']}" if told.get("frames") else ""
    passed = "".join(f"<br>{_text(why)}: {count}" for why, count in told.get("passed", {}).items())
    stages = "".join(f"<br>{_text(stage)}: {_duration(each)}" for stage, each in told.get("seconds", {}).items())
    time = f"{_duration(_seconds(entry))}<small>{stages}</small>" if stages else ""
    return f"""<tr>
<td class="pictures">{pictures}</td>
<td><strong>{output}</strong><br><small>{inputs}{extra}<br>{_text(job.place)}</small></td>
<td>{_state(entry)}</td>
<td class="number">{frames}<small>{passed}</small></td>
<td class="number">{time}</td>
</tr>"""


def _looked_at(job: Job) -> Iterator[tuple[str, Path]]:
    """What `dubtool review` and `dubtool report` have written beside the result."""
    for name, suffix in (("review", PAGE), ("plots", PLOTS)):
        path = beside(job.output, suffix)
        if path.is_file():
            yield name, path


def _state(entry: Entry | None) -> str:
    if entry is None:
        return "waiting"
    state = "interrupted or running" if entry.state == "running" else entry.state
    text = f'<span class="{entry.state}">{state}</span> <small>{_text(entry.time)}</small>'
    if entry.reason:
        text += f"<br>{_text(entry.reason)}"
    warnings = "".join(f"<li>{_text(warning)}</li>" for warning in entry.report.get("warnings", ()))
    return text + (f'<ul class="warning">{warnings}</ul>' if warnings else "")


def _pictures(job: Job, entry: Entry | None) -> Iterator[str]:
    """The same moment of the source and of the result."""
    source = job.inputs[KINDS[job.kind].inputs[0]]
    made = entry is not None and entry.state == "done"
    try:
        lengths = [probe(path).duration for path in ([source, job.output] if made else [source])]
        middle = min(float(length or 0) for length in lengths) / 2
        for path, name in ((source, "before"), (job.output, "after"))[: len(lengths)]:
            data = base64.b64encode(still(path, middle, _WIDTH)).decode()
            yield f'<img alt="{name}" width="{_WIDTH}" src="data:image/jpeg;base64,{data}">'
    except DubtoolError:
        # A file that was taken away, or never was a video: the row says the rest.
        return


def _seconds(entry: Entry | None) -> float:
    return sum(entry.report.get("seconds", {}).values()) if entry else 0.0


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _link(path: Path, folder: Path) -> str:
    relative = Path(os.path.relpath(path, folder))
    # The dot keeps a name like "javascript:x.mp4" from being an address.
    return f'<a href="./{quote(os.fsencode(relative))}">{_text(path.name)}</a>'


def _text(text: str) -> str:
    """Escaped; bytes that are no UTF-8 are shown as question marks."""
    return html.escape(os.fsencode(text).decode("utf-8", "replace") if _is_odd(text) else text)


def _is_odd(text: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in text)
