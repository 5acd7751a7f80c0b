"""The example clip's frames and the trackers' networks, loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from dubtool.face.detect import FaceDetector
from dubtool.face.landmarks import FaceLandmarker
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe
from dubtool.weights.locate import find

CLIP = Path(__file__).parents[2] / "examples" / "portrait.mp4"


@pytest.fixture(scope="session")
def portrait() -> list[np.ndarray]:
    """The first frames of the example clip, uint8 RGB: one person who moves and speaks. Do not change them."""
    if not CLIP.is_file():
        pytest.skip("the example clip is not in this copy")
    reader = VideoReader(probe(CLIP))
    return [frame.rgb(scale=0.5) for frame in islice(reader, 24)]


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(find("yunet"))


@pytest.fixture(scope="session")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        yield landmarker
