"""What a painter over deformed references learns from: cut-outs of many frames of one person, at the source's own size.

cutouts/NAME.npz holds one clip: `pictures`, JPEG files one after the other with their `offsets`; `from_unit`, `control`
and `modelled` of each (`face.reference_warp.Reference`); `shapes`, `angles` and `frames`; who it is, and which split.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dubtool.face.reference_warp import Reference, shrink_for
from dubtool.face.retrieval import Looks
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.cutout import Cutter
from dubtool.media.decode import VideoReader
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.training.data.pack import looks
from dubtool.training.data.preparation import prepare_each
from dubtool.training.data.tracking import TrackedClip
from dubtool.weights.locate import find

CUTOUTS = "cutouts"
# The face radius is kept up to this size: mouth boxes of twice as many px.
_LARGEST_RADIUS = 112
_MOST, _FEWEST = 120, 40
_LEAST_NATURAL = 64.0
_QUALITY = 95


@dataclass(frozen=True)
class CutoutClip:
    """One prepared clip: its references in order of time, and what they show.

    shapes: float32 [N, K]. angles: float32 [N, 3] degrees. frames: int [N].
    """

    name: str
    person: str
    references: list[Reference]
    shapes: np.ndarray
    angles: np.ndarray
    frames: np.ndarray

    def looks(self, rows: np.ndarray) -> Looks:
        """What some rows show; a clip is one shot."""
        return Looks(self.shapes[rows], self.angles[rows], np.zeros(len(rows), int))

    def modelled(self, row: int) -> np.ndarray:
        """The mouth of a row as the shape model has it, in the unit crop [55, 2]."""
        return self.references[row].modelled


def load_cutouts(folder: Path, split: str, least_radius: float = 0.0) -> list[CutoutClip]:
    """All prepared clips of a split ("train" or "val"), pictures included.

    least_radius: of the face in its pictures, px in the median; what is smaller is left out.
    """
    clips = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as stored:
            radius = np.sqrt(np.abs(np.linalg.det(stored["from_unit"][:, :, :2])))
            if str(stored["split"]) == split and np.median(radius) >= least_radius:
                clips.append(_clip(path.stem, stored))
    return clips


def by_person(clips: list[CutoutClip]) -> list[list[CutoutClip]]:
    """The clips of each person, in the order of their names."""
    people: dict[str, list[CutoutClip]] = defaultdict(list)
    for clip in clips:
        people[clip.person].append(clip)
    return [people[name] for name in sorted(people)]


def _write(tracked_video: TrackedClip, person: str, split: str, part: Path, landmarker: FaceLandmarker) -> None:
    """One clip; nothing where the face is seen too rarely or is too small."""
    if len(tracked_video.face.frames) < _FEWEST:
        return
    model = ShapeModel.load(find("face_shape"))
    look = looks([tracked_video], model)[0]
    if np.median(look.natural) < _LEAST_NATURAL:
        return
    motion = look.motion
    rows = np.unique(np.linspace(0, len(motion.frames) - 1, min(_MOST, len(motion.frames))).round().astype(int))
    cutter = Cutter([tracked_video.face], motion, rows, model)
    wanted = {int(motion.frames[row]): int(row) for row in rows}
    found = []
    for frame in VideoReader(tracked_video.info, threads=1):
        if frame.index in wanted:
            found.append(_limited(cutter.cut(frame, wanted[frame.index])))
    pictures = [
        cv2.imencode(".jpg", each.picture[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))[1].ravel() for each in found
    ]
    np.savez(
        part,
        pictures=np.concatenate(pictures),
        offsets=np.cumsum([0, *map(len, pictures)]),
        from_unit=np.stack([each.from_unit for each in found]).astype(np.float32),
        control=np.stack([each.control for each in found]),
        modelled=np.stack([each.modelled for each in found]),
        shapes=motion.coefficients[rows],
        angles=motion.angles[rows],
        frames=motion.frames[rows],
        identity=np.array(person),
        split=np.array(split),
    )


# Prepares the cut-outs of every video of a corpus; further arguments and errors are those of `prepare_each`.
prepare_cutouts = partial(prepare_each, CUTOUTS, ".npz", _write)


def _limited(reference: Reference) -> Reference:
    """A reference of at most the largest radius."""
    radius = float(np.sqrt(abs(np.linalg.det(reference.from_unit[:, :2]))))
    if radius <= _LARGEST_RADIUS:
        return reference
    height, width = reference.picture.shape[:2]
    size = (round(width * _LARGEST_RADIUS / radius), round(height * _LARGEST_RADIUS / radius))
    scale = np.array([size[0] / width, size[1] / height])
    from_unit = reference.from_unit * scale[:, None]
    from_unit[:, 2] += (scale - 1) / 2
    picture = cv2.resize(reference.picture, size, interpolation=cv2.INTER_AREA)
    shrink = shrink_for(2.0 * _LARGEST_RADIUS)
    return Reference(picture, from_unit, reference.control, reference.modelled, shrink)


def _clip(name: str, stored: np.lib.npyio.NpzFile) -> CutoutClip:
    offsets, pictures, from_unit = stored["offsets"], stored["pictures"], stored["from_unit"].astype(np.float64)
    control, modelled = stored["control"], stored["modelled"]
    references = []
    for row in range(len(offsets) - 1):
        data = pictures[offsets[row] : offsets[row + 1]]
        rgb = np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
        side = 2 * float(np.sqrt(abs(np.linalg.det(from_unit[row, :, :2]))))
        references.append(Reference(rgb, from_unit[row], control[row], modelled[row], shrink_for(side)))
    return CutoutClip(name, str(stored["identity"]), references, stored["shapes"], stored["angles"], stored["frames"])
