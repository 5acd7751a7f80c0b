"""New mouths drawn by a network, from reference frames of the person."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dubtool.face.blend import Light, Placed, light_between, match_colour, place, to_mouth_box
from dubtool.face.crop import to_pixels
from dubtool.face.mask import mouth_mask
from dubtool.jobs.dub.conditioning import Conditions
from dubtool.jobs.shared.covers import Covers
from dubtool.jobs.shared.frame_stream import crop_of, frames_of_rows
from dubtool.jobs.shared.references import reference_candidates, sharpest
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.models.generator import Generator
from dubtool.tracking.motion import FaceMotion


class PaintedMouths:
    """A generator at work on one person.

    references: rows of the motion that it was taught with, one each; None to choose them. covers: what is in front of
    the mouth, and tells nothing of the light.
    """

    def __init__(
        self,
        generator: Generator,
        motion: FaceMotion,
        references: Sequence[np.ndarray] | None = None,
        covers: Covers | None = None,
    ) -> None:
        self._covers = covers or Covers()
        # The references of one person must not take the place of another's, who is drawn by the same network.
        self._generator, self._motion, self._taught = copy.copy(generator), motion, references
        self._spec = generator.spec
        self._to_crop = to_pixels(motion.unit, generator.spec.size)
        self._references: np.ndarray | None = None
        # The mean of the references: it tells their light.
        self._usual: np.ndarray | None = None
        self._hidden = np.zeros((generator.spec.size.height, generator.spec.size.width), np.float32)
        self._hidden[generator.spec.hidden_box] = 1.0

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_generator"}

    def equip(self, generator: Generator) -> None:
        """Take up a network in another process; the old one does not travel there."""
        self._generator = copy.copy(generator)
        if self._references is not None:
            self._generator.set_references(self._references)

    def candidates(self, allowed: np.ndarray | None) -> list[np.ndarray]:
        """Rows that may be references, of each one. allowed: bool [N], those to choose among; None: all."""
        return list(self._taught or reference_candidates(self._motion, allowed, self._spec.references))

    def crop(self, frame: Frame, row: int) -> np.ndarray:
        """What a reference of a row of the motion would show, seen in its `frame`."""
        return crop_of(frame, self._to_crop[row], self._spec.size.width, self._spec.size.height)

    def prepare(self, reader: VideoReader, allowed: np.ndarray | None) -> list[int]:
        """Choose the references among the `allowed` rows (bool [N]; None: all): their frames."""
        candidates = self.candidates(allowed)
        rows = sorted({int(row) for part in candidates for row in part})
        frames = frames_of_rows(reader, self._motion.frames, rows)
        return self.choose(candidates, {row: self.crop(frame, row) for row, frame in frames}, reader)

    def choose(
        self, candidates: Sequence[np.ndarray], crops: Mapping[int, np.ndarray], reader: VideoReader
    ) -> list[int]:
        """Choose the references among `candidates` by their `crops`, which are there for every row: their frames."""
        size = self._spec.size
        best = sharpest(candidates, crops)
        self._references = np.stack([crops[row] for row in best]).reshape(len(best), size.height, size.width, 3)
        self._usual = self._references.mean(axis=0, dtype=np.float32)
        self._generator.set_references(self._references)
        return [int(frame) // reader.video.pictures_a_frame for frame in self._motion.frames[best]]

    def make(self, frames: Sequence[Frame], rows: np.ndarray, wanted: Conditions) -> list[Placed | None]:
        """A mouth for each frame, in the colours of what is around it. rows: of the motion [B]."""
        size = self._spec.size
        crops = np.stack(
            [
                crop_of(frame, self._to_crop[row], size.width, size.height)
                for row, frame in zip(rows, frames, strict=True)
            ]
        )
        lights = [
            None if int(row) in self._covers.found else self._light(crop) for row, crop in zip(rows, crops, strict=True)
        ]
        # The network is shown every frame in the light of its references, and its mouth put back into the frame's own.
        lit = [
            crop if light is None else np.clip(np.rint(light.on(crop)), 0, 255)
            for crop, light in zip(crops, lights, strict=True)
        ]
        made = self._generator.generate(np.stack(lit).astype(np.uint8), wanted.vectors, wanted.drawings)
        placed = []
        for number, (row, frame, light) in enumerate(zip(rows, frames, lights, strict=True)):
            mask = mouth_mask(wanted.mouths[number], size, self._spec.hidden)
            mouth = made[number] if light is None else light.off(made[number])
            matched = match_colour(mouth, crops[number][size.box].astype(np.float32), mask)
            placed.append(place(frame, matched, mask, to_mouth_box(self._to_crop[row], size)))
        return placed

    def _light(self, crop: np.ndarray) -> Light | None:
        """The light of the references, seen from that of a crop uint8 [H, W, 3]; None where they are the same."""
        assert self._usual is not None
        return light_between(crop.astype(np.float32), self._usual, self._hidden)
