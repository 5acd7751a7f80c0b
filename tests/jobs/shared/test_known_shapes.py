from __future__ import annotations

from pathlib import Path

import numpy as np

import dubtool
from dubtool.evaluation.analysed import analyse
from dubtool.face.shape import ShapeModel
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.weights import find


def test_known_shapes_are_linear_between_their_moments_and_held_beyond_them() -> None:
    shapes = MouthShapes(np.array([0.0, 0.04, 0.2]), np.array([[0.0, 5], [4, 5], [0, 9]], np.float32))
    found = shapes.at(np.array([[-1.0, 0.01], [0.12, 7.0]]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[[0, 5], [1, 5]], [[2, 7], [0, 9]]], atol=1e-6)
    np.testing.assert_array_equal(shapes.until(0.04).times, [0.0, 0.04])


def test_a_single_known_shape_is_that_of_all_moments() -> None:
    shapes = MouthShapes(np.array([0.3]), np.array([[2.0]]))
    np.testing.assert_array_equal(shapes.at(np.array([0.0, 0.3, 1.0]))[:, 0], 2.0)


def test_a_dub_takes_known_shapes_as_they_are_instead_of_predicted_ones(clip: Path, speech: Path, place: Path) -> None:
    model = ShapeModel.load(find("face_shape"))
    own = analyse(clip, model, cache=True).shapes
    rising = np.linspace(-1, 4, len(own.times))

    def opened(name: str, sizes: np.ndarray, **options: object) -> np.ndarray:
        """How far the mouths open that are seen in a dub; the first mode opens them."""
        shapes = MouthShapes(own.times, sizes[:, None] * np.eye(1, model.size))
        dubtool.dub(clip, speech, place / name, lossless=True, length="video", shapes=shapes, **options)
        return analyse(place / name, model, cache=False).motion.opening

    # Drawn, as ten frames show few mouths to deform.
    drawn = {"model": "dinet-shape"}
    up, down = opened("up.mp4", rising, expression=0.0, **drawn), opened("down.mp4", rising[::-1], **drawn)
    assert np.corrcoef(up - down, rising)[0, 1] > 0.8
    assert np.ptp(up - down) > 0.02
