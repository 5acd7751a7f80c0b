"""Whole heads from videos: what is stored lies where the video has it, and small faces are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.face.portrait_crop import portrait_crop
from dubtool.face.portrait_points import draw_portrait
from dubtool.training.data.faces import load_faces, prepare_faces

FRAMES = 24


@pytest.fixture(scope="module")
def corpus(cut: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, height in (("near", 480), ("far", 120)):
        small = ("-an", "-vf", f"scale=-2:{height}", "-preset", "ultrafast", "-crf", 14)
        (folder / f"{name}.mp4").write_bytes(cut(f"{name}.mp4", "-ss", 1, "-frames:v", FRAMES, *small).read_bytes())
    (folder / "torn.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    (out / "people.txt").write_text("far\n")
    assert prepare_faces(corpus, out, validation=out / "people.txt") == 1
    return out


def test_only_faces_that_are_large_enough_are_kept(prepared: Path) -> None:
    assert [path.name for path in (prepared / "faces").iterdir()] == ["near"]
    assert not load_faces(prepared / "faces", "val")
    assert not list(prepared.glob(".faces*"))


def test_landmarks_lie_on_the_face_in_the_stored_crop(prepared: Path) -> None:
    (clip,) = load_faces(prepared / "faces", "train")
    whole = clip.side + 2 * clip.pad
    assert clip.landmarks.shape == (round(0.4 * FRAMES), 478, 3)
    for row in (0, len(clip.landmarks) - 1):
        picture = clip.picture(row)
        assert picture.shape == (whole, whole, 3)
        lips = draw_portrait(np.asarray(clip.landmarks[row]), whole)[1] > 128
        above = np.roll(lips, -round(0.12 * whole), axis=0)
        redness = picture[..., 0] / (picture[..., 1] + 1.0)
        assert redness[lips].mean() > redness[above].mean()
        inner = portrait_crop(np.asarray(clip.landmarks[row]), clip.side)
        assert inner[0, 0] == pytest.approx(1.0, abs=0.05)
        assert inner[:, 2] == pytest.approx([-clip.pad] * 2, abs=0.1 * clip.side)


def test_frames_differ_and_stay_in_order(prepared: Path) -> None:
    (clip,) = load_faces(prepared / "faces", "train")
    first, last = clip.picture(0).astype(int), clip.picture(len(clip.landmarks) - 1).astype(int)
    assert np.abs(first - last).mean() > 0.5
    assert cv2.Laplacian(clip.picture(0), cv2.CV_32F).var() > 10


def test_a_second_run_keeps_what_is_there(corpus: Path, prepared: Path) -> None:
    kept = prepared / "faces" / "near"

    def written() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (kept, *kept.iterdir())}

    before = written()
    assert prepare_faces(corpus, prepared) == 1
    assert written() == before
