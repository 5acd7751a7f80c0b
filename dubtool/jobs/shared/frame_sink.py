"""Frames of a job handed to whoever asks for the next one, instead of to files."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np

from dubtool.errors import CancelledError
from dubtool.jobs.shared.frame_output import Tiles
from dubtool.media.frame import Frame

_AHEAD = 4
_PATIENCE = 0.1


class FrameSink:
    """Takes finished frames in order, as `Outputs` does, and holds few of them: the job waits for its reader."""

    def __init__(self) -> None:
        self._frames: queue.Queue[np.ndarray] = queue.Queue(_AHEAD)
        self._gone = threading.Event()

    def __enter__(self) -> FrameSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def wants(self, number: int) -> bool:
        """Nobody is to be shown frame `number` as it was before."""
        return False

    def draws(self, number: int) -> bool:
        """Nobody is to be shown how frame `number` was made."""
        return False

    def show(self, number: int, before: Frame, after: Frame, tiles: Tiles) -> None:
        """See `wants`."""

    def write(self, item: tuple[int, Frame]) -> None:
        """The next frame. Raises CancelledError when its reader has gone."""
        picture = item[1].rgb()
        while True:
            if self._gone.is_set():
                raise CancelledError("nobody reads the frames any more")
            try:
                self._frames.put(picture, timeout=_PATIENCE)
                return
            except queue.Full:
                continue

    def pictures(self, work: Callable[[], object]) -> Iterator[np.ndarray]:
        """The frames, uint8 RGB [H, W, 3], that `work` writes here in a thread of its own; its error is raised."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run, name="frames", daemon=True)
        thread.start()
        try:
            while thread.is_alive() or not self._frames.empty():
                try:
                    yield self._frames.get(timeout=_PATIENCE)
                except queue.Empty:
                    continue
            if failed:
                raise failed[0]
        finally:
            self._gone.set()
            thread.join()
