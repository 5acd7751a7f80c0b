"""Room for frames in memory that two processes share: a frame goes over and back without passing through a pipe."""

from __future__ import annotations

import copy
import mmap
import os
import tempfile
from collections.abc import Sequence

import numpy as np

from dubtool.media.frame import Frame

_NAME = "dubtool"


class SharedFrames:
    """Places for so many frames of one kind each.

    places: how many. frames: in each. sample: a frame like all of them. The memory has no name, so that nothing is left
    of it however its holders end; `descriptor` is the way to it.
    """

    def __init__(self, places: int, frames: int, sample: Frame) -> None:
        self._shapes = [plane.shape for plane in sample.planes]
        self._dtype = sample.planes[0].dtype
        self._frames, self._frame_bytes = frames, sample.nbytes
        self._bytes = places * frames * sample.nbytes
        self.descriptor = _nameless(self._bytes)
        self._memory = mmap.mmap(self.descriptor, self._bytes)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name not in ("descriptor", "_memory")}

    def enter(self, descriptor: int) -> None:
        """Take the memory up in another process, after this object has travelled there."""
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, self._bytes)

    def close(self) -> None:
        os.close(self.descriptor)

    def write(self, place: int, frames: Sequence[Frame]) -> list[Frame]:
        """Copy frames to a place. Returns them without their pictures, as `view` takes them."""
        for number, frame in enumerate(frames):
            for shared, plane in zip(self._planes(place, number), frame.planes, strict=True):
                np.copyto(shared, plane, casting="no")
        return [_bare(frame) for frame in frames]

    def view(self, place: int, bare: Sequence[Frame]) -> list[Frame]:
        """The frames at a place; what changes in them changes there."""
        frames = [copy.copy(frame) for frame in bare]
        for number, frame in enumerate(frames):
            frame.planes = self._planes(place, number)
        return frames

    def read(self, place: int, frames: Sequence[Frame]) -> None:
        """Copy what is at a place over the pictures of `frames`."""
        for number, frame in enumerate(frames):
            for shared, plane in zip(self._planes(place, number), frame.planes, strict=True):
                np.copyto(plane, shared, casting="no")

    def _planes(self, place: int, number: int) -> list[np.ndarray]:
        start = (place * self._frames + number) * self._frame_bytes
        planes = []
        for shape in self._shapes:
            count = int(np.prod(shape))
            planes.append(np.frombuffer(self._memory, self._dtype, count, start).reshape(shape))
            start += count * self._dtype.itemsize
        return planes


def _bare(frame: Frame) -> Frame:
    bare = copy.copy(frame)
    bare.planes = []
    return bare


def _nameless(size: int) -> int:
    """A descriptor of so many bytes."""
    if hasattr(os, "memfd_create"):
        # A container's /dev/shm is often smaller than a few frames.
        descriptor = os.memfd_create(_NAME)
    else:
        with tempfile.TemporaryFile(prefix=f"{_NAME}-") as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
