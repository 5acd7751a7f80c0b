"""Pass 1: find and follow every face of a video, once; the result is kept under the content's hash."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise

import numpy as np

from dubtool.engine.device import usable_threads
from dubtool.engine.pipeline import prefetched
from dubtool.engine.session import Session
from dubtool.engine.side_by_side import SideBySide
from dubtool.face.picture import Picture
from dubtool.file_lock import alone
from dubtool.media.color import HDR_TRANSFERS
from dubtool.media.decode import VideoReader
from dubtool.media.frame import Frame
from dubtool.media.probe import MediaInfo
from dubtool.trace import span
from dubtool.tracking.cache import content_hash, load_tracks, save_tracks, tracks_file
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.tracking.occlusion import MouthCover, parser_graph
from dubtool.tracking.track import Tracker, Tracks
from dubtool.weights.locate import find, locate

_AHEAD = 8
_DETECTOR, _LANDMARKER, _PARSER = "yunet", "face_landmarker", "face_parsing"
SETTINGS = "yunet-640 landmarker-image cover-6 look-2 ahead v8"

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True)
class TrackedVideo:
    """Tracks of a video with its frames' times and durations in seconds from the first frame."""

    tracks: Tracks
    times: list[Fraction]
    durations: list[Fraction]
    decode_failures: int
    cached: bool

    @property
    def seconds(self) -> np.ndarray:
        """The times as float64 [frames]."""
        return np.array([float(time) for time in self.times])


def track_video(
    info: MediaInfo,
    *,
    use_cache: bool = True,
    threads: int | None = None,
    progress: Progress = lambda done, total: None,
) -> TrackedVideo:
    """Track all faces of `info`'s video.

    Raises:
        InputError: the video holds no decodable frame. WeightsError: the trackers' files are not usable.
    """
    store = tracks_file(info.path, tracked_by(info))
    known = load_tracks(store) if use_cache else None
    with contextlib.ExitStack() as held:
        if use_cache and known is None:
            # Jobs on one video at the same time: the first one looks, the others wait for what it finds. Where the
            # cache cannot be written each looks for itself.
            with contextlib.suppress(OSError):
                store.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(alone(store.with_suffix(".lock")))
            known = load_tracks(store)
        if known is not None:
            return TrackedVideo(*known, True)
        tracked_video = look_for_faces(info, threads, progress)
        if use_cache:
            save_tracks(
                store, tracked_video.tracks, tracked_video.times, tracked_video.durations, tracked_video.decode_failures
            )
    return tracked_video


def tracked_by(info: MediaInfo) -> str:
    """By what a video is tracked, and how it is shown to it: what is kept of tracks belongs to this."""
    return f"{SETTINGS}{_shown_as(info)} {_trackers()}"


def mouth_cover(threads: int | None = None) -> MouthCover:
    """What tells whether something is before a mouth. Raises WeightsError: the parser's file is not usable."""
    return MouthCover(Session(parser_graph(find(_PARSER)), "cpu", threads=threads, steady=True))


def _shown_as(info: MediaInfo) -> str:
    """How the trackers see the pictures, where that is not as they are coded."""
    video = info.require_video()
    ways = {
        "mirrored": video.mirrored,
        video.read_as: video.read_as != "frames",
        "tone": video.color_trc in HDR_TRANSFERS,
    }
    return "".join(f" {way}" for way, taken in ways.items() if taken)


def _trackers() -> str:
    """Which weights the trackers are made of: others may see other faces."""
    told = []
    for name in (_DETECTOR, _LANDMARKER, _PARSER):
        found = locate(name)
        told.append("" if found is None else found[1].sha256 or content_hash(found[0]))
    return " ".join(told)


def look_for_faces(info: MediaInfo, threads: int | None, progress: Progress) -> TrackedVideo:
    reader = VideoReader(info)
    expected, pictures = info.require_video().frame_count, info.require_video().pictures_a_frame
    times, durations = list[Fraction](), list[Fraction]()
    cores = threads or usable_threads()
    # Two frames are looked at, and mouths are judged where there are cores for it: a second thread gains networks this
    # small little.
    each = max(1, cores // 2)
    with FaceLandmarker(find(_LANDMARKER), each) as landmarker, SideBySide(min(cores, 3)) as beside:
        tracker = Tracker(FaceDetector(find(_DETECTOR)), landmarker, mouth_cover(each).covered, beside)
        looked_at = prefetched(map(_looked_at, reader), _AHEAD)
        for picture, coming in pairwise(chain(looked_at, (None,))):
            assert picture is not None
            with span("track a frame"):
                tracker.feed(picture, coming)
            times.append(picture.time)
            # Mostly the same one again.
            durations.append(durations[-1] if durations and durations[-1] == picture.duration else picture.duration)
            progress(len(times) / pictures, expected)
        tracks = tracker.finish()
    progress(len(times) / pictures, len(times) / pictures)
    return TrackedVideo(tracks, times, durations, reader.decode_failures, False)


def _looked_at(frame: Frame) -> FramePicture:
    """A frame for the trackers, with what they always look at first ready: the reader's thread has time for it."""
    picture = FramePicture(frame)
    _ = picture.coarse
    return picture


class FramePicture(Picture):
    """A decoded frame as the trackers look at it; only what they look at is converted to RGB."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.width, self.height = frame.width, frame.height
        self.time, self.duration = frame.time, frame.duration

    def region(self, to_crop: np.ndarray, side: int) -> np.ndarray:
        return self._frame.sampled_rgb(to_crop, side, side)

    def _scaled(self, width: int, height: int) -> np.ndarray:
        stretch = np.array([width / self.width, height / self.height])
        # Edges lie half a pixel beyond the centres, in both.
        return self._frame.sampled_rgb(np.column_stack([np.diag(stretch), (stretch - 1) / 2]), width, height)
