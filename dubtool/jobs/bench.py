"""How fast this machine dubs: each stage alone, then a whole job, in which they overlap."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import InputError, NoFaceError
from dubtool.face.blend import match_colour, paste
from dubtool.face.crop import to_pixels, warp
from dubtool.face.detect import FaceDetector
from dubtool.face.generator import Generator
from dubtool.face.landmarks import FaceLandmarker
from dubtool.face.mask import mouth_mask
from dubtool.face.motion import FaceMotion, face_motion
from dubtool.face.occlusion import MouthCover, covered_rows, parser_graph
from dubtool.face.people import choose, people
from dubtool.face.picture import bounds, within
from dubtool.face.shape import ShapeModel
from dubtool.face.track import Tracker, Tracks
from dubtool.folders import temporary_folder
from dubtool.jobs.condition import Conditioner, conditioner
from dubtool.jobs.dub import dub
from dubtool.jobs.follow import FramePicture
from dubtool.jobs.load import load_generator
from dubtool.jobs.options import DEFAULT_MODEL
from dubtool.media.audio import load_speech
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo, probe
from dubtool.weights.locate import find

# Decoded frames are held in memory while the stages are measured one by one.
_MEMORY = 400 * 2**20


@dataclass
class Bench:
    """What was measured.

    stages: milliseconds a frame of each stage alone. frames: how many each was measured on. total: milliseconds a
    frame of a whole job, with loading and both passes; rate: its frames a second; job_frames: how many it had.
    """

    width: int
    height: int
    device: str = ""
    model: str = ""
    frames: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    job_frames: int = 0
    total: float = 0.0
    rate: float = 0.0

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.stages[stage] = round((time.perf_counter() - start) * 1000 / self.frames, 3)


def bench(
    video: Path | str,
    speech: Path | str,
    *,
    frames: int = 100,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    precision: str = "auto",
    batch_size: int = 4,
) -> Bench:
    """Measure each stage on the first `frames` frames of `video` (fewer of large ones), then one whole dub of it.

    Raises:
        what `dubtool.dub` raises.
    """
    video, speech = Path(video), Path(speech)
    info = probe(video)
    known = info.require_video()
    result = Bench(known.upright_width, known.upright_height, model=model)
    generator, _ = load_generator(model, device, precision)
    result.device = generator.device
    with temporary_folder() as folder:
        sound = load_speech(speech, folder)
        held = _decode(info, frames, result)
        motion, shapes = _track(info, held, result)
        source = conditioner(generator.spec, motion, shapes, sound.path, expression=1.0, device=device)
        _synthesise(held, motion, source, generator, batch_size, result)
        _encode(held, info, folder / "stage.mp4", result)
        start = time.perf_counter()
        report = dub(
            video,
            speech,
            folder / "job.mp4",
            model=model,
            device=device,
            precision=precision,
            batch_size=batch_size,
            cache=False,
        )
        seconds = time.perf_counter() - start
    result.job_frames = report.frames
    result.total = round(seconds * 1000 / report.frames, 3)
    result.rate = round(report.frames / seconds, 2)
    return result


def _decode(info: MediaInfo, count: int, result: Bench) -> list[Frame]:
    video = info.require_video()
    count = max(1, min(count, _MEMORY // (3 * video.width * video.height)))
    start = time.perf_counter()
    held = list(itertools.islice(VideoReader(info), count))
    if not held:
        raise InputError(f"{info.path}: not one frame of its video can be decoded")
    result.frames = len(held)
    result.stages["decode"] = round((time.perf_counter() - start) * 1000 / len(held), 3)
    return held


def _track(info: MediaInfo, held: list[Frame], result: Bench) -> tuple[FaceMotion, ShapeModel]:
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        cover = MouthCover(Session(parser_graph(find("face_parsing")), "cpu"))
        tracker = Tracker(FaceDetector(find("yunet")), landmarker, cover.covered)
        with result.timed("track"):
            for frame in held:
                tracker.feed(FramePicture(frame))
            tracks: Tracks = tracker.finish()
    if not tracks.faces:
        raise NoFaceError(f"{info.path}: no face was found in its first {len(held)} frames")
    shapes = ShapeModel.load(find("face_shape"))
    person = choose(people(tracks), "largest", tracks, [frame.time for frame in held])
    covered = np.concatenate([covered_rows(track) for track in person.tracks])
    return face_motion(person.tracks, shapes, covered), shapes


def _synthesise(
    held: list[Frame], motion: FaceMotion, source: Conditioner, generator: Generator, batch_size: int, result: Bench
) -> None:
    """Crop, condition, generate and blend every frame; those without the face take the place of the nearest one."""
    spec = generator.spec
    size = spec.size
    to_crop = to_pixels(motion.unit, size)
    rows = np.abs(motion.frames[None, :] - np.arange(len(held))[:, None]).argmin(axis=1)
    times = np.array([float(frame.time) for frame in held])
    with result.timed("crop"):
        crops = np.stack(
            [_crop(frame, to_crop[row], size.width, size.height) for row, frame in zip(rows, held, strict=True)]
        )
    parts = [slice(start, start + batch_size) for start in range(0, len(held), batch_size)]
    with result.timed("speech features"):
        wanted = [source.at(times[part], rows[part], np.ones(len(rows[part]))) for part in parts]
    generator.set_references(crops[np.linspace(0, len(crops) - 1, 5).astype(int)])
    # The first run of a network also plans its memory; on a GPU it loads the kernels.
    generator.generate(crops[parts[0]], wanted[0].vectors, wanted[0].drawings)
    with result.timed("generator"):
        made = [
            generator.generate(crops[part], condition.vectors, condition.drawings)
            for part, condition in zip(parts, wanted, strict=True)
        ]
    box = size.box
    with result.timed("blend"):
        for number, (frame, row) in enumerate(zip(held, rows, strict=True)):
            batch, place = divmod(number, batch_size)
            mask = mouth_mask(wanted[batch].mouths[place], size, spec.hidden)
            matched = match_colour(made[batch][place], crops[number][box].astype(np.float32), mask)
            paste(frame, matched, mask, to_crop[row], size)


def _encode(held: list[Frame], info: MediaInfo, target: Path, result: Bench) -> None:
    with result.timed("encode"), VideoWriter(target, info) as writer:
        for frame in held:
            writer.write(frame, frame.time, frame.duration)


def _crop(frame: Frame, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    box = bounds(matrix, width, height, frame.width, frame.height)
    return warp(frame.rgb(box), within(matrix, box), width, height)
