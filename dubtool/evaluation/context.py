"""What every test needs: the model to be judged, the way to dub with it, and the networks that judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.engine.native_stderr import silent_stderr
from dubtool.engine.session import Session
from dubtool.evaluation.analysed import TrackedSpeaker, analyse
from dubtool.face.shape import ShapeModel
from dubtool.jobs.dub.conditioning import drivers
from dubtool.jobs.dub.job import dub
from dubtool.jobs.shared.load import load_generator, sync_judge
from dubtool.jobs.shared.options import painter_of
from dubtool.jobs.shared.report import Report
from dubtool.metrics.identity import FaceIdentity
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.phones import PhoneRecogniser
from dubtool.metrics.sync import ShapeSyncJudge
from dubtool.models.generator import GeneratorSpec
from dubtool.speech.features import SpeechFeatures
from dubtool.speech.source import SpeechSource
from dubtool.speech.whisper import WhisperExtractor
from dubtool.weights.locate import digests, find, known, locate

# Where SFace lies if somebody has registered it.
_SFACE = "sface"


@dataclass(frozen=True)
class EvaluationContext:
    """options: of every dub. identity: None where SFace is not at hand. done: called after each dub."""

    options: dict[str, Any]
    spec: GeneratorSpec
    shapes: ShapeModel
    device: str
    lpips: Lpips
    sync: ShapeSyncJudge
    whisper: Session
    identity: FaceIdentity | None
    cache: bool
    done: Callable[[], None]
    weights: dict[str, str] = field(default_factory=dict)
    phones: PhoneRecogniser | None = None

    def dub(self, video: Path, speech: Path, target: Path, **more: Any) -> Report:
        """Dub without loss, so that no encoder blurs what is measured."""
        options = self.options | {"lossless": True, "preset": "ultrafast", "cache": self.cache} | more
        report = dub(video, speech, target, **options)
        self.done()
        return report

    def hear(self, speech: Path) -> Callable[[np.ndarray], np.ndarray]:
        """What the sync judge wants to hear of a 16 kHz mono WAV: seconds [m] to states [m, steps, C]."""
        features = SpeechFeatures(WhisperExtractor(SpeechSource(speech), self.whisper))
        return lambda times: features.windows(times, self.sync.steps)

    def analyse(self, source: Path) -> TrackedSpeaker:
        """Track a source; a later run on the same clip may find the track again."""
        return analyse(source, self.shapes, cache=self.cache)

    def analyse_anew(self, made: Path) -> TrackedSpeaker:
        """Track a dub: nothing that is known of how it was made is used."""
        return analyse(made, self.shapes, cache=False)


def load_context(
    model: str,
    *,
    sface: Path | None,
    device: str,
    precision: str,
    batch_size: int,
    cache: bool,
    done: Callable[[], None],
    phones: bool = False,
) -> EvaluationContext:
    """Load what all clips share.

    phones: also what times the phones of English speech.

    Raises:
        UsageError, WeightsError, DeviceError: the model or the networks cannot be used.
    """
    recogniser = PhoneRecogniser() if phones else None
    generator, graphs = load_generator(painter_of(model), device, precision)
    if sface is None and _SFACE in known():
        found = locate(_SFACE)
        sface = None if found is None else find(_SFACE)
    lpips = Session(find("lpips"), device)
    with silent_stderr():
        identity = None if sface is None else FaceIdentity(sface)
    return EvaluationContext(
        options={"model": model, "device": device, "precision": precision, "batch_size": batch_size},
        spec=generator.spec,
        shapes=ShapeModel.load(find("face_shape")),
        device=generator.device,
        lpips=Lpips(lpips.run),
        sync=sync_judge(device),
        whisper=Session(find("whisper"), device),
        identity=identity,
        cache=cache,
        done=done,
        weights=digests([*graphs, *drivers(generator.spec)]),
        phones=recogniser,
    )
