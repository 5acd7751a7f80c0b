"""Adapting the default generator to the person of one video: learn, measure, keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import UsageError
from dubtool.face.shape import ShapeModel
from dubtool.jobs.adapt.material import Material, Subject, collect
from dubtool.jobs.adapt.score import best_sharpening, measure
from dubtool.jobs.adapt.store import keep, place_of, read, writing
from dubtool.jobs.adapt.voice import fit_voice
from dubtool.jobs.shared.adapted import CHECKPOINT, Adapted, Painter, Score
from dubtool.jobs.shared.examples import Examples
from dubtool.jobs.shared.interlacing import progressive
from dubtool.jobs.shared.load import load_adapted, load_generator
from dubtool.jobs.shared.options import DEFAULT_MODEL, painter_of
from dubtool.media.probe import MediaInfo, probe
from dubtool.metrics.perceptual import Lpips
from dubtool.models.generator import SHAPE
from dubtool.tracking.person import chosen_person
from dubtool.tracking.track_video import track_video
from dubtool.weights.locate import find, graph_names, known

LEAST_MINUTES = 0.5
# No further stretch of the video is read when so much of the time is over.
_READING_SHARE = 0.25
# What the scale of the voice depends on, beside the generator.
_DRIVERS = ("face_shape", "speech_shapes", "whisper")
_PRECISION = "auto"
_MEASURED_AGAIN = 1.5
# An eighth of a minute more is not worth another run.
_SLACK_MINUTES = 0.125

Progress = Callable[[str, float, float | None], None]


class FineTuner(Protocol):
    """Teaches a generator. What needs torch comes in from outside: jobs run without it."""

    def teach(
        self, examples: Examples, references: np.ndarray, until: float, progress: Callable[[float, float | None], None]
    ) -> int:
        """Learn from the examples with these references until the graphs can just be written by `until`, a value of
        `time.monotonic`; returns the steps made."""
        ...

    def write(self, folder: Path, examples: Examples, references: np.ndarray) -> None:
        """Write the files `adaptation.record.FILES`. examples: what they are calibrated with."""
        ...


# (checkpoint to go on from, description of the base's per-frame graph, device) -> tutor. It raises an error if what
# it needs is not installed.
FineTuners = Callable[[Path, Mapping[str, Any], str], FineTuner]


def adapt(
    video: Path | str,
    minutes: float,
    tutors: FineTuners,
    *,
    face: str = "largest",
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    progress: Progress | None = None,
) -> Adapted:
    """Learn from the video's own pictures and sound for `minutes`, and keep what was learned in the cache.

    What is kept from an earlier call counts: nothing is done if as much time was spent on it, else it is gone on from.
    Following the face comes before, and is not counted. face, device: as for a dub. model: what will dub; the network
    that draws its mouths learns.

    Raises:
        UsageError: too little time, or a generator that cannot be adapted. InputError, NoFaceError: there is too little
        of the person. OutputError: the cache cannot be written. And what `tutors` raises.
    """
    if minutes < LEAST_MINUTES:
        raise UsageError(f"adapting for {minutes:g} minutes is too short; give {LEAST_MINUTES:g} or more")
    video = Path(video)
    info = progressive(probe(video))
    painter = painter_of(model)
    place = _place(video, face, painter)
    kept = read(place)
    if kept is not None and kept.minutes >= minutes - _SLACK_MINUTES:
        return kept
    with writing(place) as folder:
        # Another process may have been at it meanwhile.
        kept = read(place)
        if kept is not None and kept.minutes >= minutes - _SLACK_MINUTES:
            return kept
        tell = progress or (lambda stage, done, total: None)
        return _Task(info, minutes, face, painter, device, kept, tell).run(place, folder, tutors)


def _place(video: Path, face: str, model: str) -> Path:
    return place_of(video, face, [*graph_names(model), *_DRIVERS])


@dataclass(frozen=True)
class _Task:
    """One adaptation, until its files are kept. minutes: in all; before: spent by earlier calls, whose result is
    `kept`."""

    info: MediaInfo
    minutes: float
    face: str
    model: str
    device: str
    kept: Adapted | None
    tell: Progress

    def run(self, place: Path, folder: Path, tutors: FineTuners) -> Adapted:
        started = time.monotonic()
        base, _ = load_generator(self.model, self.device, _PRECISION)
        if base.spec.conditioning != SHAPE:
            raise UsageError(f"only generators driven by mouth shapes can be adapted; {self.model} is not")
        tutor = tutors(self._checkpoint(), Session(find(graph_names(self.model)[-1]), "cpu").metadata, self.device)
        tracking = time.monotonic()
        subject = self._subject()
        # A dub follows the face anyhow.
        started += time.monotonic() - tracking
        until = started + 60 * (self.minutes - (self.kept.minutes if self.kept else 0.0))
        patience = started + _READING_SHARE * (until - started)
        material = collect(subject, base.spec, patience, lambda done, total: self.tell("pictures", done, total))
        voice = self.kept.voice if self.kept else fit_voice(subject, self.device)
        lpips = Lpips(Session(find("lpips"), self.device).run)
        measuring = time.monotonic()
        score = measure(base, material.references, material.held_out, lpips)
        # The adapted one is measured in the same time, and its sharpening chosen.
        until -= _MEASURED_AGAIN * (time.monotonic() - measuring)
        steps = tutor.teach(
            material.learned, material.references, until, lambda done, total: self.tell("adapt", done, total)
        )
        tutor.write(folder, material.learned, material.references)
        painter = self._measured(folder, base.spec.sharpen, material, score, steps, lpips)
        return keep(place, folder, self.minutes, painter, voice)

    def _checkpoint(self) -> Path:
        if self.kept is not None:
            return self.kept.folder / CHECKPOINT
        name = f"{self.model}_training"
        if name not in known():
            raise UsageError(f"{self.model} comes without a checkpoint to go on from: it cannot be adapted")
        return find(name)

    def _subject(self) -> Subject:
        model = ShapeModel.load(find("face_shape"))
        tracked_video = track_video(self.info, progress=lambda done, total: self.tell("track", done, total))
        motion = chosen_person(self.info, tracked_video, self.face, model).motion
        times = tracked_video.seconds[motion.frames]
        return Subject(self.info, motion, times, model)

    def _measured(
        self, folder: Path, sharpen: float, material: Material, base: Score, steps: int, lpips: Lpips
    ) -> Painter:
        made = load_adapted(folder, sharpen, self.device, _PRECISION)
        chosen = best_sharpening(made, material.references, material.learned, lpips)
        made.spec = replace(made.spec, sharpen=chosen)
        return Painter(
            base,
            measure(made, material.references, material.held_out, lpips),
            len(material.learned),
            len(material.held_out),
            steps + (self.kept.painter.steps if self.kept else 0),
            chosen,
            material.reference_frames,
        )
