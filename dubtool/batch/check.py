"""A rehearsal: every input looked at, and the disk, before a night's work begins."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dubtool.batch.estimate import Pace, bytes_of, measure, pace_of
from dubtool.batch.film import Film
from dubtool.batch.kinds import KINDS, Kind
from dubtool.batch.plan import Step, plan
from dubtool.batch.state import Ledger
from dubtool.batch.table import Job, JobList
from dubtool.errors import DubtoolError, OutputError
from dubtool.folders import temporary_folder
from dubtool.jobs.dub.heard import cast_of
from dubtool.jobs.dub.lines import HEADERS_ERR, QUIET_RMS, Speeches
from dubtool.jobs.reenact.portrait import load_portrait
from dubtool.jobs.shared.cast import Cast
from dubtool.jobs.shared.cores import share
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.outputs import check_writing, checked_output
from dubtool.jobs.shared.overrides import overrides_of
from dubtool.media.audio import load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo, probe
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.track_video import FramePicture
from dubtool.weights.locate import find

_FIRST_SECONDS = 5.0
_BETWEEN_LOOKS = 0.5
_PREVIEW_SHARE = 0.5


@dataclass
class Finding:
    """What is known of one job. state: ready, done or failed (earlier, and not to be tried again). seconds: of its
    output; frames: how many, about; bytes: how large, about."""

    place: str
    output: str
    state: str
    problem: str = ""
    exit_code: int = 0
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    frames: int = 0
    bytes: int = 0

    @property
    def text(self) -> str:
        return self.problem or "; ".join(self.warnings) or self.output


@dataclass
class Checked:
    """What is known of all of them. hours: of work, with `workers` at it; None if that cannot be told."""

    jobs: list[Finding]
    disk: list[str]
    hours: float | None
    workers: int
    pace: Pace | None

    @property
    def exit_code(self) -> int:
        """0 if all can start; else that of the first problem, in the order of the list."""
        first = next((finding.exit_code for finding in self.jobs if finding.exit_code), 0)
        return first or (OutputError.exit_code if self.disk else 0)

    @property
    def summary(self) -> str:
        ready = sum(finding.state == "ready" and not finding.exit_code for finding in self.jobs)
        problems = sum(bool(finding.exit_code) for finding in self.jobs)
        minutes = sum(finding.seconds for finding in self.jobs if finding.state == "ready") / 60
        told = f"{ready} of {len(self.jobs)} jobs are ready, {problems} have problems; {minutes:.1f} minutes of video"
        if self.hours is None or self.pace is None:
            return f"{told}; how long it takes is not known"
        about = f"{self.hours:.1f} hours" if self.hours >= 1 else f"{self.hours * 60:.1f} minutes"
        return f"{told}, about {about} with {self.workers} at a time (by {self.pace.source})"


class _Look:
    """What the checks find, kept by file, for files that many jobs share."""

    def __init__(self) -> None:
        self._detector = FaceDetector(find("yunet"))
        self._faces: dict[Path, bool] = {}
        self._sounds: dict[Path, tuple[float, float]] = {}

    def face(self, video: Path) -> bool:
        """Whether a face shows within the first seconds."""
        if video not in self._faces:
            self._faces[video] = self._find_face(video)
        return self._faces[video]

    def sound(self, path: Path) -> tuple[float, float]:
        """Seconds and loudness (RMS)."""
        if path not in self._sounds:
            with temporary_folder() as folder:
                speech = load_speech(path, folder)
            self._sounds[path] = speech.duration, speech.rms
        return self._sounds[path]

    def _find_face(self, video: Path) -> bool:
        due = 0.0
        for frame in VideoReader(probe(video)):
            at = float(frame.time)
            if at > _FIRST_SECONDS:
                return False
            if at >= due:
                due = at + _BETWEEN_LOOKS
                if self._detector.detect(FramePicture(frame)):
                    return True
        return False


def check(
    listed: JobList,
    *,
    devices: Sequence[str],
    workers: int,
    retry_failed: bool,
    kinds: Mapping[str, Kind] = KINDS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Checked:
    """Look at every job that is still to do; nothing is written.

    Raises:
        InputError: the state cannot be read. WeightsError: the face detector is not usable.
    """
    ledger = Ledger(listed.state)
    steps = plan(listed.jobs, ledger, kinds, retry_failed=retry_failed)
    look, found = _Look(), []
    for number, step in enumerate(steps, 1):
        found.append(_finding(step, kinds, look))
        progress(number, len(steps))
    ready = [(step.job, one) for step, one in zip(steps, found, strict=True) if one.frames and one.state == "ready"]
    workers = max(1, min(workers, len(ready)))
    pace = pace_of(ledger.latest.values())
    for job, _ in ready[:3]:
        pace = pace or measure(job, kinds[job.kind], devices[0], share(0, workers))
    return Checked(found, _disk(ready), _hours(ready, kinds, pace, workers), workers, pace)


def _finding(step: Step, kinds: Mapping[str, Kind], look: _Look) -> Finding:
    job = step.job
    state = {"run": "ready", "record": "done"}.get(step.do, step.do)
    finding = Finding(job.place, str(job.output), state)
    if state != "ready":
        return finding
    try:
        with temporary_folder() as folder:
            film = Film(job.inputs[kinds[job.kind].video], folder)
            _examine(job, kinds[job.kind], film, step.replace, look, finding)
    except DubtoolError as error:
        finding.problem, finding.exit_code = " ".join(str(error).split()), error.exit_code
    return finding


def _examine(job: Job, kind: Kind, film: Film, replace: bool, look: _Look, finding: Finding) -> None:
    options = job.options
    video, speech, soundtrack = job.inputs[kind.video], job.inputs.get("speech"), options.get("soundtrack")
    source = options.get("source")
    if source is not None:
        probe(source).require_video()
    info = film.info
    picture = info.require_video()
    allowed = options | {"overwrite": replace or bool(options.get("overwrite"))}
    target = checked_output(video, job.output, allowed, (*job.inputs.values(), soundtrack, source))
    for name in kind.stills:
        load_portrait(job.inputs[name])
    seconds = float(info.duration or 0)
    chosen = DubOptions(**options) if kind.instead else None
    cast = None if chosen is None else cast_of(chosen, speech)
    overrides_of(None if chosen is None else chosen.overrides)
    if chosen is not None and cast is not None:
        _examine_cast(info, chosen, cast, finding)
    if speech is not None:
        seconds, loudness = look.sound(speech)
        if loudness < QUIET_RMS:
            finding.warnings.append(f"{speech} is silent")
    check_writing(target, options, info.drawn() if kind.stills else info, soundtrack or speech)
    if not look.face(film.path):
        finding.warnings.append(f"{video}: no face in its first {_FIRST_SECONDS:g} seconds")
    length = float(info.duration or 0) or seconds or 1.0
    finding.seconds = {"video": length, "shortest": min(length, seconds)}.get(options.get("length", "speech"), seconds)
    rate = float(picture.average_rate)
    finding.frames = max(1, round(finding.seconds * rate))
    source_rate = film.bytes / length
    size = bytes_of(picture.width, picture.height, rate, finding.seconds, source_rate)
    finding.bytes = round(size * (1 + _PREVIEW_SHARE * bool(options.get("preview"))))


def _examine_cast(info: MediaInfo, options: DubOptions, cast: Cast, finding: Finding) -> None:
    """Every row of a cast but for its face, and whether the result takes the sound."""
    with temporary_folder() as folder:
        speeches = Speeches(cast, Path, folder)
        for path, sound in speeches.sounds.items():
            if sound.rms < QUIET_RMS:
                finding.warnings.append(f"{path} is silent")
        if info.duration is not None:
            speeches.lines(info.duration, options.fit, HEADERS_ERR)
        check_writing(Path(finding.output), vars(options), info, options.soundtrack or speeches.sample())


def _disk(ready: list[tuple[Job, Finding]]) -> list[str]:
    """One line for each disk that is too small."""
    wanted: dict[int, tuple[Path, int]] = {}
    for job, finding in ready:
        folder = job.output.parent
        disk = folder.stat().st_dev
        wanted[disk] = folder, wanted.get(disk, (folder, 0))[1] + finding.bytes
    lines = []
    for folder, needed in wanted.values():
        free = shutil.disk_usage(folder).free
        if needed > free:
            lines.append(f"{folder}: about {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")
    return lines


def _hours(
    ready: list[tuple[Job, Finding]], kinds: Mapping[str, Kind], pace: Pace | None, workers: int
) -> float | None:
    if pace is None:
        return 0.0 if not ready else None
    frames = sum(finding.frames for _, finding in ready)
    looked = {job.inputs[kinds[job.kind].video]: finding.frames for job, finding in ready}
    return (frames * pace.rest + sum(looked.values()) * pace.looking) / workers / 3600
