from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dubtool.media.color import BT709_LIMITED, Color
from dubtool.media.frame import Frame
from dubtool.media.pixels import NATIVE, PixelLayout, layout_of, nearest_layout

LAYOUTS = [layout for layout in NATIVE.values() if layout.depth in (8, 12)]


def _noise(layout: PixelLayout, width: int, height: int, rotation: int = 0, *, mirrored: bool = False) -> Frame:
    rng = np.random.default_rng(7)
    step = 2 ** (layout.depth - 8)
    planes = [
        rng.integers(60 * step, 180 * step, shape).astype(layout.dtype) for shape in layout.plane_shapes(width, height)
    ]
    color = replace(BT709_LIMITED, range="pc", space="gbr") if layout.rgb else BT709_LIMITED
    return Frame.from_coded(planes, layout, color, rotation=rotation, mirrored=mirrored)


@pytest.mark.parametrize(
    ("color", "depth", "expected"),
    [
        (Color("tv", "bt709"), 8, (63, 102, 240)),
        (Color("tv", "smpte170m"), 8, (81, 90, 240)),
        (Color("pc", "bt470bg"), 8, (76, 85, 255)),
        (Color("tv", "bt2020nc"), 10, (294, 387, 960)),
        (Color(), 8, (81, 90, 240)),  # untagged and small: BT.601
    ],
)
def test_pure_red_has_the_code_values_of_its_standard(color: Color, depth: int, expected: tuple[int, ...]) -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    frame = Frame.from_rgb(red, layout_of("444", depth), color)
    assert tuple(int(plane[0, 0]) for plane in frame.planes) == expected
    assert np.abs(frame.rgb().astype(int) - red).max() <= 2


