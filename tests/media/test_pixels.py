"""Every pixel format that PyAV knows: its colours and its alpha survive, or it is refused in one line."""

from __future__ import annotations

import itertools

import av
import numpy as np
import pytest
from av.video.format import names  # type: ignore[attr-defined]

from dubtool.media.color import Color
from dubtool.media.frame import Frame
from dubtool.media.pixels import is_rgb, kept_color, nearest_layout, read_planes

SIDE = 32
# Red, green, blue and grey of middling strength, as quarters of the picture, each as opaque as said.
COLOURS = np.array([[200, 60, 50], [50, 180, 70], [60, 70, 200], [130, 130, 130]])
OPAQUE = np.array([255, 170, 85, 255])
# What no decoder of ours gives: pictures in a graphics card's memory, and what libswscale does not read.
REFUSED = {
    "bgr4", "rgb4", "gbrap32be", "gbrap32le", "gray32be", "gray32le", "rgb96be", "rgb96le", "rgba128be", "rgba128le",
    "rgbaf32be", "rgbaf32le", "v30xbe", "x2bgr10be", "x2rgb10be", "xv30be", "y210be", "y212be", "y216be",
}  # fmt: skip


def _quarters(values: np.ndarray) -> np.ndarray:
    """[4, ...] as the quarters of a picture [SIDE, SIDE, ...]."""
    return values.reshape(2, 2, *values.shape[1:]).repeat(SIDE // 2, axis=0).repeat(SIDE // 2, axis=1)


def _fill(picture: av.VideoFrame, plane: int, samples: np.ndarray) -> None:
    target = picture.planes[plane]
    rows = np.zeros((target.height, target.line_size), np.uint8)
    data = np.ascontiguousarray(samples).view(np.uint8).reshape(samples.shape[0], -1)
    rows[:, : data.shape[1]] = data
    target.update(rows.tobytes())


def _coloured() -> av.VideoFrame:
    picture = av.VideoFrame(SIDE, SIDE, "gbrap16le")
    for plane, values in enumerate((COLOURS[:, 1], COLOURS[:, 2], COLOURS[:, 0], OPAQUE)):
        _fill(picture, plane, (_quarters(values) * 257).astype(np.uint16))
    return picture


def _palette() -> av.VideoFrame:
    picture = av.VideoFrame(SIDE, SIDE, "pal8")
    _fill(picture, 0, _quarters(np.arange(4)).astype(np.uint8))
    entries = np.zeros((256, 4), np.uint8)
    entries[:4] = np.column_stack([COLOURS[:, ::-1], OPAQUE])
    picture.planes[1].update(entries.tobytes())
    return picture


def _mosaic(name: str) -> av.VideoFrame:
    picture = av.VideoFrame(SIDE, SIDE, name)
    full = _quarters(COLOURS)
    samples = np.zeros((SIDE, SIDE), np.uint16)
    for (y, x), letter in zip(itertools.product((0, 1), (0, 1)), name.split("_")[1][:4], strict=True):
        samples[y::2, x::2] = full[y::2, x::2, "rgb".index(letter)]
    if name.endswith("8"):
        _fill(picture, 0, samples.astype(np.uint8))
    else:
        _fill(picture, 0, (samples * 257).astype(">u2" if name.endswith("be") else "<u2"))
    return picture


def _floats(name: str) -> av.VideoFrame:
    """Formats of floating point, which libswscale reads but does not write."""
    picture = av.VideoFrame(SIDE, SIDE, name)
    kind = (">" if name.endswith("be") else "<") + ("f2" if "16" in name else "f4")
    red, green, blue, opaque = (_quarters(values) / 255 for values in (*COLOURS.T, OPAQUE))
    luma = np.tensordot(_quarters(COLOURS) / 255, (0.299, 0.587, 0.114), 1)
    if name.startswith("gbr"):
        for plane, values in enumerate([green, blue, red, opaque][: len(picture.planes)]):
            _fill(picture, plane, values.astype(kind))
    else:
        parts = {"gray": [luma], "ya": [luma, opaque], "rgbf": [red, green, blue], "rgba": [red, green, blue, opaque]}
        together = next(values for start, values in parts.items() if name.startswith(start))
        _fill(picture, 0, np.stack(together, axis=-1).reshape(SIDE, -1).astype(kind))
    return picture


def _dv_camera() -> av.VideoFrame:
    """uyyvyy411: six bytes for four pixels."""
    planar, picture = _in_format("yuv411p"), av.VideoFrame(SIDE, SIDE, "uyyvyy411")
    luma, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(SIDE, -1)[:, : plane.width] for plane in planar.planes
    )
    _fill(picture, 0, np.stack([u, luma[:, ::4], luma[:, 1::4], v, luma[:, 2::4], luma[:, 3::4]], -1).reshape(SIDE, -1))
    return picture


