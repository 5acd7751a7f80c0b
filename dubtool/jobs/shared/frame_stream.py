"""Frames on their way from the decoder through a job's work to its outputs, and crops of single ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from dubtool.engine.pipeline import Background, batched, prefetched
from dubtool.face.crop import warp
from dubtool.face.picture import within
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.sampling import bounds

_QUEUE = 6
_WORTH_A_SEEK = 250

T = TypeVar("T")

Batch = list[tuple[FramePlan, Frame]]
# Waits until a batch is drawn: its frames by their numbers, in order.
Drawn = Callable[[], Iterable[tuple[int, Frame]]]


def stream(
    items: Iterable[T],
    draw: Callable[[list[T]], Drawn],
    outputs: FrameOutput,
    count: int,
    *,
    batch_size: int,
    progress: Callable[[float, float | None], None],
    ahead: int = 0,
    pictures: int = 1,
) -> None:
    """Write the `count` frames that `draw` makes of the items, in order; items are read ahead by another thread.

    draw: gets them in batches, and may go on elsewhere until the call that it returns has ended; `ahead` batches may be
    under way so. pictures: how many of what is written make one of the frames that progress is told in.
    """
    under_way: deque[Drawn] = deque()
    with Background(outputs.write, _QUEUE) as sink:

        def put_next() -> None:
            number = 0
            for number, frame in under_way.popleft()():
                sink.put((number, frame))
            progress((number + 1) / pictures, count / pictures)

        coming = prefetched(items, _QUEUE)
        try:
            for batch in batched(coming, batch_size):
                under_way.append(draw(batch))
                if len(under_way) > ahead:
                    put_next()
            while under_way:
                put_next()
        finally:
            coming.close()


def changing(change: Callable[[Batch], Callable[[], None] | None]) -> Callable[[Batch], Drawn]:
    """For `stream` of plans with their frames: `change` may alter those whose weight is above 0, in place.

    It gets a batch without the others, unless none is left. What it does elsewhere meanwhile is done when the call that
    it returns has ended.
    """

    def draw(batch: Batch) -> Drawn:
        changed = [(plan, frame) for plan, frame in batch if plan.weight > 0]
        finish = change(changed) if changed else None

        def drawn() -> Iterator[tuple[int, Frame]]:
            if finish is not None:
                finish()
            yield from ((plan.number, frame) for plan, frame in batch)

        return drawn

    return draw


def crop_of(frame: Frame, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    """The crop uint8 [height, width, 3] of a frame; only the pixels under it are converted to RGB."""
    box = bounds(matrix, width, height, frame.width, frame.height)
    return warp(frame.rgb(box), within(matrix, box), width, height)


def frames_of_rows(reader: VideoReader, numbers: np.ndarray, rows: Sequence[int]) -> Iterator[tuple[int, Frame]]:
    """Frames of single rows, as (row, frame). numbers: source frame of every row; rows: rising, or none."""
    # Going on to a near frame is cheaper than seeking a keyframe anew.
    for part in np.split(np.array(rows, int), np.flatnonzero(np.diff(numbers[rows]) > _WORTH_A_SEEK) + 1):
        for row, frame in zip(part, reader.frames(numbers[part].tolist()), strict=True):
            yield int(row), frame


def crops_of_rows(
    reader: VideoReader, numbers: np.ndarray, matrices: np.ndarray, rows: Sequence[int], width: int, height: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Crops of single rows, as (row, crop). matrices: [N, 2, 3]; the others as for `frames_of_rows`."""
    for row, frame in frames_of_rows(reader, numbers, rows):
        yield row, crop_of(frame, matrices[row], width, height)
