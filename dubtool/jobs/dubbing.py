"""What happens to each frame of a dub, once everything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.blend import compared, match_colour, paste
from dubtool.face.crop import CropSize, apply, to_pixels
from dubtool.face.finish import Compared, Finish, matching
from dubtool.face.generator import Generator
from dubtool.face.mask import mouth_mask
from dubtool.face.references import reference_candidates, sharpest
from dubtool.face.restorer import Restorer
from dubtool.face.shape import ShapeModel
from dubtool.face.teeth import landmarks_of_mouths
from dubtool.jobs.condition import Conditioner, Conditions, conditioner
from dubtool.jobs.crew import Crew, Shown
from dubtool.jobs.follow import Followed
from dubtool.jobs.frames import Batch, crop_of, crops_of_rows, frames_of_rows, stream
from dubtool.jobs.load import load_networks
from dubtool.jobs.options import DubOptions
from dubtool.jobs.outputs import Outputs
from dubtool.jobs.person import Chosen, chosen_person
from dubtool.jobs.report import Report
from dubtool.jobs.sheet import work_tiles
from dubtool.jobs.slots import Slot, count, reasons, refuse_nothing, to_slots
from dubtool.jobs.take import ease, plan_take
from dubtool.jobs.teeth import Teeth
from dubtool.media.audio import Speech
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo

# Mouths that are made ahead, to see what they lack beside the real ones.
_TRIED = 6


class Dubbing:
    """One dub, once everything is loaded: what happens to each frame, and how."""

    def __init__(
        self,
        info: MediaInfo,
        options: DubOptions,
        generator: Generator,
        restorer: Restorer | None,
        model: ShapeModel,
        sound: Speech,
        followed: Followed,
        report: Report,
    ) -> None:
        self.info, self.options, self.generator, self.model = info, options, generator, model
        self.sound, self.followed, self.report = sound, followed, report
        self.adapted = options.adapted
        chosen = chosen_person(info, followed, options.face, model)
        self.motion = chosen.motion
        self.teeth = None if restorer is None else Teeth(restorer, chosen, "frame")
        self.take = plan_take(
            followed.times,
            followed.durations,
            Fraction(sound.samples, 16000),
            length=options.length,
            loop=options.loop,
        )
        self.slots = self._slots(chosen)
        self.to_crop = to_pixels(self.motion.unit, generator.spec.size)
        self.finish = Finish()
        report.frames, report.duration = len(self.take.times), float(self.take.duration)
        if followed.decode_failures:
            report.warnings.append(f"{info.path}: {followed.decode_failures} damaged packets were passed over")

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to `change` frames once it is equipped."""
        left = ("generator", "followed", "sound", "slots", "report")
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def equip(self, device: str) -> None:
        """Load the networks in another process."""
        self.generator, restorer, _ = load_networks(replace(self.options, device=device))
        self.generator.set_references(self.references)
        if self.teeth is not None and restorer is not None:
            self.teeth.equip(restorer)

    def run(self, target: Path, crew: Sequence[str], progress: Callable[[float, float | None], None]) -> None:
        """crew: the device of each worker, see `places`."""
        reader = VideoReader(self.info)
        with self.report.timed("references"):
            self.references = self._references(reader)
            self.generator.set_references(self.references)
        source = conditioner(
            self.generator.spec,
            self.motion,
            self.model,
            self.sound.path,
            expression=self.options.expression * (self.adapted.voice.scale if self.adapted else 1.0),
            device=self.options.device,
        )
        with self.report.timed("finish"):
            self.finish = matching(self._tried(reader, source))
        self.report.details["finish"] = asdict(self.finish)
        soundtrack = self.options.soundtrack or self.sound.source
        with (
            self.report.timed("dub"),
            Outputs(target, self.info, self.options, self.take, self.report, soundtrack) as outputs,
            Crew(self, crew, self.options.batch_size) as others,
        ):
            change = self.change if len(crew) == 1 else others.change
            stream(
                self.slots,
                reader.frames(self.take.source.tolist()),
                lambda batch: change(batch, self._wanted(batch, source), outputs),
                outputs,
                batch_size=self.options.batch_size,
                progress=progress,
                ahead=0 if len(crew) == 1 else others.ahead,
            )

    def _wanted(self, batch: Batch, source: Conditioner) -> Conditions:
        """What the speech asks of the batch's frames."""
        rows = np.array([slot.row for slot, _ in batch])
        weight = np.array([slot.weight for slot, _ in batch])
        times = np.array([float(self.take.times[slot.number]) for slot, _ in batch])
        return source.at(times, rows, weight)

    def change(self, batch: Batch, wanted: Conditions, outputs: Shown) -> None:
        """Change the batch's frames in place."""
        size = self.generator.spec.size
        rows = np.array([slot.row for slot, _ in batch])
        crops = np.stack(
            [
                crop_of(frame, self.to_crop[row], size.width, size.height)
                for row, (_, frame) in zip(rows, batch, strict=True)
            ]
        )
        made = self.generator.generate(crops, wanted.vectors, wanted.drawings)
        untouched = {slot.number: frame.copy() for slot, frame in batch if outputs.wants(slot.number)}
        masks = [
            self._paste(frame, made[place], crops[place], wanted, place, slot)
            for place, (slot, frame) in enumerate(batch)
        ]
        if self.teeth is not None:
            self.teeth.restore(batch, self._new_mouths(self.teeth, rows, wanted))
        for place, (slot, frame) in enumerate(batch):
            if slot.number in untouched:
                tiles = partial(_tiles, crops[place], wanted, place, made[place], masks[place], size)
                outputs.show(slot.number, untouched[slot.number], frame, tiles)

    def _new_mouths(self, teeth: Teeth, rows: np.ndarray, wanted: Conditions) -> np.ndarray:
        """Landmarks for `Teeth` of the mouths that were made, picture px [B, 22, 2]."""
        back = np.stack([cv2.invertAffineTransform(matrix) for matrix in self.motion.unit[rows]])
        return landmarks_of_mouths(teeth.landmarks[rows, 0], apply(back, wanted.mouths[:, 0]))

    def _paste(
        self, frame: Frame, made: np.ndarray, crop: np.ndarray, wanted: Conditions, place: int, slot: Slot
    ) -> np.ndarray:
        made, mask = self._matched(made, crop, wanted, place)
        weight = mask * np.float32(slot.weight)
        paste(frame, made, weight, self.to_crop[slot.row], self.generator.spec.size, self.finish, slot.number)
        return mask

    def _matched(
        self, made: np.ndarray, crop: np.ndarray, wanted: Conditions, place: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The mouth in the colours of its source, and its mask."""
        spec = self.generator.spec
        mask = mouth_mask(wanted.mouths[place], spec.size, spec.hidden)
        return match_colour(made, crop[spec.size.box].astype(np.float32), mask), mask

    def _tried(self, reader: VideoReader, source: Conditioner) -> Iterator[Compared]:
        """Some of the mouths that will be made, beside the real ones."""
        size = self.generator.spec.size
        whole = [slot for slot in self.slots if slot.weight == 1]
        picked = {
            whole[place].row: whole[place]
            for place in np.linspace(0, len(whole) - 1, min(_TRIED, len(whole))).astype(int)
        }
        for row, frame in frames_of_rows(reader, self.motion.frames, sorted(picked)):
            crop = crop_of(frame, self.to_crop[row], size.width, size.height)
            wanted = source.at(np.array([float(self.take.times[picked[row].number])]), np.array([row]), np.ones(1))
            made = self.generator.generate(crop[None], wanted.vectors, wanted.drawings)
            pair = compared(frame, *self._matched(made[0], crop, wanted, 0), self.to_crop[row], size)
            if pair is not None:
                yield pair

    def _slots(self, chosen: Chosen) -> list[Slot]:
        """What happens to each output frame, and the report's counts of it."""
        rows = self.motion.rows(self.followed.tracks.frame_count)[self.take.source]
        why = reasons(chosen, rows, self.take, self.options)
        slots = to_slots(rows, why, ease(why == "", self.take.times))
        count(slots, self.report)
        refuse_nothing(self.report, self.info.path, "dubbed")
        return slots

    def _references(self, reader: VideoReader) -> np.ndarray:
        """Crops of the five references uint8 [5, H, W, 3]; the report tells which frames they are."""
        size = self.generator.spec.size
        candidates = self._taught_references() or reference_candidates(self.motion, self._reference_rows())
        rows = sorted({int(row) for part in candidates for row in part})
        crops = dict(crops_of_rows(reader, self.motion.frames, self.to_crop, rows, size.width, size.height))
        best = sharpest(candidates, crops)
        self.report.details["references"] = self.motion.frames[best].tolist()
        return np.stack([crops[row] for row in best]).reshape(len(best), size.height, size.width, 3)

    def _taught_references(self) -> list[np.ndarray] | None:
        """Rows of the references that an adapted generator was taught with, one each."""
        if self.adapted is None or not self.adapted.painter.used or self.options.reference_stretch is not None:
            return None
        rows = self.motion.rows(self.followed.tracks.frame_count)[list(self.adapted.painter.references)]
        return [rows[[place]] for place in range(len(rows))]

    def _reference_rows(self) -> np.ndarray | None:
        """Rows of the motion that references may come from: bool [N], or None for all."""
        if self.options.reference_stretch is None:
            return None
        first, last = self.options.reference_stretch
        inside = np.array([first <= time < last for time in self.followed.times])[self.motion.frames]
        if not inside.any():
            where = f"between {float(first):g} and {float(last):g} s"
            raise NoFaceError(f"{self.info.path}: no face is seen {where}, where references are to come from")
        return inside


def _tiles(
    crop: np.ndarray, wanted: Conditions, place: int, made: np.ndarray, mask: np.ndarray, size: CropSize
) -> list[np.ndarray]:
    """The contact sheet's tiles of one frame."""
    whole, weights = crop.copy(), np.zeros(crop.shape[:2], np.float32)
    whole[size.box] = np.clip(made, 0, 255)
    weights[size.box] = mask
    drawing = None if wanted.drawings is None else wanted.drawings[place].transpose(1, 2, 0)
    return work_tiles(crop, drawing, whole, weights)