def _in_format(name: str) -> av.VideoFrame:
    """The colours in a pixel format, luma and chroma by BT.601 (what untagged small pictures are held for)."""
    if name == "pal8":
        return _palette()
    if name.startswith("bayer"):
        return _mosaic(name)
    if name == "uyyvyy411":
        return _dv_camera()
    if "f16" in name or "f32" in name:
        return _floats(name)
    described = av.VideoFormat(name)
    full = is_rgb(name) or name.startswith("yuvj") or len([c for c in described.components if not c.is_alpha]) == 1
    return _coloured().reformat(
        SIDE, SIDE, name, dst_colorspace=5, src_color_range="JPEG", dst_color_range="JPEG" if full else "MPEG"
    )


def _kept(name: str) -> Frame:
    picture = _in_format(name)
    layout = nearest_layout(name)
    color = kept_color(name, Color())
    return Frame.from_coded(read_planes(picture, layout, color, SIDE, SIDE), layout, color)


MEMORY = {name for name in names if not av.VideoFormat(name).components}
READ = sorted(names - MEMORY - REFUSED)


def test_colour_and_alpha_survive() -> None:
    for name in READ:
        described = av.VideoFormat(name)
        frame = _kept(name)
        centres = np.array([8, 24])
        shown = frame.rgb()[np.ix_(centres, centres)].reshape(4, 3).astype(int)
        bits = [component.bits for component in described.components if not component.is_alpha]
        coarse = 0 if described.is_bayer or described.has_palette else 256 >> min(*bits, 8)
        wanted = COLOURS
        if frame.layout.gray or (len(bits) == 1 and not described.has_palette):
            wanted = np.repeat((COLOURS @ (0.299, 0.587, 0.114))[:, None], 3, axis=1)
        if not name.startswith("mono"):
            assert np.abs(shown - wanted).max() <= 3 + coarse, name
        has_alpha = any(component.is_alpha for component in described.components) or described.has_palette
        assert frame.layout.alpha == bool(has_alpha), name
        if has_alpha:
            alpha = frame.planes[-1][np.ix_(centres, centres)].ravel() / (2**frame.layout.depth - 1) * 255
            assert np.abs(alpha - OPAQUE).max() <= 1, name


def test_what_cannot_be_read_is_refused() -> None:
    for name in sorted(MEMORY | REFUSED):
        with pytest.raises(ValueError, match=f"pixel format {name} cannot be read"):
            nearest_layout(name)


def test_no_bit_of_depth_and_no_chroma_is_given_away() -> None:
    for name in READ:
        described, layout = av.VideoFormat(name, 16, 16), nearest_layout(name)
        bits = max(component.bits for component in described.components)
        assert layout.depth >= min(bits, 16), name
        if not layout.gray and len(described.components) > 2:
            across, down = layout.shifts
            assert 16 >> across >= described.components[1].width and 16 >> down >= described.components[1].height, name


def test_a_change_is_seen_and_what_is_not_changed_stays() -> None:
    for name in READ:
        frame = _kept(name)
        before = frame.copy()
        delta = np.zeros((8, 8, 3), np.float32)
        delta[2:6, 2:6] = 20.0
        frame.add_rgb((20, 4, 28, 12), delta)
        gained = frame.rgb((22, 6, 26, 10)).astype(int) - before.rgb((22, 6, 26, 10)).astype(int)
        if not name.startswith("mono") and before.rgb((22, 6, 26, 10)).max() < 230:
            assert np.abs(gained - 20).max() <= 2, name
        same = np.ones((SIDE, SIDE), bool)
        same[4:12, 20:28] = False
        np.testing.assert_array_equal(frame.planes[0][same], before.planes[0][same], name)
        if frame.layout.alpha:
            np.testing.assert_array_equal(frame.planes[-1], before.planes[-1], name)
