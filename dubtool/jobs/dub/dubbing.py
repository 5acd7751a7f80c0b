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
from dubtool.face.blend import Placed
from dubtool.face.crop import apply
from dubtool.face.grain_match import Compared, Finish, matching
from dubtool.face.shape import ShapeModel
from dubtool.face.teeth import landmarks_of_mouths
from dubtool.jobs.dub.conditioning import Conditioner, Conditions, ShapeConditioner, TimedShapes, conditioner
from dubtool.jobs.dub.painted import PaintedMouths
from dubtool.jobs.dub.reach import ReachedShapes, reach_of
from dubtool.jobs.dub.retrieved import RetrievedMouths, Wanted
from dubtool.jobs.shared.contact_sheet import work_tiles
from dubtool.jobs.shared.frame_plan import Slot, count, reasons, refuse_nothing, to_slots
from dubtool.jobs.shared.frame_stream import Batch, frames_of_rows, stream
from dubtool.jobs.shared.frame_timeline import ease, plan_take
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.jobs.shared.load import Networks, load_networks
from dubtool.jobs.shared.options import RETRIEVAL, DubOptions
from dubtool.jobs.shared.outputs import Outputs
from dubtool.jobs.shared.report import Report
from dubtool.jobs.shared.teeth import Teeth
from dubtool.jobs.shared.worker_pool import Crew, Shown
from dubtool.media.audio import Speech
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo
from dubtool.speech.shapes import speech_shapes
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import Followed
from dubtool.weights.locate import find

# Mouths that are made ahead, to see what they lack beside the real ones.
_TRIED = 6


