"""`dub`: make the mouth in a video say a speech. Reads like the way of a frame in the design."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.blend import match_colour, paste
from dubtool.face.crop import to_pixels, warp
from dubtool.face.generator import Generator
from dubtool.face.mask import mouth_mask
from dubtool.face.motion import FaceMotion, face_motion
from dubtool.face.occlusion import covered_rows
from dubtool.face.people import choose, people
from dubtool.face.picture import bounds, within
from dubtool.face.references import reference_candidates, sharpness
from dubtool.face.shape import ShapeModel
from dubtool.jobs.condition import Conditioner, Conditions, conditioner, drivers
from dubtool.jobs.follow import Followed, follow
from dubtool.jobs.load import load_generator
from dubtool.jobs.options import DubOptions
from dubtool.jobs.outputs import Outputs, checked_output
from dubtool.jobs.pipeline import Background, batched, prefetched
from dubtool.jobs.report import Report
from dubtool.jobs.take import ease, plan_take
from dubtool.media.audio import Speech, load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.encode import check_target
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo, probe
from dubtool.weights.locate import digests, find

log = logging.getLogger(__name__)

# Beyond this a face shows one half only, and a generator trained on frontal ones breaks it.
_MAX_YAW = 50.0
_QUEUE = 6
_WORTH_A_SEEK = 250
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
        model = ShapeModel.load(find("face_shape"))
    report.device = generator.device
    report.weights = digests([*graphs, *drivers(generator.spec)])
    with tempfile.TemporaryDirectory(prefix="dubtool-") as folder:
        with report.timed("speech"):
            sound = load_speech(speech, Path(folder))
        _warn_of_sound(sound, report)
        with report.timed("track"):
            followed = follow(info, use_cache=chosen.cache, progress=lambda done, total: tell("track", done, total))
        job = _Job(info, chosen, generator, model, sound, followed, report)
        job.run(target, lambda done, total: tell("dub", done, total))
    return report


def _warn_of_sound(sound: Speech, report: Report) -> None:
    if sound.rms < _QUIET_RMS:
        report.warnings.append(f"{sound.source} is silent: the mouth will stay at rest")
    if sound.decode_failures:
        report.warnings.append(f"{sound.source}: {sound.decode_failures} damaged packets were passed over")


@dataclass(frozen=True)
class _Slot:
    """One output frame: its place, the motion's row (-1: none), its weight and, when 0, why."""

    number: int
    row: int
    weight: float
    why: str


