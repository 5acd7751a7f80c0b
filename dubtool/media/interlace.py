"""Interlaced pictures: which field comes first, and progressive pictures made of them, one a frame or one a field."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, cast

import av
import av.filter
import numpy as np

# "tt": the top field is shown first, "bb": the bottom one.
FieldOrder = Literal["progressive", "tt", "bb"]
# How a reader shows a video: its frames as they are coded; progressive ones made of them; or two progressive pictures a
# frame, one of each field, in which the field's own rows are as they are coded.
ReadAs = Literal["frames", "deinterlaced", "fields"]

# AVFieldOrder. Files that FFmpeg wrote say 4 (top coded first) where the top field is also shown first.
_BY_NUMBER: dict[int, FieldOrder] = {2: "tt", 3: "bb", 4: "tt", 5: "bb"}


def field_order(picture: av.VideoFrame, told: int) -> FieldOrder:
    """The order of a decoded picture's fields; `told` is the stream's word (AVFieldOrder)."""
    if picture.interlaced_frame:
        # PyAV does not show the picture's own flag; this filter leaves a picture alone whose order is the wanted one.
        top, bottom = (_moved_by(picture, f"order={order}") for order in ("tff", "bff"))
        if top != bottom:
            return "tt" if top < bottom else "bb"
    return _BY_NUMBER.get(told, "tt" if picture.interlaced_frame else "progressive")


class Deinterlacer:
    """Progressive pictures of interlaced ones (bwdif): one of each, or with `fields` one of each field in turn."""

    def __init__(self, order: FieldOrder, *, fields: bool = False) -> None:
        self._mode = "send_field" if fields else "send_frame"
        self._parity = "bff" if order == "bb" else "tff"
        self._graph: av.filter.Graph | None = None

    def __call__(self, picture: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """What is ready after one more picture, or at the end (None): it looks one picture ahead."""
        if self._graph is None:
            if picture is None:
                return
            self._graph = _graph(picture, "bwdif", f"mode={self._mode}:deint=all:parity={self._parity}")
        self._graph.push(picture)
        with contextlib.suppress(BlockingIOError, EOFError):
            while True:
                yield cast(av.VideoFrame, self._graph.pull())


def field_rows(number: int, order: FieldOrder) -> slice:
    """Which coded rows of every plane belong to field `number` of a video's fields, counted from 0 as they are shown.

    order: of the fields, which are shown by turns.
    """
    return slice((number + (order == "bb")) % 2, None, 2)


def _moved_by(picture: av.VideoFrame, order: str) -> float:
    """How much the filter changes a picture."""
    graph = _graph(picture, "fieldorder", order)
    graph.push(picture)
    return float(np.abs(gray(cast(av.VideoFrame, graph.pull())) - gray(picture)).mean())


def _graph(picture: av.VideoFrame, name: str, arguments: str) -> av.filter.Graph:
    """A graph of one filter for pictures like this one."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=picture.time_base or Fraction(1, 25),
    )
    middle, sink = graph.add(name, arguments), graph.add("buffersink")
    source.link_to(middle)
    middle.link_to(sink)
    graph.configure()
    return graph


def gray(picture: av.VideoFrame) -> np.ndarray:
    """Luma of a picture, float32 [H, W] in 0..255."""
    return picture.reformat(format="gray").to_ndarray().astype(np.float32)
