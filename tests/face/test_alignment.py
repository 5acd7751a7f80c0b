from __future__ import annotations

import numpy as np
import pytest

from dubtool.face.alignment import five_points, to_aligned


@pytest.mark.parametrize(("turn", "scale"), [(0.0, 1.0), (0.7, 0.3), (-2.5, 4.0)])
def test_a_turned_face_of_any_size_is_laid_out_alike(turn: float, scale: float) -> None:
    five = np.array([[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]])
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    seen = five @ np.array([[c, -s], [s, c]]).T + (200, -30)
    matrix = to_aligned(seen)
    assert np.allclose(seen @ matrix[:, :2].T + matrix[:, 2], five, atol=0.1)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_eyes_are_the_middles_of_their_corners() -> None:
    seven = np.array([[0, 0, 9], [2, 0, 9], [4, 2, 9], [6, 2, 9], [3, 5, 9], [1, 8, 9], [5, 8, 9]], float)
    assert five_points(seven).tolist() == [[1, 0], [5, 2], [3, 5], [1, 8], [5, 8]]
