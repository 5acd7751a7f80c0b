"""Source and dub in one small video, so that nothing can part them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.preview import side_by_side
from dubtool.media.probe import probe
from dubtool.review.dubbed import Dubbed

WIDTH = 640
_CRF, _PRESET = 24, "veryfast"


class Proxy:
    """An MP4 (H.264) that is being written: source left, dub right, each at most 640 px wide, at the dub's times.

    times, durations: seconds of its frames. width, height: of one of the two pictures.
    """

    def __init__(self, writer: VideoWriter) -> None:
        self._writer = writer
        self.times: list[float] = []
        self.durations: list[float] = []
        self.width = self.height = 0

    def add(self, frame: Frame, after: Frame) -> None:
        """The next frame of the source, and of the dub."""
        pair = side_by_side(frame, after, WIDTH)
        self.times.append(float(after.time))
        self.durations.append(float(after.duration))
        self.width, self.height = pair.width // 2, pair.height
        self._writer.write(pair, after.time, after.duration)


@contextlib.contextmanager
def writing_proxy(dubbed: Dubbed, target: Path, sound: Path | None) -> Iterator[Proxy]:
    """A proxy that is whole when the block ends.

    Raises:
        InputError: the dub cannot be read. OutputError: the proxy cannot be written.
    """
    # Nothing but the picture is of the film: tracks of all kinds would only be in a browser's way.
    bare = replace(probe(dubbed.film).drawn(), audio=(), other_streams=(), chapters=())
    with VideoWriter(target, bare, codec="libx264", crf=_CRF, preset=_PRESET, soundtrack=sound) as writer:
        yield Proxy(writer)
