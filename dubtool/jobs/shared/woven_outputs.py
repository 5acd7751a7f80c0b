"""Where the fields of a job go: woven into frames."""

from __future__ import annotations

from types import TracebackType

from dubtool.jobs.shared.frame_output import FrameOutput, Tiles
from dubtool.jobs.shared.interlacing import woven
from dubtool.media.frame import Frame
from dubtool.media.interlace import FieldOrder

_FIELDS = 2


class WovenOutputs:
    """Takes the fields of every frame one after the other, by their own numbers, and hands the frames on.

    order: of the fields.
    """

    def __init__(self, outputs: FrameOutput, order: FieldOrder) -> None:
        self._outputs, self._order = outputs, order
        self._first: Frame | None = None
        self._before: dict[int, Frame] = {}
        self._tiles: dict[int, Tiles] = {}

    def __enter__(self) -> WovenOutputs:
        self._outputs.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outputs.__exit__(kind, error, trace)

    def wants(self, number: int) -> bool:
        return self._outputs.wants(number // _FIELDS)

    def draws(self, number: int) -> bool:
        return self._outputs.draws(number // _FIELDS)

    def show(self, number: int, before: Frame, after: Frame, tiles: Tiles) -> None:
        self._before[number] = before
        self._tiles[number // _FIELDS] = tiles

    def write(self, item: tuple[int, Frame]) -> None:
        number, field = item
        if self._first is None:
            self._first = field
            return
        first, self._first = self._first, None
        frame = number // _FIELDS
        before = [self._before.pop(each, None) for each in (number - 1, number)]
        tiles = self._tiles.pop(frame, None)
        if tiles is None:
            self._outputs.write((frame, woven(first, field, self._order)))
            return
        # One of the fields may be as it was.
        unchanged = woven(before[0] or first.copy(), before[1] or field, self._order)
        made = woven(first, field, self._order)
        self._outputs.show(frame, unchanged, made, tiles)
        self._outputs.write((frame, made))
