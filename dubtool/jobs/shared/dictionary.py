"""A person's own frames kept at hand as references: chosen for what is wanted, cut out in one pass over the video."""

from __future__ import annotations

import numpy as np

from dubtool.engine.side_by_side import SideBySide
from dubtool.face.reference_warp import Reference
from dubtool.face.retrieval import Looks, MouthCosts, cheapest_path
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.cutout import Cutter, cutout_bytes
from dubtool.jobs.shared.frame_stream import frames_of_rows
from dubtool.media.decode import VideoReader
from dubtool.tracking.motion import FaceMotion
from dubtool.tracking.person import Chosen

# Bytes of all references together by default: seconds of video in HD.
_MEMORY = 48 * 2**20
# Of a face in 4K fewer fit than anybody needs: then so many are kept, within this.
_LEAST, _MOST_MEMORY = 96, 256 * 2**20
# Frames that are looked at for what a long film needs, and how many costs of one for another at once: of long films
# all would take more memory than of short ones.
_LOOKED_AT, _COSTS = 4096, 2**18
# References come in runs of neighbours, since a mouth that goes on as it was filmed looks best.
_RUN = 4


def looks_of(chosen: Chosen, rows: np.ndarray) -> Looks:
    """What the person's frames at `rows` of the motion show."""
    motion = chosen.motion
    return Looks(motion.coefficients[rows], motion.angles[rows], chosen.shots[rows], mouth_sides(motion)[rows])


def mouth_sides(motion: FaceMotion) -> np.ndarray:
    """Sides of the mouth boxes of all rows, picture px [N]."""
    return np.asarray(2 / np.sqrt(np.abs(np.linalg.det(motion.unit[:, :, :2]))))


def capacity(motion: FaceMotion, memory: int | None) -> int:
    """How many references fit. memory: bytes; None for the usual."""
    each = cutout_bytes(motion)
    if memory is None:
        memory = int(np.clip(_LEAST * each, _MEMORY, _MOST_MEMORY))
    return max(1, int(memory / each))


def chosen_rows(chosen: Chosen, usable: np.ndarray, wanted: Looks, costs: MouthCosts, count: int) -> np.ndarray:
    """At most `count` of the `usable` rows of the motion (int, rising), those that are needed most: int [n]."""
    if len(usable) <= count:
        return usable
    candidates = _runs_of(usable, _LOOKED_AT)
    known = looks_of(chosen, candidates)
    frames = chosen.motion.frames[candidates]
    needed = np.zeros(len(candidates))
    moments = np.unique(np.linspace(0, len(wanted) - 1, _LOOKED_AT).astype(int))
    block = max(1, _COSTS // len(candidates))
    shown: int | None = None
    for start in range(0, len(moments), block):
        here = costs(wanted[moments[start : start + block]], known)
        path = cheapest_path(here, frames, shown)
        shown = int(path[-1])
        np.add.at(needed, path, 1.0)
        np.add.at(needed, here.argmin(axis=1), 1.0)
    # A run is needed as much as its frames together.
    runs = np.arange(len(candidates)) // _RUN
    order = np.argsort(-np.bincount(runs, needed), kind="stable")
    kept = np.isin(runs, order[: max(1, count // _RUN)])
    return candidates[kept][:count]


def read_references(
    reader: VideoReader, chosen: Chosen, rows: np.ndarray, model: ShapeModel | None, threads: SideBySide | None = None
) -> list[Reference]:
    """Cut the references at `rows` (rising) of the motion out of the video. model: see `Cutter`. threads: cut them
    side by side."""
    cutter = Cutter(chosen.person.tracks, chosen.motion, rows, model)
    read = frames_of_rows(reader, chosen.motion.frames, rows.tolist())
    return list((threads or SideBySide(1)).each(lambda row, frame: cutter.cut(frame, row), read))


def _runs_of(rows: np.ndarray, count: int) -> np.ndarray:
    """About `count` of the rows in runs of neighbours, evenly spread."""
    if len(rows) <= count:
        return rows
    starts = np.unique(np.linspace(0, len(rows) - _RUN, count // _RUN).astype(int) // _RUN * _RUN)
    return rows[(starts[:, None] + np.arange(_RUN)).ravel()]