class _Job:
    """One dub, once everything is loaded."""

    def __init__(
        self,
        info: MediaInfo,
        options: DubOptions,
        generator: Generator,
        model: ShapeModel,
        sound: Speech,
        followed: Followed,
        report: Report,
    ) -> None:
        self.info, self.options, self.generator, self.model = info, options, generator, model
        self.sound, self.followed, self.report = sound, followed, report
        self.motion = self._motion()
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
        with (
            self.report.timed("dub"),
            Outputs(target, self.info, self.options, self.sound, self.take, self.report) as outputs,
            Background(outputs.write, _QUEUE) as sink,
        ):
            frames = prefetched(reader.frames(self.take.source.tolist()), _QUEUE)
            try:
                for batch in batched(zip(self.slots, frames, strict=True), self.options.batch_size):
                    self._dub_batch(batch, source, outputs)
                    for slot, frame in batch:
                        sink.put((slot.number, frame))
                    progress(batch[-1][0].number + 1, len(self.slots))
            finally:
                frames.close()

    def _dub_batch(self, batch: list[tuple[_Slot, Frame]], source: Conditioner, outputs: Outputs) -> None:
        """Change the batch's frames in place where their slots say so."""
        changed = [(slot, frame) for slot, frame in batch if slot.weight > 0]
        if not changed:
            return
        size = self.generator.spec.size
        rows = np.array([slot.row for slot, _ in changed])
        weight = np.array([slot.weight for slot, _ in changed])
        times = np.array([float(self.take.times[slot.number]) for slot, _ in changed])
        crops = np.stack(
            [
                _crop(frame, self.to_crop[row], size.width, size.height)
                for row, (_, frame) in zip(rows, changed, strict=True)
            ]
        )
        wanted = source.at(times, rows, weight)
        made = self.generator.generate(crops, wanted.vectors, wanted.drawings)
        for place, (slot, frame) in enumerate(changed):
            before = frame.copy() if outputs.wants(slot.number) else None
            mask = self._paste(frame, made[place], crops[place], wanted, place, slot)
            if before is not None:
                outputs.show(slot.number, before, frame, crops[place], wanted, place, made[place], mask)

    def _paste(
        self, frame: Frame, made: np.ndarray, crop: np.ndarray, wanted: Conditions, place: int, slot: _Slot
    ) -> np.ndarray:
        spec = self.generator.spec
        mask = mouth_mask(wanted.mouths[place], spec.size, spec.hidden)
        rows, columns = spec.size.box
        made = match_colour(made, crop[rows, columns].astype(np.float32), mask)
        paste(frame, made, mask * np.float32(slot.weight), self.to_crop[slot.row], spec.size)
        return mask

    def _motion(self) -> FaceMotion:
        tracks = self.followed.tracks
        if not tracks.faces:
            raise NoFaceError(f"{self.info.path}: no face was found in any of its {tracks.frame_count} frames")
        person = choose(people(tracks), self.options.face, tracks, self.followed.times)
        video = self.info.require_video()
        aspect = video.sample_aspect if video.rotation % 180 == 0 else 1 / video.sample_aspect
        covered = np.concatenate([covered_rows(track) for track in person.tracks])
        return face_motion(person.tracks, self.model, covered, pixel_aspect=float(aspect))

    def _slots(self) -> list[_Slot]:
        """What happens to each output frame, and the report's counts of it."""
        rows = self.motion.rows(self.followed.tracks.frame_count)[self.take.source]
        why = np.where(rows < 0, "no face", "").astype(object)
        seen = rows >= 0
        why[seen & (np.abs(self.motion.angles[rows, 1]) > _MAX_YAW)] = "turned away"
        why[seen & self.motion.covered[rows]] = "mouth covered"
        start, stop = self.options.start, self.options.stop
        outside = [
            (start is not None and time < start) or (stop is not None and time >= stop) for time in self.take.times
        ]
        why[np.array(outside)] = "outside the stretch"
        weight = ease(why == "", self.take.times)
        slots = [
            _Slot(number, int(row), float(share), str(reason))
            for number, (row, share, reason) in enumerate(zip(rows, weight, why, strict=True))
        ]
        self.report.dubbed = sum(slot.weight > 0 for slot in slots)
        self.report.passed.update(slot.why or "too short a stretch" for slot in slots if slot.weight == 0)
        if self.report.dubbed == 0:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in self.report.passed.items())
            if set(self.report.passed) <= {"outside the stretch"}:
                raise UsageError("no frame lies within the stretch to dub; check --from and --to")
            raise NoFaceError(f"{self.info.path}: no frame can be dubbed ({reasons})")
        return slots

    def _references(self, reader: VideoReader) -> np.ndarray:
        """Crops of the five references uint8 [5, H, W, 3]: the sharpest candidate of each opening."""
        size = self.generator.spec.size
        candidates = reference_candidates(self.motion, self._reference_rows())
        rows = sorted({int(row) for part in candidates for row in part})
        crops = {row: crop for row, crop in self._candidate_crops(reader, rows)}
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

    def _candidate_crops(self, reader: VideoReader, rows: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        size = self.generator.spec.size
        frames = self.motion.frames[rows]
        # Going on to a near frame is cheaper than seeking a keyframe anew.
        for part in np.split(np.array(rows), np.flatnonzero(np.diff(frames) > _WORTH_A_SEEK) + 1):
            for row, frame in zip(part, reader.frames(self.motion.frames[part].tolist()), strict=True):
                yield int(row), _crop(frame, self.to_crop[row], size.width, size.height)


def _crop(frame: Frame, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """The crop uint8 [height, width, 3] of a frame; only the pixels under it are converted to RGB."""
    box = bounds(matrix, width, height, frame.width, frame.height)
    return warp(frame.rgb(box), within(matrix, box), width, height)
