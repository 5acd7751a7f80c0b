"""The prepared clips on disk, and what a generator learns from: a frame, its mouth shape and five references."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dubtool.face.crop import CropSize
from dubtool.face.draw import draw_mouth
from dubtool.face.shape import inner_opening
from dubtool.metrics.sync import mouth_windows
from dubtool.training.data.chance import Drawing
from dubtool.training.data.spoken import SpokenClip, heard_at

REFERENCES = 5
# Clips of any frame rate are looked at in steps of 1/25 s.
FRAME_SECONDS = 1 / 25
# Conditioning vectors of one frame: its own and two on each side.
_STEPS = 5
# A reference so close in time looks like the frame itself, mouth included.
_REFERENCE_GAP = 5
# People with more minutes are seen more often, but far less than in proportion.
_BALANCE = 0.4
# Share of the samples whose inputs are compressed.
_COMPRESSED = 0.3


@dataclass(frozen=True)
class Clip:
    """One prepared clip; arrays are read from disk as needed.

    crops: uint8 [N, H, W, 3] at mouth size `size` with `pad` px around. mouths: float32 [N, 55, 2] in unit crops.
    coefficients: float32 [N, K]. opening: float32 [N]. times: float64 [N], seconds of the frames.
    """

    name: str
    person: str
    crops: np.ndarray
    mouths: np.ndarray
    coefficients: np.ndarray
    opening: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    size: int
    pad: int
    natural: float
    frontal: np.ndarray


def load_clips(folder: Path, split: str, *, min_natural: float = 0.0, max_yaw: float = 35.0) -> list[Clip]:
    """All prepared clips of a split ("train" or "val").

    min_natural: the mouth box's least size in picture px. max_yaw: frames turned further are no targets.
    """
    clips = []
    for meta in sorted(folder.glob("*/meta.npz")):
        with np.load(meta) as stored:
            natural = float(np.median(stored["natural"]))
            if str(stored["split"]) != split or natural < min_natural:
                continue
            frontal = np.flatnonzero(np.abs(stored["angles"][:, 1]) < max_yaw)
            if len(frontal) < 12:
                continue
            mouths = stored["mouth"]
            clips.append(
                Clip(
                    meta.parent.name,
                    str(stored["identity"]),
                    np.load(meta.parent / "crops.npy", mmap_mode="r"),
                    mouths,
                    stored["coef"],
                    inner_opening(mouths),
                    stored["frames"],
                    stored["times"],
                    int(stored["size"]),
                    int(stored["pad"]),
                    natural,
                    frontal,
                )
            )
    return clips


@dataclass(frozen=True)
class Sample:
    """One training example at mouth size m: a row of a clip.

    crop uint8 [H, W, 3]: what is to be made; source: the same as the network gets to see it; references [5, H, W, 3];
    drawing uint8 [3, H, W]; condition float32 [K, 5]: mouth shapes, or speech features; mouth float32 [55, 2] crop px.
    """

    clip: Clip
    row: int
    crop: np.ndarray
    source: np.ndarray
    references: np.ndarray
    drawing: np.ndarray
    condition: np.ndarray
    mouth: np.ndarray


class Sampler(Drawing):
    """Draws samples, people balanced, with small turns, shifts, zooms and changes of light.

    voices: the speech of every clip by its name, of one layer; then speech conditions the samples, not mouth shapes.
    """

    def __init__(
        self,
        clips: list[Clip],
        mouth: int,
        rng: np.random.Generator,
        *,
        augment: bool = True,
        voices: Mapping[str, SpokenClip] | None = None,
    ) -> None:
        self.clips, self.size, self.rng, self.augment = clips, CropSize(mouth), rng, augment
        self.voices = voices
        minutes: dict[str, int] = {}
        for clip in clips:
            minutes[clip.person] = minutes.get(clip.person, 0) + len(clip.frontal)
        # A small mouth enlarged teaches blur.
        weight = np.array(
            [
                len(clip.frontal) * minutes[clip.person] ** (_BALANCE - 1) * min(1.0, clip.natural / mouth) ** 2
                for clip in clips
            ]
        )
        self._share = weight / weight.sum()

    def draw(self) -> Sample:
        (sample,) = self.draw_sequence(1)
        return sample

    def draw_sequence(self, count: int) -> list[Sample]:
        """`count` samples 1/25 s apart, with the same references, light and place."""
        clip = self.draw_clip()
        return self.sequence(clip, int(self.rng.choice(clip.frontal)), count)

    def draw_clip(self) -> Clip:
        """A clip, by its person's share."""
        return self.clips[self.rng.choice(len(self.clips), p=self._share)]

    def sample(self, clip: Clip, row: int) -> Sample:
        """The sample whose target is row `row` of the clip."""
        (sample,) = self.sequence(clip, row, 1)
        return sample

    def sequence(self, clip: Clip, row: int, count: int) -> list[Sample]:
        """The samples of `count` moments 1/25 s apart around row `row` of the clip."""
        size, matrix, light = self.size, self._matrix(clip), self._light()
        rows = neighbours(clip.times, row, count)
        references = [self._crop(clip, index, self._shaken(matrix), light) for index in self.references_of(clip, rows)]
        crops = [self._crop(clip, index, matrix, light) for index in rows]
        sources = crops
        # What goes in is compressed at times as films are, what should come out never is.
        if self.augment and self.rng.random() < _COMPRESSED:
            quality = int(self.rng.integers(25, 85))
            sources, references = ([compressed(each, quality) for each in group] for group in (crops, references))
        voice = self._voice(clip)
        samples = []
        for index, crop, source in zip(rows, crops, sources, strict=True):
            mouth = _stored_px(clip, index) @ matrix[:, :2].T + matrix[:, 2]
            drawing = draw_mouth(mouth, size.width, size.height)
            condition = _shapes(clip, index) if voice is None else _features(*voice, index)
            samples.append(
                Sample(clip, index, crop, source, np.stack(references), drawing, condition, mouth.astype(np.float32))
            )
        return samples

    def mouths(self, clip: Clip, rows: Sequence[int]) -> np.ndarray:
        """The mouth boxes of some rows in one and the same light and place: uint8 [n, m, m, 3]."""
        matrix, light = self._matrix(clip), self._light()
        return np.stack([self._crop(clip, row, matrix, light)[self.size.box] for row in rows])

    def _voice(self, clip: Clip) -> tuple[SpokenClip, int] | None:
        """The speech that conditions a sample, and which version of it."""
        if self.voices is None:
            return None
        spoken = self.voices[clip.name]
        return spoken, int(self.rng.integers(len(spoken.versions))) if self.augment else 0

    def _light(self) -> np.ndarray | None:
        """A table of new values uint8 [256, 3] for another light, or None."""
        rng = self.rng
        if not self.augment or rng.random() >= 0.7:
            return None
        gain = rng.uniform(0.8, 1.2, 3) * rng.uniform(0.85, 1.15)
        gamma = rng.uniform(0.8, 1.25)
        return np.clip((np.arange(256)[:, None] / 255.0) ** gamma * gain * 255.0, 0, 255).astype(np.uint8)

    def _crop(self, clip: Clip, index: int, affine: np.ndarray, light: np.ndarray | None) -> np.ndarray:
        picture = cv2.warpAffine(
            np.asarray(clip.crops[index]), affine, (self.size.width, self.size.height), flags=cv2.INTER_AREA,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return picture if light is None else cv2.LUT(picture, light[None])

    def _matrix(self, clip: Clip) -> np.ndarray:
        """From the stored crop to the sample's: resize, and in training a small similarity."""
        rng, zoom = self.rng, self.size.mouth / clip.size
        turn, shift = 0.0, np.zeros(2)
        if self.augment:
            zoom *= rng.uniform(0.95, 1.06)
            turn, shift = np.radians(rng.normal(0, 2.0)), rng.normal(0, 0.02, 2) * self.size.mouth
        linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        height, width = clip.crops.shape[1:3]
        here = np.array([width / 2 - 0.5, height / 2 - 0.5])
        there = np.array([self.size.width / 2 - 0.5, self.size.height / 2 - 0.5]) + shift
        return np.concatenate([linear, (there - linear @ here)[:, None]], axis=1)

    def _shaken(self, matrix: np.ndarray) -> np.ndarray:
        """References sit a little differently than the frame: tracking is not perfect at work either."""
        if not self.augment:
            return matrix
        moved = matrix.copy()
        moved[:, 2] += self.rng.normal(0, 0.008, 2) * self.size.mouth
        return moved

    def references_of(self, clip: Clip, targets: Sequence[int]) -> np.ndarray:
        """Five other rows spread over mouth openings, away in time from the targets as far as the clip allows."""
        away = np.abs(clip.frames[:, None] - clip.frames[targets]).min(axis=1)
        gap = min(_REFERENCE_GAP, max(1, len(away) // 6))
        rows = np.flatnonzero(away >= gap)
        rows = rows[np.argsort(clip.opening[rows], kind="stable")]
        if self.augment:
            # Sometimes the clip offers no spread at all: a silent source, say.
            if self.rng.random() < 0.25:
                start = self.rng.integers(0, max(1, len(rows) - 8))
                rows = rows[start : start + max(8, len(rows) // 4)]
            edges = np.linspace(0, len(rows), REFERENCES + 1)
            picked = [int(self.rng.uniform(low, high)) for low, high in itertools.pairwise(edges)]
            return self.rng.permutation(rows[np.minimum(picked, len(rows) - 1)])
        return rows[np.linspace(0, len(rows) - 1, REFERENCES).round().astype(int)]


def neighbours(times: np.ndarray, row: int, count: int) -> list[int]:
    """The rows nearest to `count` moments 1/25 s apart around the row's."""
    wanted = times[row] + (np.arange(count) - count // 2) * FRAME_SECONDS
    return [int(np.abs(times - time).argmin()) for time in wanted]


def compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture uint8 [H, W, 3] after JPEG of a quality 1..100: blocks, ringing and lost colour as in poor videos."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert read is not None
    return np.ascontiguousarray(read[..., ::-1])


def _shapes(clip: Clip, row: int) -> np.ndarray:
    """Mouth shapes at a row and around it, 1/25 s apart at any frame rate as when dubbing [K, 5]."""
    return mouth_windows(clip.times, clip.coefficients, clip.times[[row]], _STEPS)[0]


def _features(spoken: SpokenClip, version: int, row: int) -> np.ndarray:
    """Speech features of a row and its neighbours [C, 5]."""
    times = spoken.times[row] + (np.arange(_STEPS) - _STEPS // 2) * FRAME_SECONDS
    return np.ascontiguousarray(heard_at(spoken, version, times).T)


def _stored_px(clip: Clip, row: int) -> np.ndarray:
    """Mouth points of a row in stored-crop px [55, 2]."""
    size = CropSize(clip.size)
    origin = np.array([size.width / 2 - 0.5, clip.size / 2 - 0.5]) + clip.pad
    return clip.mouths[row] * (clip.size / 2) + origin
