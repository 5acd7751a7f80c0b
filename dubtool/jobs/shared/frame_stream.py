"""Frames on their way from the decoder through a job's work to its outputs, and crops of single ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from dubtool.engine.pipeline import Background, batched, prefetched
from dubtool.face.crop import warp
from dubtool.face.picture import bounds, within
from dubtool.jobs.shared.frame_output import FrameOutput
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame

_QUEUE = 6
_WORTH_A_SEEK = 250

Batch = list[tuple[FramePlan, Frame]]


def stream(
    plans: Sequence[FramePlan],
    frames: Iterable[Frame],
    change: Callable[[Batch], Callable[[], None] | None],
    outputs: FrameOutput,
    *,
    batch_size: int,
    progress: Callable[[float, float | None], None],
    ahead: int = 0,
    pictures: int = 1,
) -> None:
    """Write every plan's frame, in order; `change` may alter those whose weight is above 0, in place.

    It gets them in batches, without the others; a batch may be empty of them, and then is not shown to it. What it does
    elsewhere meanwhile is done when the call that it returns has ended; `ahead` batches may be under way so. pictures:
    how many plans make one of the frames that progress is told in.
    """
    under_way: deque[tuple[Batch, Callable[[], None] | None]] = deque()
    with Background(outputs.write, _QUEUE) as sink:

        def put_next() -> None:
            batch, finish = under_way.popleft()
            if finish is not None:
                finish()
            for plan, frame in batch:
                sink.put((plan.number, frame))
            progress((batch[-1][0].number + 1) / pictures, len(plans) / pictures)

        coming = prefetched(frames, _QUEUE)
        try:
            for batch in batched(zip(plans, coming, strict=True), batch_size):
                changed = [(plan, frame) for plan, frame in batch if plan.weight > 0]
                under_way.append((batch, change(changed) if changed else None))
                if len(under_way) > ahead:
                    put_next()
            while under_way:
                put_next()
        finally:
            coming.close()


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
