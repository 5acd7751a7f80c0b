"""The self-dub: a video says its own words again, and its pictures are held against the real frames."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dubtool.face.picture import Box
from dubtool.face.topology import tracked
from dubtool.jobs.evaluation.kit import Kit
from dubtool.jobs.evaluation.results import Number
from dubtool.jobs.evaluation.seen import Seen
from dubtool.jobs.evaluation.stretch import Recording, cut_sound
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.metrics.identity import IDENTITY_POINTS, csim
from dubtool.metrics.quality import psnr, ssim

# No reference may be nearer to a frame that is made: at least so many frames, and at least a second.
_APART_FRAMES, _APART_SECONDS = 25, 1.0
_SHORTEST_SECONDS = 0.2
# The job eases into frames it leaves alone; what is measured ends before.
_EASING = Fraction(3, 20)
# Neighbouring frames say the same.
_EVERY = 3


@dataclass(frozen=True)
class _Pass:
    """Frames that are made, and frames that references come from. apart: from a made frame to the real one that it is
    compared with for a baseline."""

    made: range
    references: range
    apart: int


def self_dub(kit: Kit, recording: Recording, seen: Seen, folder: Path) -> tuple[dict[str, Number], int, str | None]:
    """Numbers, how many frames they were measured on, and a note where the clip is too short.

    The first part of the clip is made with references from the last, then the last with references from the first.
    """
    passes = _passes(recording)
    if passes is None:
        kit.done()
        kit.done()
        return {}, 0, "self: too short to take references from a second away"
    every = range(len(recording.times) - 1)
    speech = cut_sound(recording, every, folder / "own.wav")
    scores = _Scores(kit, seen)
    for number, part in enumerate(passes):
        made = folder / f"self-{number}.mp4"
        kit.dub(
            recording.clip.path,
            speech,
            made,
            length="video",
            start=max(Fraction(0), recording.times[part.made.start] - _EASING),
            stop=min(recording.times[-1], recording.times[part.made.stop] + _EASING),
            reference_stretch=(recording.times[part.references.start], recording.times[part.references.stop]),
        )
        scores.measure(made, part)
        made.unlink()
    return scores.numbers(), scores.frames, None


def _passes(recording: Recording) -> tuple[_Pass, _Pass] | None:
    first, last = recording.frames.start, recording.frames.stop
    apart = max(_APART_FRAMES, math.ceil(_APART_SECONDS * recording.rate))
    length = (last - first - apart) // 2
    if length < max(2, _SHORTEST_SECONDS * recording.rate):
        return None
    early, late = range(first, first + length), range(last - length, last)
    return _Pass(early, late, apart), _Pass(late, early, -apart)


class _Scores:
    """Means over the frames measured so far: of the dub, and of other real frames put in their place."""

    def __init__(self, kit: Kit, seen: Seen) -> None:
        self.frames = 0
        self._kit, self._seen = kit, seen
        self._made: dict[str, list[float]] = defaultdict(list)
        self._other: dict[str, list[float]] = defaultdict(list)

    def measure(self, made: Path, part: _Pass) -> None:
        rows = self._seen.rows
        wanted = [frame for frame in part.made[::_EVERY] if rows[frame] >= 0 and rows[frame + part.apart] >= 0]
        others = [frame + part.apart for frame in wanted]
        dubs = VideoReader(probe(made)).frames(wanted)
        reals, shifted = (VideoReader(self._seen.info).frames(frames) for frames in (wanted, others))
        for number, dub, real, other in zip(wanted, dubs, reals, shifted, strict=True):
            mouth = self._seen.mouth_box(number)
            if not np.array_equal(dub.rgb(mouth), real.rgb(mouth)):
                self._score(number, dub, real, other)
                self.frames += 1

    def numbers(self) -> dict[str, Number]:
        return {name: Number(_mean(self._made[name]), _mean(self._other[name])) for name in self._made}

    def _score(self, number: int, dub: Frame, real: Frame, other: Frame) -> None:
        for suffix, box in (("", self._seen.mouth_box(number)), ("_lips", self._seen.lip_box(number))):
            truth = real.rgb(box)
            self._compare(self._made, suffix, dub.rgb(box), truth)
            self._compare(self._other, suffix, self._moved(other, number, box), truth)
        if self._kit.identity is not None:
            here, points = real.rgb(), self._identity_points(number)
            face = self._kit.identity.embed(here, points)
            self._made["csim"].append(csim(self._kit.identity.embed(dub.rgb(), points), face))
            again = self._kit.identity.embed(other.rgb(), self._identity_points(other.index))
            self._other["csim"].append(csim(again, face))

    def _compare(self, into: dict[str, list[float]], suffix: str, image: np.ndarray, truth: np.ndarray) -> None:
        into[f"psnr{suffix}"].append(psnr(image, truth))
        if min(truth.shape[:2]) > 10:
            into[f"ssim{suffix}"].append(ssim(image, truth))
        into[f"lpips{suffix}"].append(self._kit.lpips(image, truth))

    def _moved(self, other: Frame, number: int, box: Box) -> np.ndarray:
        """The box of another frame's picture, moved to where the head is in frame `number`."""
        side = self._seen.mouth_side
        there, here = (np.vstack([self._seen.to_mouth(each, side), (0, 0, 1)]) for each in (other.index, number))
        matrix = (np.linalg.inv(here) @ there)[:2]
        matrix[:, 2] -= box[:2]
        size = (box[2] - box[0], box[3] - box[1])
        flags, edge = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
        return np.asarray(cv2.warpAffine(other.rgb(), matrix, size, flags=flags, borderMode=edge))

    def _identity_points(self, number: int) -> np.ndarray:
        return self._seen.points[number, tracked(IDENTITY_POINTS), :2]


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan
