"""Film in fields: the file says interlaced, but both fields of each frame show one moment."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Iterator
from typing import cast

import av
import cv2
import numpy as np

from dubtool.media.interlace import field_rows, gray
from dubtool.media.probe import MediaInfo, VideoInfo, decoder_of, open_media

log = logging.getLogger(__name__)

# Frames that are looked at, in so many places of a long file. Places of a short one would lie behind one keyframe.
_FRAMES, _PLACES, _SHORT_SECONDS = 72, 6, 30
# Levels of 255 by which what moves differs from one frame to the next; less is noise.
_MOVED = 10.0
# A frame's first field is woven with its own second one, with that of the frame before, and with that of the frame
# after. How much more it combs in the better of these two, as a share of the worse: 1 where both lie a frame away, 0
# where one is as near in time as its own. Film came to 0.72 to 1, interlaced video, however compressed, to 0.43 at most
_AS_FAR = 0.6
_FEWEST_PIXELS = 400
# Where more than this share of the picture moves, a cut lies between: that combs with anything.
_CUT = 0.5


def one_moment_a_frame(info: MediaInfo) -> bool:
    """Whether both fields of each frame show the same moment. Where nothing moves that is held for untrue."""
    order = info.require_video().field_order
    first, second = field_rows(0, order), field_rows(1, order)
    more, pixels = np.zeros(2), 0
    for before, frame, after in _triples(info):
        others = (before, after)
        moves = [np.abs(cv2.blur(other[first] - frame[first], (3, 3))) > _MOVED for other in others]
        if max(each.mean() for each in moves) > _CUT:
            continue
        where = np.repeat(moves[0] | moves[1], 2, axis=0)[1 : len(frame) - 1]
        own = _combing(frame)[where].sum()
        more += [_combing(_woven(frame, other, second))[where].sum() - own for other in others]
        pixels += int(where.sum())
    return pixels >= _FEWEST_PIXELS and bool(more.min() > _AS_FAR * more.max())


def _woven(frame: np.ndarray, other: np.ndarray, rows: slice) -> np.ndarray:
    made = frame.copy()
    made[rows] = other[rows]
    return made


def _combing(picture: np.ndarray) -> np.ndarray:
    """How far each row but the outer ones lies from those beside it."""
    return np.abs(2 * picture[1:-1] - picture[:-2] - picture[2:])


def _triples(info: MediaInfo) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Luma of frames that follow each other, float32 [H, W] each, from all over the file."""
    video = info.require_video()
    try:
        with open_media(info.path) as container:
            stream = cast(av.VideoStream, container.streams[video.index])
            start, length = container.start_time or 0, container.duration or 0
            places = _PLACES if length > _SHORT_SECONDS * av.time_base else 1
            for place in range(places):
                if place:
                    container.seek(start + place * length // places)
                window: deque[np.ndarray] = deque(maxlen=3)
                for picture in itertools.islice(_luma(container, stream, video), _FRAMES // places):
                    window.append(picture)
                    if len(window) == 3:
                        yield window[0], window[1], window[2]
    except av.error.FFmpegError as error:
        log.debug("%s: fields: %s", info.path, error)


def _luma(container: av.container.InputContainer, stream: av.VideoStream, video: VideoInfo) -> Iterator[np.ndarray]:
    """Luma of the frames from here on."""
    decoder = decoder_of(stream)
    for packet in container.demux(stream):
        try:
            pictures = decoder.decode(packet)
        except av.error.FFmpegError:
            continue
        for picture in pictures:
            same = (picture.width, picture.height) == (video.width, video.height)
            yield gray(picture if same else picture.reformat(video.width, video.height))
