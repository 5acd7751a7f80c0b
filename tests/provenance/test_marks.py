"""IPTC's Digital Source Type in files of every kind that is written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dubtool.errors import InputError
from dubtool.media.arrays import write_pictures
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.probe import probe
from dubtool.provenance import boxes, png, xmp
from dubtool.provenance.mark import mark, mark_of, tags
from dubtool.provenance.verify import verify

TEXT = 'Synthetic: <the mouth> & "more" by dubtool'


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = np.random.default_rng(1).integers(0, 255, (3, 48, 64, 3), np.uint8)
    return write_pictures(tmp_path_factory.mktemp("film") / "film.mkv", pictures, Fraction(25))


def _written(film: Path, target: Path) -> None:
    info = probe(film)
    told = {"comment": TEXT, **tags(target.suffix)}
    with VideoWriter(target, info, metadata=told, preset="ultrafast") as writer:
        for frame in VideoReader(info):
            writer.write(frame, frame.time, frame.duration)
    mark(target, TEXT)


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".mkv", ".webm"])
def test_every_kind_of_file_says_that_it_is_synthetic(film: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    _written(film, target)
    assert mark_of(target).source_type == xmp.DIGITAL_SOURCE_TYPE
    found = verify(target)
    assert (found.state, found.synthetic, found.text) == ("unsigned", True, TEXT)
    assert len(list(VideoReader(probe(target)))) == 3, "it plays as before"


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_xmp_is_a_box_of_its_own_behind_the_others(film: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    _written(film, target)
    with target.open("rb") as file:
        found = list(boxes.boxes(file))
        assert (found[-1].kind, found[-1].uuid) == ("uuid", boxes.XMP)
        assert found[-1].start + found[-1].size == target.stat().st_size
        body = boxes.content(file, boxes.XMP)
    assert body is not None
    assert xmp.description(body) == TEXT
    with av.open(str(target)) as container:
        assert container.metadata["comment"] == TEXT


def test_a_picture_keeps_its_pixels(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    _, data = cv2.imencode(".png", picture)
    told = png.with_xmp(data.tobytes(), xmp.packet(TEXT))
    assert np.array_equal(cv2.imdecode(np.frombuffer(told, np.uint8), cv2.IMREAD_COLOR), picture)
    body = png.xmp_of(told)
    assert body is not None
    assert (xmp.source_type(body), xmp.description(body)) == (xmp.DIGITAL_SOURCE_TYPE, TEXT)
    assert png.xmp_of(data.tobytes()) is None
    (tmp_path / "x.png").write_bytes(told)
    assert mark_of(tmp_path / "x.png").source_type == xmp.DIGITAL_SOURCE_TYPE
    with pytest.raises(ValueError, match="not a PNG"):
        png.with_xmp(b"JFIF", b"")


def test_packets_of_others_are_understood() -> None:
    ours = b'<rdf:Description Iptc4xmpExt:DigitalSourceType="http://x/digitalCapture"/>'
    theirs = b"<Iptc4xmpExt:DigitalSourceType>http://x/a&amp;b</Iptc4xmpExt:DigitalSourceType>"
    assert xmp.source_type(ours) == "http://x/digitalCapture"
    assert xmp.source_type(theirs) == "http://x/a&b"
    assert xmp.source_type(b"<x/>") is None


def test_a_film_of_a_camera_says_nothing(film: Path) -> None:
    found = verify(film)
    assert (found.state, found.synthetic, found.source_type) == ("unsigned", False, None)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\0\0\0\x18ftypmp42", b"\x89PNG\r\n"])
def test_a_file_that_is_none_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    if content.startswith(b"\x89PNG"):
        assert verify(path).state == "unsigned"
        return
    with pytest.raises(InputError, match=r"x\.mp4"):
        verify(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: no such file"):
        verify(tmp_path / "none.mp4")
