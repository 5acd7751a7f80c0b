"""The face of every video, followed once and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import OutputError
from dubtool.face.picture import RgbPicture
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo, probe
from dubtool.tracking.cache import load_tracks, save_tracks
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.tracking.track import FaceTrack, Tracker, Tracks

# Fewer frames teach nothing: a target needs five references away from it.
LEAST_FRAMES = 20
_LEAST_SHARE = 0.8


@dataclass(frozen=True)
class TrackedClip:
    """A video and its faces. times: float64 [frames], seconds from the first frame. pixel_aspect: of an upright pixel,
    width over height. sound_offset: seconds from the sound's start to the first frame."""

    info: MediaInfo
    tracks: Tracks
    times: np.ndarray
    pixel_aspect: float
    sound_offset: float

    @property
    def face(self) -> FaceTrack:
        """The face that is seen most."""
        return self.tracks.faces[0]

    @property
    def seconds(self) -> float:
        """How long the face is seen."""
        rows = self.face.frames
        return float(self.times[rows[-1]] - self.times[rows[0]])

    def unfit(self) -> str:
        """Why nothing can be learned from it, or ""."""
        if not self.tracks.faces:
            return "no face was found"
        if self.tracks.cuts:
            return f"a cut is inside, at frame {self.tracks.cuts[0]}"
        seen, total = len(self.face.frames), self.tracks.frame_count
        if seen < max(LEAST_FRAMES, _LEAST_SHARE * total):
            return f"the face is seen in {seen} of {total} frames"
        return ""


def track_clip(
    path: Path, store: Path, detector: FaceDetector, landmarker: FaceLandmarker, progress: Callable[[], None]
) -> TrackedClip:
    """The faces of a video, from `store` if they are kept there; `progress` is called for every frame looked at.

    Raises:
        InputError: the video cannot be read. OutputError: the tracks cannot be kept.
    """
    info = probe(path)
    video = info.require_video()
    known = load_tracks(store)
    if known is None:
        tracker, times, durations = Tracker(detector, landmarker), [], []
        reader = VideoReader(info, threads=1)
        for frame in reader:
            tracker.feed(RgbPicture(frame.rgb()))
            times.append(frame.time)
            durations.append(frame.duration)
            progress()
        known = tracker.finish(), times, durations, reader.decode_failures
        save_tracks(store, *known)
        if not store.exists():
            raise OutputError(f"{store}: cannot be written; is the disk full?")
    seconds = np.array([float(time) for time in known[1]])
    return TrackedClip(info, known[0], seconds, float(video.pixel_aspect), float(video.start))
