from __future__ import annotations

from types import TracebackType

import numpy as np
import pytest

from dubtool.jobs.shared.frame_output import Tiles
from dubtool.jobs.shared.woven_outputs import WovenOutputs
from dubtool.media.color import BT709_LIMITED
from dubtool.media.frame import Frame
from dubtool.media.interlace import FieldOrder
from dubtool.media.pixels import layout_of


class _Taken:
    """Outputs that keep what they get, and want to be shown frame 1."""

    def __init__(self) -> None:
        self.written: list[tuple[int, Frame]] = []
        self.shown: list[tuple[int, Frame, Frame, int]] = []
        self.open = False

    def __enter__(self) -> _Taken:
        self.open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open = False

    def wants(self, number: int) -> bool:
        return number == 1

    def draws(self, number: int) -> bool:
        return number == 1

    def show(self, number: int, before: Frame, after: Frame, tiles: Tiles) -> None:
        self.shown.append((number, before.copy(), after.copy(), len(tiles())))

    def write(self, item: tuple[int, Frame]) -> None:
        self.written.append((item[0], item[1].copy()))


def _field(value: int, rotation: int = 0, *, mirrored: bool = False) -> Frame:
    shape = [np.full((8, 12), value, np.uint8), *np.full((2, 4, 6), value, np.uint8)]
    return Frame.from_coded(shape, layout_of("420", 8), BT709_LIMITED, rotation=rotation, mirrored=mirrored)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("order", ["tt", "bb"])
def test_frames_are_woven_of_the_rows_as_they_were_coded(order: FieldOrder, rotation: int, mirrored: bool) -> None:
    taken = _Taken()
    with WovenOutputs(taken, order) as outputs:
        assert taken.open
        for number in range(4):
            outputs.write((number, _field(number, rotation, mirrored=mirrored)))
    assert not taken.open
    assert [number for number, _ in taken.written] == [0, 1]
    for number, frame in taken.written:
        assert frame.field_order == order
        for plane in frame.coded_planes():
            first, second = (plane[::2], plane[1::2]) if order == "tt" else (plane[1::2], plane[::2])
            assert (first == 2 * number).all() and (second == 2 * number + 1).all()


@pytest.mark.parametrize("changed", [(2, 3), (2,), (3,)])
def test_a_frame_is_shown_as_it_was_and_is_though_one_field_may_be_untouched(changed: tuple[int, ...]) -> None:
    taken = _Taken()
    with WovenOutputs(taken, "tt") as outputs:
        assert [outputs.wants(number) for number in range(6)] == [False, False, True, True, False, False]
        assert [outputs.draws(number) for number in range(6)] == [False, False, True, True, False, False]
        for number in range(6):
            after = _field(number + 100 if number in changed else number)
            if number in changed:
                outputs.show(number, _field(number), after, lambda: [np.zeros(1)])
            outputs.write((number, after))
    assert [(number, tiles) for number, _, _, tiles in taken.shown] == [(1, 1)]
    _, before, after, _ = taken.shown[0]
    assert [before.planes[0][row, 0] for row in (0, 1)] == [2, 3]
    assert [after.planes[0][row, 0] for row in (0, 1)] == [n + 100 * (n in changed) for n in (2, 3)]
    np.testing.assert_array_equal(taken.written[1][1].planes[0], after.planes[0])
