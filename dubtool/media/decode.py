"""Frames of a video in presentation order, forward, backward or again from the start, in bounded memory."""

from __future__ import annotations

import itertools
import logging
import math
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from types import TracebackType
from typing import cast

import av
import numpy as np

from dubtool.errors import InputError
from dubtool.media.frame import Frame
from dubtool.media.interlace import Deinterlacer, field_rows
from dubtool.media.pixels import kept_color, nearest_layout, read_planes
from dubtool.media.probe import MediaInfo, decoder_of, open_media
from dubtool.media.timeline import Timeline
from dubtool.trace import spans

log = logging.getLogger(__name__)

# Index of a picture, the picture, and the frame that it is made of.
Shown = tuple[int, av.VideoFrame, av.VideoFrame]

REVERSE_BUDGET = 192 * 2**20
_DEMUX_ERRORS_IN_A_ROW = 16


class VideoReader:
    """Reads the video of `info` as its `read_as` says: fields count as frames, of half a frame's duration each.

    Damaged packets are counted in `decode_failures` and passed over.

    Each iteration opens the file anew, so several may run side by side. What the first pass learns about times and
    keyframes is kept, and lets later ones seek. `reverse_budget` bounds the bytes of frames held to run backward.
    """

    def __init__(self, info: MediaInfo, *, threads: int = 0, reverse_budget: int = REVERSE_BUDGET) -> None:
        self.info = info
        self.video = info.require_video()
        self.layout = nearest_layout(self.video.pixel_format)
        self.color = kept_color(self.video.pixel_format, self.video.color)
        self.decode_failures = 0
        self._threads = threads
        self._reverse_budget = reverse_budget
        self._timeline = Timeline(self.video.time_base, 1 / self.video.average_rate)
        self._counted = False

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __iter__(self) -> Iterator[Frame]:
        return spans("decode", itertools.starmap(self._frame, self._pictures(0)))

    def scan(self) -> list[tuple[Fraction, Fraction]]:
        """(time, duration) of every frame, by decoding without keeping any picture."""
        count = sum(1 for _ in self._pictures(0))
        return [self._stands(index) for index in range(count)]

    def frames(self, plan: Sequence[int]) -> Iterator[Frame]:
        """The frames with these indices, in this order; each is a frame of its own, free to be changed.

        Stretches that run backward are decoded in chunks of at most `reverse_budget` bytes, each from the keyframe
        before it. Raises InputError when the video ends before an index of the plan.
        """
        return spans("decode", self._planned(plan))

    @property
    def frame_bytes(self) -> int:
        """What a decoded frame takes."""
        shapes = self.layout.plane_shapes(self.video.width, self.video.height)
        return sum(math.prod(shape) for shape in shapes) * np.dtype(self.layout.dtype).itemsize

    def _planned(self, plan: Sequence[int]) -> Iterator[Frame]:
        place = 0
        while place < len(plan):
            end = _run_end(plan, place)
            run = plan[place:end]
            yield from self._backward(run) if run[-1] < run[0] else self._forward(run)
            place = end

    def _forward(self, run: Sequence[int]) -> Iterator[Frame]:
        pictures = self._pictures(run[0])
        try:
            for wanted, repeats in itertools.groupby(run):
                frame = next((self._frame(*found) for found in pictures if found[0] == wanted), None)
                if frame is None:
                    raise self._ended(wanted)
                # The consumer may paint on what it gets, so a held picture is handed out as copies.
                for _ in range(sum(1 for _ in repeats) - 1):
                    yield frame.copy()
                yield frame
        finally:
            pictures.close()

    def _backward(self, run: Sequence[int]) -> Iterator[Frame]:
        most = max(1, self._reverse_budget // self.frame_bytes)
        place = 0
        while place < len(run):
            wanted = set(run[place : place + most])
            held: dict[int, Frame] = {}
            pictures = self._pictures(min(wanted))
            try:
                for found in pictures:
                    if found[0] in wanted:
                        held[found[0]] = self._frame(*found)
                    if found[0] >= run[place]:
                        break
            finally:
                pictures.close()
            for number, index in enumerate(run[place : place + most], start=place):
                if index not in held:
                    raise self._ended(index)
                again = number + 1 < min(place + most, len(run)) and run[number + 1] == index
                yield held[index].copy() if again else held.pop(index)
            place += most

    def _ended(self, wanted: int) -> InputError:
        wanted //= self.video.pictures_a_frame
        return InputError(f"{self.info.path} ends after {len(self._timeline)} frames; frame {wanted + 1} was wanted")

    def _frame(self, index: int, picture: av.VideoFrame, coded: av.VideoFrame) -> Frame:
        time, duration = self._stands(index)
        planes = self._planes(picture)
        if self.video.read_as == "fields":
            # A filter that does not know the format has it converted: the field's own rows are to be what they were.
            rows = field_rows(index, self.video.field_order)
            for plane, own in zip(planes, self._planes(coded), strict=True):
                plane[rows] = own[rows]
        return Frame.from_coded(
            planes,
            self.layout,
            self.color,
            rotation=self.video.rotation,
            mirrored=self.video.mirrored,
            field_order=self.video.field_order if self.video.read_as == "frames" else "progressive",
            index=index,
            time=time,
            duration=duration,
        )

    def _planes(self, picture: av.VideoFrame) -> list[np.ndarray]:
        return read_planes(picture, self.layout, self.color, self.video.width, self.video.height)

    def _stands(self, index: int) -> tuple[Fraction, Fraction]:
        """Time and duration of a picture, seconds."""
        of_frame, later = divmod(index, self.video.pictures_a_frame)
        duration = self._timeline.duration(of_frame) / self.video.pictures_a_frame
        return self._timeline.time(of_frame) + later * duration, duration

    def _pictures(self, first: int) -> Generator[Shown, None, None]:
        """Pictures from index `first` on, each handed out once the next one's time is known."""
        held: Shown | None = None
        if self.video.read_as == "frames":
            pictures = ((index, picture, picture) for index, picture in self._numbered(first))
        else:
            # A deinterlacer looks at the picture before, too.
            pictures = self._progressive(max(first // self.video.pictures_a_frame - 1, 0))
        for found in itertools.dropwhile(lambda found: found[0] < first, pictures):
            if held is not None:
                yield held
            held = found
        if held is not None:
            yield held

    def _progressive(self, first: int) -> Generator[Shown, None, None]:
        """Deinterlaced pictures of the frames from index `first` on."""
        each = self.video.pictures_a_frame
        waiting: deque[tuple[int, av.VideoFrame]] = deque()
        deinterlacer = Deinterlacer(self.video.field_order, fields=self.video.read_as == "fields")
        for index, coded in itertools.chain(self._numbered(first), [(-1, None)]):
            if coded is not None:
                waiting += ((each * index + later, coded) for later in range(each))
            for made in deinterlacer(coded):
                number, shown = waiting.popleft()
                yield number, made, shown

    def _numbered(self, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Pictures with their indices from `first` on, without a gap.

        A seek may land late, or on a keyframe that does not decode cleanly; an index that fails to turn up is looked
        for again from an earlier keyframe, and at last from the start of the file.
        """
        expected = first
        for restart in self._timeline.restarts(first):
            lost = False
            for index, picture in self._decode(restart):
                if index > expected:
                    lost = True
                    break
                if index == expected:
                    expected += 1
                    yield index, picture
            if not lost and expected >= len(self._timeline):
                return
            log.debug("%s: frame %d not reached from %s", self.info.path, expected, restart)

    def _decode(self, restart: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decoded pictures from a seek point, with their indices; frames seen for the first time are noted."""
        timeline = self._timeline
        with open_media(self.info.path) as container:
            stream = cast(av.VideoStream, container.streams[self.video.index])
            if restart is not None:
                container.seek(restart, stream=stream)
            count, before = 0, -1
            for picture, key in self._decoded(container, stream, count_failures=restart is None and not self._counted):
                stamp = picture.pts if picture.pts is not None else picture.dts
                index = count if restart is None else timeline.find(stamp)
                if index is None or index <= before:
                    continue
                if index == len(timeline) and (restart is None or before == index - 1):
                    timeline.append(stamp, key=key and not picture.is_corrupt, duration=picture.duration)
                count, before = count + 1, index
                yield index, picture
            self._counted = self._counted or restart is None

    def _decoded(
        self, container: av.container.InputContainer, stream: av.VideoStream, *, count_failures: bool
    ) -> Iterator[tuple[av.VideoFrame, bool]]:
        """Pictures, and whether each can be decoded without those before it."""
        decoder = decoder_of(stream)
        decoder.thread_type = "AUTO"
        decoder.thread_count = self._threads
        # A decoder that is not the stream's own leaves its pictures' times and kinds to the packets.
        foreign = decoder is not stream.codec_context
        in_a_row = 0
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError as error:
                log.debug("%s: reading: %s", self.info.path, error)
                self.decode_failures += count_failures
                in_a_row += 1
                if in_a_row >= _DEMUX_ERRORS_IN_A_ROW:
                    pictures = self._of_packet(decoder, None, count_failures=count_failures)
                    yield from ((picture, picture.key_frame) for picture in pictures)
                    return
                packets = container.demux(stream)
                continue
            in_a_row = 0
            for picture in self._of_packet(decoder, packet, count_failures=count_failures):
                yield picture, packet.is_keyframe if foreign else picture.key_frame

    def _of_packet(
        self, decoder: av.VideoCodecContext, packet: av.Packet | None, *, count_failures: bool
    ) -> list[av.VideoFrame]:
        """The pictures that a packet completes; None for those that the decoder still holds. None of a damaged one."""
        try:
            return decoder.decode(packet)
        except av.error.FFmpegError as error:
            log.debug("%s: decoding: %s", self.info.path, error)
            self.decode_failures += count_failures
            return []


def scan_times(info: MediaInfo) -> list[tuple[Fraction, Fraction]]:
    """(time, duration) in seconds of every frame of the video, in presentation order."""
    return VideoReader(info).scan()


def _run_end(plan: Sequence[int], start: int) -> int:
    """Where the stretch that runs one way from `start` ends (exclusive); standing still belongs to either way."""
    direction = 0
    for place in range(start + 1, len(plan)):
        step = plan[place] - plan[place - 1]
        if step and direction and (step > 0) != (direction > 0):
            return place
        direction = direction or step
    return len(plan)
