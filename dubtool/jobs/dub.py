"""`dub`: make the mouth in a video say a speech. Reads like the way of a frame in the design."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.blend import match_colour, paste
from dubtool.face.crop import CropSize, apply, to_pixels
from dubtool.face.generator import Generator
from dubtool.face.mask import mouth_mask
from dubtool.face.references import reference_candidates, sharpness
from dubtool.face.restorer import Restorer
from dubtool.face.shape import ShapeModel
from dubtool.face.teeth import landmarks_of_mouths
from dubtool.jobs.condition import Conditioner, Conditions, conditioner, drivers
from dubtool.jobs.follow import Followed, follow
from dubtool.jobs.frames import Batch, crop_of, crops_of_rows, stream
from dubtool.jobs.load import load_generator, load_restorer
from dubtool.jobs.options import DubOptions
from dubtool.jobs.outputs import Outputs, checked_output
from dubtool.jobs.person import chosen_person
from dubtool.jobs.report import Report
from dubtool.jobs.sheet import work_tiles
from dubtool.jobs.slots import Slot, count, reasons, refuse_nothing, to_slots
from dubtool.jobs.take import ease, plan_take
from dubtool.jobs.teeth import Teeth
from dubtool.media.audio import Speech, load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.encode import check_target
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo, probe
from dubtool.weights.locate import digests, find

_QUIET_RMS = 1e-4

Progress = Callable[[str, float, float | None], None]


def dub(
    video: Path | str,
    speech: Path | str,
    output: Path | str | None = None,
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Write a copy of `video` whose mouth says `speech`.

    Args:
        video: any video file that ffmpeg reads. speech: any file with sound.
        output: where the result goes; by default "<video stem>.dubbed.mp4" beside the video.
        progress: called with (stage, done, total or None) as work goes on.
        options: the fields of `DubOptions`.

    Returns:
        the report; the file appears whole, or not at all.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, DeviceError, OutputError: one line each says what.
    """
    chosen = DubOptions(**options)
    tell = progress or (lambda stage, done, total: None)
    video, speech = Path(video), Path(speech)
    info = probe(video)
    info.require_video()
    target = checked_output(video, output, chosen.overwrite, (video, speech, chosen.soundtrack))
    check_target(target, chosen.codec, chosen.preset)
    for heard in (speech, chosen.soundtrack):
        if heard is not None:
            probe(heard).require_audio()
    report = Report("dub", str(target), {"video": str(video), "speech": str(speech)}, model=chosen.model)
    with report.timed("load"):
        generator, graphs = load_generator(chosen.model, chosen.device, chosen.precision)
        restorer, more = _restorer(chosen, generator)
        model = ShapeModel.load(find("face_shape"))
    report.device = generator.device
    report.weights = digests([*graphs, *more, *drivers(generator.spec)])
    with tempfile.TemporaryDirectory(prefix="dubtool-") as folder:
        with report.timed("speech"):
            sound = load_speech(speech, Path(folder))
        _warn_of_sound(sound, report)
        with report.timed("track"):
            followed = follow(info, use_cache=chosen.cache, progress=lambda done, total: tell("track", done, total))
        job = _Job(info, chosen, generator, restorer, model, sound, followed, report)
        job.run(target, lambda done, total: tell("dub", done, total))
    return report


def _restorer(options: DubOptions, generator: Generator) -> tuple[Restorer | None, tuple[str, ...]]:
    if not options.restore_teeth:
        return None, ()
    if generator.spec.conditioning != "shape":
        # Only there is the new mouth's outline known.
        raise UsageError(f"teeth can be restored after generators driven by mouth shapes; {options.model} is not")
    return load_restorer(options.restorer, options.device, options.precision)


def _warn_of_sound(sound: Speech, report: Report) -> None:
    if sound.rms < _QUIET_RMS:
        report.warnings.append(f"{sound.source} is silent: the mouth will stay at rest")
    if sound.decode_failures:
        report.warnings.append(f"{sound.source}: {sound.decode_failures} damaged packets were passed over")


class _Job:
    """One dub, once everything is loaded."""

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
        self.slots = self._slots()
        self.to_crop = to_pixels(self.motion.unit, generator.spec.size)
        report.frames, report.duration = len(self.take.times), float(self.take.duration)
        if followed.decode_failures:
            report.warnings.append(f"{info.path}: {followed.decode_failures} damaged packets were passed over")

    def run(self, target: Path, progress: Callable[[float, float | None], None]) -> None:
        reader = VideoReader(self.info)
        with self.report.timed("references"):
            self.generator.set_references(self._references(reader))
        source = conditioner(
            self.generator.spec,
            self.motion,
            self.model,
            self.sound.path,
            expression=self.options.expression,
            device=self.options.device,
        )
        soundtrack = self.options.soundtrack or self.sound.source
        with (
            self.report.timed("dub"),
            Outputs(target, self.info, self.options, self.take, self.report, soundtrack) as outputs,
        ):
            stream(
                self.slots,
                reader.frames(self.take.source.tolist()),
                lambda batch: self._dub_batch(batch, source, outputs),
                outputs,
                batch_size=self.options.batch_size,
                progress=progress,
            )

    def _dub_batch(self, batch: Batch, source: Conditioner, outputs: Outputs) -> None:
        """Change the batch's frames in place."""
        size = self.generator.spec.size
        rows = np.array([slot.row for slot, _ in batch])
        weight = np.array([slot.weight for slot, _ in batch])
        times = np.array([float(self.take.times[slot.number]) for slot, _ in batch])
        crops = np.stack(
            [
                crop_of(frame, self.to_crop[row], size.width, size.height)
                for row, (_, frame) in zip(rows, batch, strict=True)
            ]
        )
        wanted = source.at(times, rows, weight)
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
        spec = self.generator.spec
        mask = mouth_mask(wanted.mouths[place], spec.size, spec.hidden)
        rows, columns = spec.size.box
        made = match_colour(made, crop[rows, columns].astype(np.float32), mask)
        paste(frame, made, mask * np.float32(slot.weight), self.to_crop[slot.row], spec.size)
        return mask

    def _slots(self) -> list[Slot]:
        """What happens to each output frame, and the report's counts of it."""
        rows = self.motion.rows(self.followed.tracks.frame_count)[self.take.source]
        why = reasons(self.motion, rows, self.take, self.options)
        slots = to_slots(rows, why, ease(why == "", self.take.times))
        count(slots, self.report)
        refuse_nothing(self.report, self.info.path, "dubbed")
        return slots

    def _references(self, reader: VideoReader) -> np.ndarray:
        """Crops of the five references uint8 [5, H, W, 3]: the sharpest candidate of each opening."""
        size = self.generator.spec.size
        candidates = reference_candidates(self.motion, self._reference_rows())
        rows = sorted({int(row) for part in candidates for row in part})
        crops = dict(crops_of_rows(reader, self.motion.frames, self.to_crop, rows, size.width, size.height))
        best = [max(part.tolist(), key=lambda row: sharpness(crops[row])) for part in candidates]
        self.report.details["references"] = [int(self.motion.frames[row]) for row in best]
        return np.stack([crops[row] for row in best]).reshape(len(best), size.height, size.width, 3)

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
