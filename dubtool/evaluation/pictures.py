"""Sharpness, seam, flicker and what was touched outside: a dub's frames beside the source frames they were made of."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import cv2
import numpy as np

from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.blended import Blended, may_change
from dubtool.evaluation.frame_view import Look
from dubtool.evaluation.results import Number
from dubtool.face.picture import within
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.media.sampling import Box
from dubtool.metrics.flicker import Flicker
from dubtool.metrics.outside import largest_outside
from dubtool.metrics.seam import edge_gradient
from dubtool.metrics.sharpness import MEASURES, laplacian

_PAIRS = ("laplacian", "laplacian_lips", "seam", *MEASURES)


class Pictures:
    """Sums over the frames of one dub or of several; ratios are of the sums, so that no single frame decides.

    Frames that passed through the job as they were say nothing about the new mouth and count only for `outside`.
    look: how frames are looked at.
    """

    def __init__(self, look: Look = Frame.rgb) -> None:
        self.frames = 0
        self._look = look
        self._made = dict.fromkeys(_PAIRS, 0.0)
        self._real = dict.fromkeys(_PAIRS, 0.0)
        self._outside = math.nan
        self._flicker: list[tuple[Flicker, Flicker]] = []

    def measure(self, dub: Path, seen: TrackedSpeaker, blended: Blended | None, frames: range | None = None) -> None:
        """Add a dub (each frame made of the same one of the source) of what was seen.

        blended: None where nobody knows the job's masks: seam and outside are not measured. For the latter the dub must
        be without loss. frames: only these; all if None.
        """
        side = seen.mouth_side
        made_flicker, real_flicker = Flicker(side, side), Flicker(side, side)
        self._flicker.append((made_flicker, real_flicker))
        numbers = itertools.count() if frames is None else frames
        readers = [VideoReader(info) for info in (probe(dub), seen.info)]
        pairs = (reader if frames is None else reader.frames(frames) for reader in readers)
        for number, made, real in zip(numbers, *pairs, strict=False):
            changed = any(not np.array_equal(a, b) for a, b in zip(made.planes, real.planes, strict=True))
            if seen.rows[number] < 0 or not changed:
                if blended is not None:
                    self._touched(made, real, np.zeros(made.planes[0].shape, bool))
                made_flicker.add(np.empty(0), None)
                real_flicker.add(np.empty(0), None)
                continue
            if blended is not None:
                weights, box = blended.weights(number)
                self._touched(made, real, may_change(weights, box, made.planes[0].shape))
                self._add("seam", *(edge_gradient(self._look(frame, box), weights > 0.5) for frame in (made, real)))
            self._sharpness(made, real, seen.mouth_box(number), seen.lip_box(number))
            for frame, flicker in ((made, made_flicker), (real, real_flicker)):
                mouth = seen.mouth_box(number)
                flicker.add(self._look(frame, mouth), within(seen.to_mouth(number, side), mouth))
            self.frames += 1

    def numbers(self) -> dict[str, Number]:
        """By the names of `results.MEASURES`."""
        made, real = ([pair[which].value for pair in self._flicker] for which in (0, 1))
        known = np.isfinite(made) & np.isfinite(real)
        flicker = _ratio(float(np.sum(np.array(made)[known])), float(np.sum(np.array(real)[known])))
        return {
            "sharpness": Number(self._of("laplacian"), 1.0),
            "sharpness_lips": Number(self._of("laplacian_lips"), 1.0),
            "seam": Number(self._of("seam"), 1.0),
            "flicker": Number(flicker, 1.0),
            "outside": Number(self._outside, 0.0),
        }

    def eight(self) -> dict[str, float]:
        """HDTR's measures of the mouth box, dub over source."""
        return {name: self._of(name) for name in MEASURES}

    def _touched(self, made: Frame, real: Frame, region: np.ndarray) -> None:
        for a, b in zip(made.planes, real.planes, strict=True):
            height, width = a.shape[:2]
            here = cv2.resize(region.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
            largest = largest_outside(a, b, here)
            self._outside = largest if math.isnan(self._outside) else max(self._outside, largest)

    def _sharpness(self, made: Frame, real: Frame, mouth: Box, lips: Box) -> None:
        boxes = self._look(made, mouth), self._look(real, mouth)
        self._add("laplacian", *map(laplacian, boxes))
        for name, measure in MEASURES.items():
            self._add(name, *map(measure, boxes))
        self._add("laplacian_lips", *(laplacian(self._look(frame, lips)) for frame in (made, real)))

    def _add(self, name: str, made: float, real: float) -> None:
        if math.isfinite(made) and math.isfinite(real):
            self._made[name] += made
            self._real[name] += real

    def _of(self, name: str) -> float:
        return _ratio(self._made[name], self._real[name])


def _ratio(made: float, real: float) -> float:
    return made / real if real else math.nan