class Dubbing:
    """One dub, once everything is loaded: what happens to each frame, and how."""

    def __init__(
        self,
        info: MediaInfo,
        options: DubOptions,
        networks: Networks,
        model: ShapeModel,
        sound: Speech,
        followed: Followed,
        report: Report,
    ) -> None:
        self.info, self.options, self.generator, self.model = info, options, networks.generator, model
        self.sound, self.followed, self.report = sound, followed, report
        self.adapted = options.adapted
        chosen = chosen_person(info, followed, options.face, model)
        self.motion = chosen.motion
        self.teeth = None if networks.restorer is None else Teeth(networks.restorer, chosen, "frame")
        self.take = plan_take(
            followed.times,
            followed.durations,
            Fraction(sound.samples, 16000),
            length=options.length,
            loop=options.loop,
        )
        self.slots = self._slots(chosen)
        self.painter = PaintedMouths(networks.generator, self.motion, self._taught_references())
        self.retrieved = (
            RetrievedMouths(chosen, model, self.painter, networks.mender, _bytes(options.memory))
            if options.model == RETRIEVAL
            else None
        )
        self.finish = Finish()
        report.frames, report.duration = len(self.take.times), float(self.take.duration)
        if followed.decode_failures:
            report.warn(f"{info.path}: {followed.decode_failures} damaged packets were passed over")

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to `change` frames once it is equipped."""
        left = ("generator", "followed", "sound", "slots", "report")
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def equip(self, device: str) -> None:
        """Load the networks in another process."""
        networks = load_networks(replace(self.options, device=device))
        self.generator = networks.generator
        self.painter.equip(networks.generator)
        if self.retrieved is not None:
            self.retrieved.mender = networks.mender
        if self.teeth is not None and networks.restorer is not None:
            self.teeth.equip(networks.restorer)

    def run(self, target: Path, crew: Sequence[str], progress: Callable[[float, float | None], None]) -> None:
        """crew: the device of each worker, see `places`."""
        reader = VideoReader(self.info)
        if self.retrieved is None:
            source = self._conditioner()
            with self.report.timed("references"):
                self.report.details["references"] = self.painter.prepare(reader, self._reference_rows())
        else:
            with self.report.timed("references"):
                source = self._retrieval(self.retrieved, reader)
        with self.report.timed("finish"):
            self.finish = matching(self._tried(reader, source), filmed=self.retrieved is not None)
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
                lambda batch: change(batch, self._wanted([slot for slot, _ in batch], source), outputs),
                outputs,
                batch_size=self.options.batch_size,
                progress=progress,
                ahead=0 if len(crew) == 1 else others.ahead,
            )

    def change(self, batch: Batch, wanted: Conditions | Wanted, outputs: Shown) -> None:
        """Change the batch's frames in place."""
        rows = np.array([slot.row for slot, _ in batch])
        made = self._make([frame for _, frame in batch], rows, wanted)
        untouched = {slot.number: frame.copy() for slot, frame in batch if outputs.wants(slot.number)}
        for (slot, frame), placed in zip(batch, made, strict=True):
            if placed is not None:
                placed.blend(frame, slot.weight, self.finish, slot.number)
        conditions = wanted.conditions if isinstance(wanted, Wanted) else wanted
        if self.teeth is not None:
            self.teeth.restore(batch, self._new_mouths(self.teeth, rows, conditions))
        for place, (slot, frame) in enumerate(batch):
            if slot.number in untouched:
                tiles = partial(_tiles, untouched[slot.number], made[place], conditions, place)
                outputs.show(slot.number, untouched[slot.number], frame, tiles)

    def _make(self, frames: Sequence[Frame], rows: np.ndarray, wanted: Conditions | Wanted) -> list[Placed | None]:
        if isinstance(wanted, Wanted):
            assert self.retrieved is not None
            return self.retrieved.make(frames, rows, wanted)
        return self.painter.make(frames, rows, wanted)

    def _wanted(self, slots: Sequence[Slot], source: Conditioner) -> Conditions | Wanted:
        """What the speech asks of frames."""
        numbers, rows, weight, times = self._places(slots)
        conditions = source.at(times, rows, weight)
        return conditions if self.retrieved is None else self.retrieved.wanted(conditions, numbers, rows)

    def _places(self, slots: Sequence[Slot]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Number, row of the motion, weight and seconds of each slot."""
        numbers = np.array([slot.number for slot in slots], int)
        rows = np.array([slot.row for slot in slots], int)
        weight = np.array([slot.weight for slot in slots])
        return numbers, rows, weight, np.array([float(self.take.times[number]) for number in numbers])

    def _conditioner(self, shapes: TimedShapes | None = None, *, drawing: bool = True) -> Conditioner:
        spec = self.generator.spec if drawing else replace(self.generator.spec, drawing=False)
        return conditioner(
            spec,
            self.motion,
            self.model,
            self.sound.path,
            expression=self._expression,
            device=self.options.device,
            shapes=shapes or self.options.shapes,
        )

    @property
    def _tries(self) -> int:
        """How many mouths are made ahead; filmed ones differ more among themselves."""
        return _TRIED if self.retrieved is None else 2 * _TRIED

    @property
    def _expression(self) -> float:
        return self.options.expression * (self.adapted.voice.scale if self.adapted else 1.0)

    def _retrieval(self, retrieved: RetrievedMouths, reader: VideoReader) -> Conditioner:
        """Find out which of the person's frames are to be shown; what drives them."""
        allowed = self._reference_rows()
        shapes = self.options.shapes or self._within_reach(allowed)
        numbers, rows, weight, times = self._places([slot for slot in self.slots if slot.weight > 0])
        bare = ShapeConditioner(shapes, self.motion, self.model, replace(self.generator.spec, steps=1), 1.0)
        wanted = bare.shapes(times, rows, weight)[:, 0]
        self.report.details |= retrieved.prepare(reader, allowed, numbers, rows, wanted, len(self.slots))
        return self._conditioner(shapes, drawing=retrieved.needs_painter)

    def _within_reach(self, allowed: np.ndarray | None) -> MouthShapes:
        """The shapes that the speech is predicted to give, as this person would make them."""
        heard = speech_shapes(self.sound.path, find("whisper"), find("speech_shapes"), device=self.options.device)
        times = np.array([float(time) for time in self.take.times])
        usable = np.ones(len(self.motion.frames), bool) if allowed is None else allowed
        reach = reach_of(self.motion, usable, heard.at(times), self.model)
        reach = replace(reach, scale=round(reach.scale * self._expression, 3))
        self.report.details["reach"] = reach.as_dict()
        spoken = ReachedShapes(heard, reach, self.model, self.motion.rest).at(times)
        return MouthShapes(times, spoken)

    def _new_mouths(self, teeth: Teeth, rows: np.ndarray, wanted: Conditions) -> np.ndarray:
        """Landmarks for `Teeth` of the mouths that were made, picture px [B, 22, 2]."""
        back = np.stack([cv2.invertAffineTransform(matrix) for matrix in self.motion.unit[rows]])
        return landmarks_of_mouths(teeth.landmarks[rows, 0], apply(back, wanted.mouths[:, 0]))

    def _tried(self, reader: VideoReader, source: Conditioner) -> Iterator[Compared]:
        """Some of the mouths that will be made, beside the real ones."""
        whole = [slot for slot in self.slots if slot.weight == 1]
        picked = {
            whole[place].row: whole[place]
            for place in np.linspace(0, len(whole) - 1, min(self._tries, len(whole))).astype(int)
        }
        for row, frame in frames_of_rows(reader, self.motion.frames, sorted(picked)):
            placed = self._make([frame], np.array([row]), self._wanted([picked[row]], source))[0]
            if placed is not None:
                yield placed.pair

    def _slots(self, chosen: Chosen) -> list[Slot]:
        """What happens to each output frame, and the report's counts of it."""
        rows = self.motion.rows(self.followed.tracks.frame_count)[self.take.source]
        why = reasons(chosen, rows, self.take, self.options)
        slots = to_slots(rows, why, ease(why == "", self.take.times))
        count(slots, self.report)
        refuse_nothing(self.report, self.info.path, "dubbed")
        return slots

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


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else int(megabytes * 2**20)


def _tiles(before: Frame, placed: Placed | None, wanted: Conditions, place: int) -> list[np.ndarray]:
    """The contact sheet's tiles of one frame."""
    drawing = None if wanted.drawings is None else wanted.drawings[place].transpose(1, 2, 0)
    if placed is None:
        source = made = before.rgb()
        return work_tiles(source, None, made, np.zeros(source.shape[:2], np.float32))
    pair = placed.pair
    source = np.clip(pair.source, 0, 255).astype(np.uint8)
    shown = source + pair.weight[..., None] * (pair.made - pair.source)
    tiles = work_tiles(source, None, shown, pair.weight)
    return tiles if drawing is None else [drawing, *tiles[1:]]
