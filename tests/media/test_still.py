"""Picture files as people have them: turned by EXIF, transparent, grey, deep, damaged."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dubtool.errors import InputError
from dubtool.media.still import read_still


def _exif(orientation: int, order: str) -> bytes:
    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little" if order == "II" else "big")

    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + bytes(2)
    return order.encode() + number(42, 2) + number(8, 4) + number(1, 2) + entry + number(0, 4)


def _with_exif(jpeg: bytes, orientation: int, order: str = "II") -> bytes:
    segment = b"Exif\0\0" + _exif(orientation, order)
    return jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]


def _encoded(path: Path, picture: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


@pytest.fixture
def upright() -> np.ndarray:
    """RGB, red top left, green top right, blue below."""
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16, :24], picture[:16, 24:], picture[16:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return picture


# What a camera stores for each of EXIF's orientations, so that the reader sees it upright.
_STORED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("orientation", sorted(_STORED))
def test_exif_turns_a_jpeg_upright(orientation: int, order: str, upright: np.ndarray, tmp_path: Path) -> None:
    stored = np.ascontiguousarray(_STORED[orientation](upright)[..., ::-1])
    path = _encoded(tmp_path / "a.jpg", stored)
    path.write_bytes(_with_exif(path.read_bytes(), orientation, order))
    seen = read_still(path)
    assert seen.shape == upright.shape and seen.flags["C_CONTIGUOUS"]
    assert np.abs(seen[4:12:4, 4::12].astype(int) - upright[4:12:4, 4::12]).max() < 12


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_what_is_transparent_shows_white(suffix: str, upright: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full((32, 48, 1), 255, np.uint8)
    alpha[16:], alpha[:16, 24:] = 0, 128
    seen = read_still(_encoded(tmp_path / f"a{suffix}", np.concatenate([upright[..., ::-1], alpha], axis=2)))
    assert np.abs(seen[8, 8].astype(int) - (255, 0, 0)).max() < 12
    assert np.abs(seen[8, 40].astype(int) - (127, 255, 127)).max() < 12
    assert seen[24, 8].tolist() == [255, 255, 255]


def test_grey_and_deep_pictures_become_rgb(tmp_path: Path) -> None:
    grey = np.tile(np.arange(0, 256, 8, np.uint8), (8, 1))
    assert np.array_equal(read_still(_encoded(tmp_path / "grey.png", grey)), np.repeat(grey[..., None], 3, 2))
    deep = np.repeat(grey[..., None].astype(np.uint16) * 257, 3, 2)
    assert np.array_equal(read_still(_encoded(tmp_path / "deep.png", deep)), np.repeat(grey[..., None], 3, 2))


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    for name, content, told in (
        ("empty.png", b"", "is empty"),
        ("text.png", b"hello", "is not a picture"),
        ("cut.png", b"\x89PNG\r\n\x1a\n", "picture"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}.*{told}"):
            read_still(tmp_path / name)
    with pytest.raises(InputError, match="does not exist"):
        read_still(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder"):
        read_still(tmp_path)


def test_damaged_exif_is_no_error(upright: np.ndarray, tmp_path: Path) -> None:
    path = _encoded(tmp_path / "a.jpg", upright)
    path.write_bytes(path.read_bytes() + b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_still(path).shape == upright.shape
