"""Where a job's frames go, whatever it is: files, fields woven into frames, or a reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol

import numpy as np

from dubtool.media.frame import Frame

# Makes the contact sheet's tiles of one frame.
Tiles = Callable[[], Sequence[np.ndarray]]


class FrameOutput(Protocol):
    """Takes finished frames in order, within a `with` block."""

    def __enter__(self) -> FrameOutput: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def wants(self, number: int) -> bool:
        """Whether `show` needs frame `number` as it was before."""
        ...

    def draws(self, number: int) -> bool:
        """Whether `show` will call for the tiles of frame `number`."""
        ...

    def show(self, number: int, before: Frame, after: Frame, tiles: Tiles) -> None:
        """A changed frame that is wanted, with what led to it; it is still to be written."""
        ...

    def write(self, item: tuple[int, Frame]) -> None:
        """The next frame."""
        ...
