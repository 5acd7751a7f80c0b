"""The person in a picture, as the recognizer sees them, and who of a video it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dubtool.errors import NoFaceError, UsageError
from dubtool.face.picture import RgbPicture
from dubtool.face.topology import TRACKED
from dubtool.media.still import read_still
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker, roi_from_five
from dubtool.tracking.recognizer import WEIGHTS, FaceRecognizer, aligned_face
from dubtool.weights.locate import find

# Of the largest face's size: smaller ones stand in the background.
_BESIDE = 0.4
# Least cosine of two pictures of one person, as OpenCV's documentation of SFace has it. Of corpus people filmed on
# other days 0.5 % are below 0.49, of strangers 1 % above 0.34.
_SAME_PERSON = 0.363


def face_in_picture(path: Path) -> np.ndarray:
    """The unit vector float32 [128] of the one person in a picture file.

    Raises:
        InputError: it is no picture. NoFaceError: it shows no face. UsageError: it shows several people.
    """
    picture = RgbPicture(read_still(path))
    detector = FaceDetector(find("yunet"))
    found = detector.detect(picture)
    if not found:
        raise NoFaceError(f"{path}: no face is seen in the picture; give one that shows the person from the front")
    people = sum(face.size > _BESIDE * found[0].size for face in found)
    if people > 1:
        raise UsageError(f"{path} shows {people} people; cut it to the one that is meant")
    upright = detector.righted(picture, found[0])
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        mesh = landmarker.landmarks(picture, roi_from_five(upright.points, upright.size))
    if mesh is None:
        raise NoFaceError(f"{path}: the face in the picture is not seen well; give one from the front")
    crop = aligned_face(picture, mesh[list(TRACKED)])
    return np.asarray(FaceRecognizer(find(WEIGHTS)).vectors(crop[None])[0])


def most_like(pictured: np.ndarray, vectors: Sequence[np.ndarray]) -> tuple[int, float, bool]:
    """Whose vector of `vectors` [N][128] is nearest to the pictured one: their number, the cosine, and whether that is
    enough to be the same person."""
    cosines = [float(vector @ pictured) for vector in vectors]
    best = int(np.argmax(cosines))
    return best, cosines[best], cosines[best] >= _SAME_PERSON
