"""The kinds of jobs that a list may name. A new kind is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dubtool.jobs.dub.job import dub
from dubtool.jobs.reenact.job import SUFFIX as REENACTED
from dubtool.jobs.reenact.job import reenact
from dubtool.jobs.restore_teeth.job import SUFFIX, restore_teeth
from dubtool.jobs.shared.options import DubOptions, ReenactOptions, RestoreOptions
from dubtool.jobs.shared.outputs import written_files
from dubtool.jobs.shared.report import Report


@dataclass(frozen=True)
class Kind:
    """One kind of job.

    run: called with the inputs by name, `output`, `progress` and the options. inputs: names of its input files, the
    first of which names the result; video: the one whose faces are followed; stills: those that are pictures. suffix:
    of an output that is not named, after the stem of the first input. options: the dataclass whose fields are its
    options. flags: the command line's names of options that it calls otherwise, and whether the flag says the contrary.
    stages: those that `run` reports, in order.
    """

    run: Callable[..., Report]
    inputs: tuple[str, ...]
    suffix: str
    options: type
    stages: tuple[str, ...]
    video: str = "video"
    stills: tuple[str, ...] = ()
    flags: Mapping[str, tuple[str, bool]] = field(default_factory=dict)

    def files(self, output: Path, options: Mapping[str, object]) -> list[Path]:
        """Every file that a job with these options writes."""
        return written_files(output, options)


_FLAGS = {
    "from": ("start", False),
    "to": ("stop", False),
    "debug": ("sheet", False),
    "no_cache": ("cache", True),
}

KINDS: Mapping[str, Kind] = {
    "dub": Kind(
        run=dub,
        inputs=("video", "speech"),
        suffix=".dubbed.mp4",
        options=DubOptions,
        stages=("track", "dub"),
        flags=_FLAGS,
    ),
    "restore-teeth": Kind(
        run=restore_teeth,
        inputs=("video",),
        suffix=SUFFIX,
        options=RestoreOptions,
        stages=("track", "restore"),
        flags=_FLAGS,
    ),
    "reenact": Kind(
        run=reenact,
        inputs=("portrait", "driver"),
        suffix=REENACTED,
        options=ReenactOptions,
        stages=("track", "reenact"),
        video="driver",
        stills=("portrait",),
        flags=_FLAGS,
    ),
}
