from __future__ import annotations

import numpy as np
import pytest

from dubtool.media.color import Color
from dubtool.media.frame import Frame
from dubtool.media.pixels import layout_of
from dubtool.media.tone import ToneMap

KINDS = [("smpte2084", "bt2020"), ("arib-std-b67", "bt2020"), ("smpte2084", "bt709")]


@pytest.mark.parametrize(("trc", "primaries"), KINDS)
def test_standard_range_is_undone_even_outside_it(trc: str, primaries: str) -> None:
    coded = np.random.default_rng(3).uniform(60, 190, (40, 50, 3)).astype(np.float32)
    tone = ToneMap(trc, primaries)
    assert np.abs(tone.coded(tone.seen(coded)) - coded).max() < 0.3


@pytest.mark.parametrize(("trc", "white"), [("smpte2084", 0.58), ("arib-std-b67", 0.75)])
def test_diffuse_white_is_seen_near_the_top_and_half_its_code_in_the_middle(trc: str, white: float) -> None:
    tone = ToneMap(trc, "bt2020")
    grey = tone.seen(np.full((1, 1, 3), white * 255, np.float32))
    assert np.ptp(grey) < 0.5 and 235 < grey.mean() < 250
    # A mid grey of 26 cd/m2 (BT.2408: 18 % reflectance) has a code of 38 % in PQ and HLG.
    assert 90 < tone.seen(np.full((1, 1, 3), 0.38 * 255, np.float32)).mean() < 125
    steps = tone.seen(np.linspace(0, 255, 256, dtype=np.float32)[None, :, None].repeat(3, axis=2))[0, :, 0]
    assert (np.diff(steps) >= 0).all() and steps[-1] <= 255


@pytest.mark.parametrize("chroma", ["420", "444"])
@pytest.mark.parametrize(("trc", "primaries"), KINDS)
def test_a_change_is_seen_as_such_and_nothing_else_changes(trc: str, primaries: str, chroma: str) -> None:
    color = Color("tv", "bt2020nc", primaries, trc)
    rgb = np.full((16, 16, 3), (150, 110, 90), np.uint8)
    frame = Frame.from_rgb(rgb, layout_of(chroma, 10), color)
    assert np.abs(frame.rgb().astype(int) - rgb).max() <= 2
    before = frame.copy()
    delta = np.zeros((8, 8, 3), np.float32)
    delta[2:6, 2:6] = (30, -20, 10)
    frame.add_rgb((4, 4, 12, 12), delta)
    gained = frame.rgb().astype(int)[7:9, 7:9] - rgb[7:9, 7:9]
    assert np.abs(gained - (30, -20, 10)).max() <= 3
    same = np.ones((16, 16), bool)
    same[6:10, 6:10] = False
    np.testing.assert_array_equal(frame.planes[0][same], before.planes[0][same])


def test_a_highlight_beyond_the_range_is_not_pulled_down_by_a_small_change() -> None:
    coded = np.full((1, 1, 3), 0.95 * 255, np.float32)
    change = np.full((1, 1, 3), 1.0, np.float32)
    assert np.abs(ToneMap("smpte2084", "bt2020").difference(coded, change)).max() < 2