def test_untagged_high_definition_is_bt709() -> None:
    red = np.full((720, 1280, 3), (255, 0, 0), np.uint8)
    assert int(Frame.from_rgb(red, layout_of("444", 8), Color()).planes[0][0, 0]) == 63


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_box_shows_what_the_whole_frame_shows_there(rotation: int) -> None:
    for layout in LAYOUTS:
        frame = _noise(layout, 21, 17, rotation)
        whole = frame.rgb()
        corner = (frame.width - 3, 1, frame.width, frame.height)
        for x0, y0, x1, y1 in [(0, 0, 1, 1), (3, 2, 10, 9), (5, 5, 6, 14), corner]:
            np.testing.assert_array_equal(frame.rgb((x0, y0, x1, y1)), whole[y0:y1, x0:x1], layout.name)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_turning_commutes_with_looking_and_adding(rotation: int, mirrored: bool) -> None:
    def shown(picture: np.ndarray) -> np.ndarray:
        return np.rot90(picture[:, ::-1] if mirrored else picture, -rotation // 90)

    for layout in LAYOUTS:
        upright, turned = _noise(layout, 21, 17), _noise(layout, 21, 17, rotation, mirrored=mirrored)
        np.testing.assert_array_equal(turned.rgb(), shown(upright.rgb()), layout.name)
        delta = np.random.default_rng(1).normal(0, 30, (17, 21, 3)).astype(np.float32)
        upright.add_rgb((0, 0, 21, 17), delta)
        turned.add_rgb((0, 0, turned.width, turned.height), shown(delta))
        for coded, plane in zip(turned.coded_planes(), upright.planes, strict=True):
            np.testing.assert_allclose(coded.astype(int), plane.astype(int), atol=1, err_msg=layout.name)


def test_nothing_changes_where_the_delta_is_zero() -> None:
    for layout in LAYOUTS:
        frame = _noise(layout, 21, 17)
        before = frame.copy()
        delta = np.zeros((9, 12, 3), np.float32)
        delta[3, 5] = (90.0, -60.0, 70.0)
        frame.add_rgb((4, 3, 16, 12), delta)
        changed = frame.planes[0] != before.planes[0]
        assert np.argwhere(changed).tolist() == [[6, 9]], layout.name
        if layout.alpha:
            np.testing.assert_array_equal(frame.planes[-1], before.planes[-1], layout.name)
        if not layout.gray:
            shift_x, shift_y = layout.shifts
            for now, then in zip(frame.planes[1:3], before.planes[1:3], strict=True):
                cells = np.argwhere((now != then).reshape(*now.shape[:2], -1).any(axis=-1))
                assert cells.tolist() == [[6 >> shift_y, 9 >> shift_x]], layout.name


def test_an_added_difference_is_seen_in_rgb() -> None:
    for layout in LAYOUTS:
        frame = _noise(layout, 32, 24)
        before = frame.rgb().astype(int)
        delta = np.full((24, 32, 3), (12.0, 12.0, 12.0) if layout.gray else (20.0, -10.0, 5.0), np.float32)
        frame.add_rgb((0, 0, 32, 24), delta)
        inside = (before > 5).all(axis=-1) & (before < 230).all(axis=-1)
        assert inside.sum() > 20, layout.name
        assert np.abs(frame.rgb().astype(int) - before - delta)[inside].max() <= 3, layout.name


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_fields_are_looked_at_and_changed_each_by_itself(rotation: int) -> None:
    layout = layout_of("420", 8)
    top, bottom = _noise(layout, 24, 16), _noise(layout, 24, 16)
    bottom.planes = [255 - plane for plane in bottom.planes]
    woven = [np.empty((2 * len(plane), *plane.shape[1:]), plane.dtype) for plane in top.planes]
    for plane, even, odd in zip(woven, top.planes, bottom.planes, strict=True):
        plane[::2], plane[1::2] = even, odd
    frame = Frame.from_coded(woven, layout, BT709_LIMITED, rotation=rotation, field_order="tt")

    def upright(picture: np.ndarray) -> np.ndarray:
        return np.rot90(picture, -rotation // 90)

    seen = np.empty((32, 24, 3), np.uint8)
    seen[::2], seen[1::2] = top.rgb(), bottom.rgb()
    np.testing.assert_array_equal(frame.rgb(), upright(seen))
    np.testing.assert_array_equal(frame.rgb((5, 3, 14, 20)), upright(seen)[3:20, 5:14])
    delta = np.random.default_rng(5).normal(0, 20, (32, 24, 3)).astype(np.float32)
    for field, part in ((top, delta[::2]), (bottom, delta[1::2])):
        field.add_rgb((0, 0, 24, 16), part)
    frame.add_rgb((0, 0, frame.width, frame.height), upright(delta))
    for plane, even, odd in zip(frame.coded_planes(), top.planes, bottom.planes, strict=True):
        np.testing.assert_allclose(plane[::2].astype(int), even.astype(int), atol=1)
        np.testing.assert_allclose(plane[1::2].astype(int), odd.astype(int), atol=1)


def test_odd_boundary_chroma_takes_the_mean_of_what_it_covers() -> None:
    frame = Frame.from_rgb(np.full((3, 3, 3), 128, np.uint8), layout_of("420", 8), BT709_LIMITED)
    chroma = int(frame.planes[1][1, 1])
    frame.add_rgb((2, 2, 3, 3), np.array([[[0.0, 0.0, 40.0]]], np.float32))
    # The corner sample covers one luma sample only, so it takes the whole of the difference.
    expected = 40.0 * 224 / 255 * 0.5
    assert abs(int(frame.planes[1][1, 1]) - chroma - expected) <= 0.5


def test_legal_range_is_kept_but_overshoot_of_the_source_stays() -> None:
    layout = layout_of("444", 8)
    frame = Frame(
        [np.full((2, 2), 230, np.uint8), *(np.full((2, 2), 128, np.uint8) for _ in range(2))], layout, BT709_LIMITED
    )
    frame.planes[0][0, 0] = 250
    delta = np.full((2, 2, 3), 100.0, np.float32)
    delta[1, 1] = 0
    frame.add_rgb((0, 0, 2, 2), delta)
    assert frame.planes[0].tolist() == [[250, 235], [235, 230]]
    frame.planes[0][:] = 20
    frame.planes[0][0, 0] = 4
    frame.add_rgb((0, 0, 2, 2), -delta)
    assert frame.planes[0].tolist() == [[4, 16], [16, 20]]


def test_scaled_view_is_the_average_of_what_it_covers() -> None:
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, 30:] = 200
    small = Frame.from_rgb(rgb, layout_of("420", 8), BT709_LIMITED).rgb(scale=0.1)
    assert small.shape == (4, 6, 3)
    assert small[:, :3].max() <= 2 and abs(int(small[:, 3:].min()) - 200) <= 2


def test_a_copy_is_independent() -> None:
    frame = _noise(layout_of("420", 8), 8, 8)
    other = frame.copy()
    other.add_rgb((0, 0, 8, 8), np.full((8, 8, 3), 50, np.float32))
    assert (frame.planes[0] != other.planes[0]).all()


def test_boxes_outside_the_frame_are_refused() -> None:
    frame = _noise(layout_of("420", 8), 8, 8)
    for box in [(-1, 0, 4, 4), (0, 0, 9, 4), (4, 4, 4, 8)]:
        with pytest.raises(ValueError, match="box"):
            frame.rgb(box)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("yuvj420p", "yuv420p"), ("rgb24", "gbrp"), ("rgba", "gbrap"), ("pal8", "gbrap"), ("gbrp", "gbrp"),
        ("p010le", "yuv420p10le"), ("yuv411p", "yuv411p"), ("yuva420p", "yuva420p"), ("x2rgb10le", "gbrp10le"),
        ("yuv420p16le", "yuv420p16le"), ("monow", "gray"), ("ya8", "ya8"), ("ya16le", "yuva420p16le"),
        ("yuv440p12le", "yuv444p12le"), ("uyyvyy411", "yuv411p"), ("yuyv422", "yuv422p"), ("nv24", "yuv444p"),
        ("ayuv64be", "yuva444p16le"), ("xv36le", "yuv444p12le"), ("xyz12le", "gbrp12le"), ("gbrpf32le", "gbrp16le"),
        ("bayer_rggb16le", "gbrp16le"), ("rgb565le", "gbrp"), ("grayf32le", "gray16le"), ("y210le", "yuv422p10le"),
    ],
)  # fmt: skip
def test_foreign_formats_find_the_nearest_native_one(name: str, kept: str) -> None:
    assert nearest_layout(name).name == kept
