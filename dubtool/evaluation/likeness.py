"""How like the real frames a dub's frames are: means over the mouth box and the lips."""

from __future__ import annotations

import math
from collections import defaultdict

import cv2
import numpy as np

from dubtool.evaluation.analysed import TrackedSpeaker
from dubtool.evaluation.frame_view import Look
from dubtool.evaluation.results import Number
from dubtool.face.alignment import IDENTITY_POINTS
from dubtool.face.topology import tracked
from dubtool.media.frame import Frame
from dubtool.media.sampling import Box
from dubtool.metrics.identity import FaceIdentity, csim
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import psnr, ssim
from dubtool.metrics.sharpness import laplacian


class Likeness:
    """Means over the frames added so far: of the dub, and of other real frames put in their place.

    seen: the real video. look: how frames are looked at.
    """

    def __init__(
        self, lpips: Lpips, identity: FaceIdentity | None, seen: TrackedSpeaker, look: Look = Frame.rgb
    ) -> None:
        self.frames = 0
        self._lpips, self._identity, self._seen, self._look = lpips, identity, seen, look
        self._made: dict[str, list[float]] = defaultdict(list)
        self._other: dict[str, list[float]] = defaultdict(list)
        self._laplacian = np.zeros(2)

    def add(self, number: int, dub: Frame, real: Frame, other: Frame | None = None) -> None:
        """Frame `number` of the dub beside the real one; other: another real frame, for the baseline, none if None."""
        self.frames += 1
        lips = self._seen.lip_box(number)
        for suffix, box in (("", self._seen.mouth_box(number)), ("_lips", lips)):
            truth = self._look(real, box)
            self._compare(self._made, suffix, self._look(dub, box), truth)
            if other is not None:
                self._compare(self._other, suffix, self._moved(other, number, box), truth)
        self._laplacian += [laplacian(self._look(frame, lips)) for frame in (dub, real)]
        if self._identity is not None:
            face = self._embedded(self._identity, real, number)
            self._made["csim"].append(csim(self._embedded(self._identity, dub, number), face))
            if other is not None:
                self._other["csim"].append(csim(self._embedded(self._identity, other, other.index), face))

    def numbers(self) -> dict[str, Number]:
        """psnr, ssim and lpips of the mouth box, and with `_lips` of the lips; sharpness_lips; csim if it is known."""
        found = {name: Number(_mean(self._made[name]), _mean(self._other[name])) for name in self._made}
        made, real = self._laplacian
        return found | {"sharpness_lips": Number(float(made / real) if real else math.nan, 1.0)}

    def _compare(self, into: dict[str, list[float]], suffix: str, image: np.ndarray, truth: np.ndarray) -> None:
        into[f"psnr{suffix}"].append(psnr(image, truth))
        if min(truth.shape[:2]) > 10:
            into[f"ssim{suffix}"].append(ssim(image, truth))
        into[f"lpips{suffix}"].append(self._lpips(image, truth))

    def _moved(self, other: Frame, number: int, box: Box) -> np.ndarray:
        """The box of another frame's picture, moved to where the head is in frame `number`."""
        side = self._seen.mouth_side
        there, here = (np.vstack([self._seen.to_mouth(each, side), (0, 0, 1)]) for each in (other.index, number))
        matrix = (np.linalg.inv(here) @ there)[:2]
        matrix[:, 2] -= box[:2]
        size = (box[2] - box[0], box[3] - box[1])
        flags, edge = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
        return np.asarray(cv2.warpAffine(self._look(other, None), matrix, size, flags=flags, borderMode=edge))

    def _embedded(self, identity: FaceIdentity, frame: Frame, number: int) -> np.ndarray:
        """The face's vector, aligned by the landmarks of the real frame `number`."""
        return identity.embed(self._look(frame, None), self._seen.points[number, tracked(IDENTITY_POINTS), :2])


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan
