"""What a model may see: references come from the stretch that it is told, and from nowhere else."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dubbing_place import Cut

import dubtool
from dubtool.evaluation.analysed import TrackedSpeaker, analyse
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import OUTER_LIP, tracked
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.weights import find

# Every generator that takes pictures of the person.
MODELS = ("retrieval-warp", "dinet-shape", "g4g")

FRAMES = 24
CLEAN, MARKED = range(FRAMES // 2), range(FRAMES // 2, FRAMES)
# Taken from the red difference of the lips, which turn grey: light and shade stay, so that the face is found as before,
# and RGB can say it.
MARK = 30


def _lips(frame: Frame, seen: TrackedSpeaker) -> tuple[np.ndarray, np.ndarray]:
    """The red difference of the lips of a 4:2:0 frame, a view, and the mark's weights, which fade to the lips' rim."""
    lips = seen.points[frame.index, tracked(OUTER_LIP), :2] / 2
    (left, top), (right, bottom) = (np.rint(edge).astype(int) for edge in (lips.min(axis=0), lips.max(axis=0)))
    fade = [np.hanning(length + 2)[1:-1] for length in (bottom - top, right - left)]
    return frame.planes[2][top:bottom, left:right], np.outer(*fade)


@pytest.fixture(scope="module")
def source(cut: Cut) -> Path:
    return cut("plain.mp4", "-frames:v", FRAMES, "-an", "-vf", "scale=320:-2", "-preset", "ultrafast", "-crf", 10)


@pytest.fixture
def seen(source: Path, place: Path) -> TrackedSpeaker:
    return analyse(source, ShapeModel.load(find("face_shape")), cache=True)


@pytest.fixture
def marked(seen: TrackedSpeaker, place: Path) -> Path:
    """The source, with grey lips in its second half."""
    target = place / "marked.mp4"
    with VideoWriter(target, seen.info, lossless=True, preset="ultrafast") as writer:
        for frame in VideoReader(seen.info):
            if frame.index in MARKED:
                red, weights = _lips(frame, seen)
                red -= np.rint(MARK * weights).astype(np.uint8)
            writer.write(frame, frame.time, frame.duration)
    return target


def _reds(video: Path, seen: TrackedSpeaker, frames: range) -> np.ndarray:
    """How red the lips are in each frame, where the mark would be."""
    found = (_lips(frame, seen) for frame in VideoReader(probe(video)).frames(frames))
    return np.array([np.average(red, weights=weights) for red, weights in found])


@pytest.mark.parametrize("model", MODELS)
def test_a_mark_outside_the_reference_segment_never_shows(
    model: str, source: Path, seen: TrackedSpeaker, marked: Path, speech: Path, place: Path
) -> None:
    # The job eases into what it makes.
    whole = range(MARKED.start + 5, MARKED.stop)

    def made(video: Path, references: range) -> np.ndarray:
        """How red the lips are that were made."""
        report = dubtool.dub(
            video,
            speech,
            place / "out.mp4",
            model=model,
            start=Fraction(MARKED.start, 25),
            reference_segment=(Fraction(references.start, 25), Fraction(references.stop, 25)),
            length="video",
            lossless=True,
            overwrite=True,
        )
        assert report.dubbed == len(MARKED)
        return _reds(place / "out.mp4", seen, whole)

    mark = (_reds(source, seen, whole) - _reds(marked, seen, whole)).mean()
    plain = made(source, CLEAN)
    assert np.abs(made(marked, CLEAN) - plain).max() < 0.15 * mark
    # Were it no more to be seen than that whatever a model looks at, this test would say nothing.
    assert (plain - made(marked, MARKED)).mean() > 0.3 * mark
