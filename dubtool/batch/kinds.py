"""The kinds of jobs that a list may name. A new kind is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dubtool.jobs.dub.job import dub
from dubtool.jobs.reenact.job import SUFFIX as REENACTED
from dubtool.jobs.reenact.job import reenact
from dubtool.jobs.restore_teeth.job import SUFFIX, restore_teeth
from dubtool.jobs.shared.offer import offers, option_name
from dubtool.jobs.shared.options import DubOptions, ReenactOptions, RestoreOptions
from dubtool.jobs.shared.outputs import written_files
from dubtool.jobs.shared.report import Report


@dataclass(frozen=True)
class Kind:
    """One kind of job.

    name: as the command line and lists call it. run: called with the inputs by name, `output`, `progress` and the
    options. inputs: names of its input files, the first of which names the result; video: the one whose faces are
    followed; stills: those that are pictures; instead: options that stand in for an input, by its name. suffix: of an
    output that is not named, after the stem of the first
    input. options: the dataclass whose fields are its options. stages: those that `run` reports, in order.
    """

    name: str
    run: Callable[..., Report]
    inputs: tuple[str, ...]
    suffix: str
    options: type
    stages: tuple[str, ...]
    video: str = "video"
    stills: tuple[str, ...] = ()
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def flags(self) -> dict[str, tuple[str, bool]]:
        """The command line's names of options that it calls otherwise, and whether the flag says the contrary."""
        named = {option_name(one).replace("-", "_"): (one.name, offer.negated) for one, offer in offers(self.options)}
        return {name: told for name, told in named.items() if name != told[0]}

    def files(self, output: Path, options: Mapping[str, object]) -> list[Path]:
        """Every file that a job with these options writes."""
        return written_files(output, options)


KINDS: Mapping[str, Kind] = {
    "dub": Kind(
        name="dub",
        run=dub,
        inputs=("video", "speech"),
        suffix=".dubbed.mp4",
        options=DubOptions,
        stages=("track", "dub"),
        instead={"speech": ("cast", "cues")},
    ),
    "restore-teeth": Kind(
        name="restore-teeth",
        run=restore_teeth,
        inputs=("video",),
        suffix=SUFFIX,
        options=RestoreOptions,
        stages=("track", "restore"),
    ),
    "reenact": Kind(
        name="reenact",
        run=reenact,
        inputs=("portrait", "driver"),
        suffix=REENACTED,
        options=ReenactOptions,
        stages=("track", "reenact"),
        video="driver",
        stills=("portrait",),
    ),
}
