"""Lists of jobs: a CSV or JSON Lines file, a folder, or a pattern of videos."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from dubtool.batch.fields import is_option, typed
from dubtool.batch.kinds import KINDS, Kind
from dubtool.batch.pairs import pairs
from dubtool.errors import InputError, UsageError
from dubtool.folders import expanded
from dubtool.jobs.shared.outputs import named_after
from dubtool.jobs.shared.presets import OFFERED, PRESETS
from dubtool.jobs.shared.rows import read_rows
from dubtool.media.spool import lasting

# Options that do not change what a job makes: with others it is still the same job.
_INDIFFERENT = ("overwrite", "device", "cache", "trace")


@dataclass(frozen=True)
class Job:
    """One row: what to do, with which files (absolute paths, inputs by name) and options; `place`: where it stands."""

    place: str
    kind: str
    inputs: dict[str, Path]
    output: Path
    options: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """What tells this job from others, wherever its row stands: 16 hexadecimal digits."""
        told = asdict(self) | {"place": None}
        told["options"] = {name: value for name, value in self.options.items() if name not in _INDIFFERENT}
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class JobList:
    """Jobs, the list's name, the file their state is kept in, and remarks for the user, one line each."""

    name: str
    jobs: tuple[Job, ...]
    state: Path
    notes: tuple[str, ...] = ()


def read_jobs(source: str, common: Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> JobList:
    """The jobs that `source` lists; `common` are options of all of them, behind those of a row.

    Raises:
        InputError: the list cannot be read. UsageError: it is not understood, or two jobs are in each other's way.
    """
    path = lasting(Path(source))
    named = partial(named_after, suffix=KINDS["dub"].suffix, options=_kind_of_file(common))
    if path.is_dir():
        rows, notes = pairs(path.absolute(), sorted(path.absolute().iterdir()), named)
        base, state = path.absolute(), path.absolute() / "dubtool.state.jsonl"
    elif path.is_file():
        columns = _columns(kinds)
        rows, notes = list(read_rows(path, columns, f"job, {', '.join(columns)}, output, or a flag")), []
        base, state = path.absolute().parent, path.absolute().with_name(path.name + ".state.jsonl")
    elif glob.has_magic(source):
        base = _steady(path.absolute())
        rows, notes = pairs(base, sorted(Path(one).absolute() for one in glob.glob(source, recursive=True)), named)  # noqa: PTH207
        state = base / "dubtool.state.jsonl"
    elif path.exists():
        raise InputError(f"{source} is a pipe or a device; a batch keeps its state beside its list: give a file")
    else:
        raise InputError(f"{source} does not exist: give a CSV or JSON Lines file, a folder, or a quoted pattern")
    jobs = tuple(_job(place, row, common, base, kinds) for place, row in rows)
    if not jobs:
        raise InputError(f"{source} lists no job" + (f" ({notes[0]})" if notes else ""))
    _check_apart(jobs, kinds)
    return JobList(path.absolute().name, jobs, state, tuple(notes))


def _kind_of_file(common: Mapping[str, Any]) -> dict[str, Any]:
    """The container that options of all jobs ask for, by its name or a preset."""
    preset = PRESETS.get(str(common.get("preset")), {})
    return {"container": common.get("container") or preset.get("container")}


def _steady(pattern: Path) -> Path:
    """The folder above the first part that holds a wildcard."""
    while glob.has_magic(str(pattern)):
        pattern = pattern.parent
    return pattern


def _columns(kinds: Mapping[str, Kind]) -> list[str]:
    """Names of every kind's inputs."""
    return list(dict.fromkeys(one for kind in kinds.values() for one in kind.inputs))


def _job(place: str, row: dict[str, Any], common: Mapping[str, Any], base: Path, kinds: Mapping[str, Kind]) -> Job:
    row = dict(row)
    name = str(row.pop("job", "dub")).lower()
    if name not in kinds:
        raise UsageError(f"{place}: job {name!r} cannot run in a batch; what can: {', '.join(kinds)}")
    kind = kinds[name]
    inputs = {}
    for one in kind.inputs:
        named, others = row.pop(one, None), kind.instead.get(one, ())
        if named:
            inputs[one] = base / expanded(Path(str(named)))
        elif not any(row.get(other) or common.get(other) for other in others):
            hint = f" ({' or '.join(others)} would do)" if others else ""
            raise UsageError(f"{place}: no {one} is named{hint}")
    first = inputs[kind.inputs[0]]
    named = row.pop("output", None)
    try:
        options = dict(_preset(kind, row.pop("preset", None) or common.get("preset")))
        common = {flag: value for flag, value in common.items() if flag != "preset"}
        options |= dict(typed(kind, flag, value, Path.cwd()) for flag, value in common.items())
        options |= dict(typed(kind, flag, value, base) for flag, value in row.items())
        kind.options(**options)
        output = base / expanded(Path(str(named))) if named else named_after(first, kind.suffix, options)
    except UsageError as error:
        unknown = [flag for flag in row if not is_option(kind, flag)]
        hint = f" (a row has job, {', '.join(kind.inputs)}, output and flags of 'dubtool {name}')" if unknown else ""
        raise UsageError(f"{place}: {error}{hint}") from error
    return Job(place, name, inputs, output, options)


def _preset(kind: Kind, name: Any) -> Iterator[tuple[str, Any]]:
    """What a preset sets of the options that jobs of this kind have."""
    if not name:
        return
    if str(name) not in PRESETS:
        raise UsageError(f"unknown preset {str(name)!r}: use one of {', '.join(OFFERED)}")
    for flag, value in PRESETS[str(name)].items():
        if is_option(kind, flag):
            yield typed(kind, flag, value, Path.cwd())


def _check_apart(jobs: tuple[Job, ...], kinds: Mapping[str, Kind]) -> None:
    """No file is written twice, nor written by one job and read by another."""
    written: dict[Path, Job] = {}
    for job in jobs:
        for file in kinds[job.kind].files(job.output, job.options):
            other = written.setdefault(file.resolve(), job)
            if other is not job:
                raise UsageError(f"{job.place}: {file} is also written by {other.place}; name another output")
    for job in jobs:
        names = [name for others in kinds[job.kind].instead.values() for name in others]
        replacing = [Path(job.options[name]) for name in names if job.options.get(name)]
        for file in (*job.inputs.values(), *replacing):
            other = written.get(file.resolve(), job)
            if other is not job:
                raise UsageError(f"{job.place}: {file} is written by {other.place}; put it into a list of its own")
