"""The example clip's frames and the trackers' networks, loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from dubtool.face.picture import RgbPicture
from dubtool.face.shape import ShapeModel
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.landmarks import FaceLandmarker, roi_from_five, roi_from_mesh
from dubtool.weights.locate import find

CLIP = Path(__file__).parents[1] / "examples" / "portrait.mp4"


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


@pytest.fixture(scope="session")
def model() -> ShapeModel:
    """The shipped shape model."""
    return ShapeModel.load(find("face_shape"))


@pytest.fixture(scope="session")
def form() -> HeadForm:
    return HeadForm.load(find("head_form"))


@pytest.fixture(scope="session")
def meshes(detector: FaceDetector, landmarker: FaceLandmarker) -> np.ndarray:
    """All landmarks in every second frame of the example clip, float32 [N, 478, 3]: she speaks and blinks."""
    if not CLIP.is_file():
        pytest.skip("the example clip is not in this copy")
    found: list[np.ndarray] = []
    for frame in islice(VideoReader(probe(CLIP)), 0, None, 2):
        picture = RgbPicture(frame.rgb(scale=0.5))
        if found:
            roi = roi_from_mesh(found[-1])
        else:
            face = detector.detect(picture)[0]
            roi = roi_from_five(face.points, face.size)
        mesh = landmarker.landmarks(picture, roi)
        assert mesh is not None
        found.append(mesh)
    return np.stack(found)
