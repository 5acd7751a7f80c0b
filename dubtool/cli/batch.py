"""`dubtool batch`: many jobs from one list, going on where an interrupted run left off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dubtool.cli.console import Console
from dubtool.cli.options import Devices, Json, Overwrite, Progress, console_of, names_in

if TYPE_CHECKING:
    from dubtool.batch.check import Finding
    from dubtool.batch.run import Outcome
    from dubtool.batch.state import Entry
    from dubtool.batch.table import Job, JobList


def batch(
    context: typer.Context,
    jobs: Annotated[
        str,
        typer.Argument(
            metavar="JOBS",
            help="A CSV or JSON Lines file of jobs, or a folder or quoted pattern of videos with sounds named alike.",
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A flag of every job, unless its row says otherwise. Again."),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Also try jobs that failed before.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every input and the disk, say how long it will take, do nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a web page of all jobs, with pictures.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, metavar="N", help="Jobs at a time: by default one a GPU, or one a CPU core."),
    ] = None,
    devices: Devices = None,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="ADDRESS", help="Run on the Ray cluster there; 'local' starts one here."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """Do many jobs; started again, it does what is missing."""
    from dubtool.batch.run import run_batch
    from dubtool.batch.table import read_jobs

    console = console_of(context)
    common = _common(settings or []) | ({"overwrite": True} if overwrite else {})
    listed = read_jobs(jobs, common)
    for note in listed.notes:
        console.note(note)
    if report is not None:
        from dubtool.batch.page import check_page

        check_page(listed, report, overwrite=overwrite)
    names = names_in(devices)
    if dry_run:
        here = _here([] if ray else names, workers)
        raise typer.Exit(_rehearse(console, listed, here, retry_failed, as_json))
    run = _on_ray(ray, names, workers) if ray else partial(run_batch, **_here(names, workers))
    try:
        with console.progress() as tell:
            outcome = run(
                listed,
                retry_failed=retry_failed,
                finished=lambda job, entry: console.note(_line(job, entry)),
                progress=lambda done, total: tell("jobs", round(done, 2), total),
            )
    finally:
        if report is not None:
            _draw(listed, report)
    _tell(console, outcome, as_json)
    raise typer.Exit(outcome.exit_code)


def _here(names: list[str], workers: int | None) -> dict[str, Any]:
    """What `run_batch` and `check` are told of workers on this machine."""
    from dubtool.engine.device import resolve
    from dubtool.jobs.shared.cores import default_devices, default_workers

    devices = [str(resolve(name)) for name in names] or default_devices()
    return {"devices": devices, "workers": workers or default_workers(devices)}


def _on_ray(address: str, names: list[str], workers: int | None) -> Callable[..., Outcome]:
    from dubtool.batch.cluster import run_on_ray

    if names not in ([], ["cpu"], ["cuda"]):
        raise typer.BadParameter("with --ray, give cpu or cuda: Ray chooses which ones", param_hint="'--devices'")
    return partial(run_on_ray, address=address, device=names[0] if names else "auto", workers=workers)


def _common(settings: list[str]) -> dict[str, Any]:
    pairs = (setting.partition("=") for setting in settings)
    return {name.removeprefix("--"): value if equals else True for name, equals, value in pairs}


def _line(job: Job, entry: Entry) -> str:
    if entry.state == "failed":
        return f"failed: {job.place}: {entry.reason}"
    told = entry.report
    seconds = sum(told.get("seconds", {}).values())
    warnings = "".join(f"; warning: {warning}" for warning in told.get("warnings", ()))
    return f"done: {job.output} ({told.get('dubbed', 0)} of {told.get('frames', 0)} frames, {seconds:.1f} s{warnings})"


def _tell(console: Console, outcome: Outcome, as_json: bool) -> None:
    """The list as it stands now: outputs on stdout, counts and failures on stderr."""
    last = [(step, outcome.ledger.latest[step.job.key]) for step in outcome.steps]
    done = sum(entry.state == "done" for _, entry in last)
    before = sum(step.do in ("done", "record") for step, _ in last)
    for step, entry in last:
        if step.do == "failed":
            console.note(f"failed before: {step.job.place}: {entry.reason}")
    earlier = f" ({before} before)" if before else ""
    failed = len(last) - done
    hint = "; --retry-failed tries them again" if failed else ""
    console.note(f"{done} of {len(last)} jobs are done{earlier}, {failed} failed{hint}")
    if as_json:
        jobs = [_row(step.job, entry) for step, entry in last]
        console.json({"done": done, "failed": failed, "exit_code": outcome.exit_code, "jobs": jobs})
        return
    for _, entry in last:
        if entry.state == "done":
            console.result(entry.output)


def _row(job: Job, entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"job": job.kind, "place": job.place, "inputs": job.inputs, "output": job.output}
    told |= {"state": entry.state, "time": entry.time}
    if entry.state == "failed":
        return told | {"reason": entry.reason, "exit_code": entry.exit_code}
    return told | {"report": entry.report}


def _draw(listed: JobList, target: Path) -> None:
    from dubtool.batch.page import write_page

    write_page(listed, target)


def _rehearse(console: Console, listed: JobList, here: dict[str, Any], retry_failed: bool, as_json: bool) -> int:
    from dubtool.batch.check import check

    with console.progress() as tell:
        checked = check(
            listed,
            **here,
            retry_failed=retry_failed,
            progress=lambda done, total: tell("check", done, total),
        )
    if as_json:
        from dataclasses import asdict

        console.json(asdict(checked) | {"exit_code": checked.exit_code})
        return checked.exit_code
    console.table(
        ("job", "state", "what"), [(finding.place, _state(finding), finding.text) for finding in checked.jobs]
    )
    for problem in checked.disk:
        console.note(problem)
    console.note(checked.summary)
    return checked.exit_code


def _state(finding: Finding) -> str:
    if finding.exit_code:
        return "PROBLEM"
    return "warning" if finding.warnings else finding.state
