"""The person whose mouth a job changes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.media.probe import MediaInfo
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.head_look import dark_rows
from dubtool.tracking.motion import FaceMotion, face_motion
from dubtool.tracking.occlusion import covered_rows
from dubtool.tracking.outside import share_outside
from dubtool.tracking.people import Person, choose, most_alike, people
from dubtool.tracking.track_video import TrackedVideo
from dubtool.weights.locate import find


@dataclass(frozen=True)
class Chosen:
    """Who it is and how they move.

    pixel_aspect: a pixel's width over its height, in the upright picture. outside: float32 [N], share of the mouth that
    lies beyond the frame's border, for each row of the motion. strangers: bool [frames of the video], only
    another person's face is seen, or one that melts into another. dark: bool [N], the face lies in the dark. partly:
    bool [N], enough of the mouth is seen beside what covers it; None where nobody has looked.
    """

    person: Person
    motion: FaceMotion
    pixel_aspect: float
    outside: np.ndarray
    strangers: np.ndarray
    dark: np.ndarray
    partly: np.ndarray | None = None

    @property
    def shots(self) -> np.ndarray:
        """The shot of each row of the motion, int64 [N]."""
        return np.concatenate([np.full(len(track.frames), track.shot) for track in self.person.tracks])


def chosen_person(info: MediaInfo, tracked_video: TrackedVideo, face: str, model: ShapeModel) -> Chosen:
    """The person that the option `face` names.

    Raises:
        NoFaceError: there is nobody, or not this one. UsageError: `face` is not understood. WeightsError: the file that
        tells heads apart is not usable.
    """
    return VideoPeople(info, tracked_video, model).chosen(face)


class VideoPeople:
    """The people of a tracked video, told apart once and each looked at once.

    Raises:
        NoFaceError: there is nobody. WeightsError: as `chosen_person`.
    """

    def __init__(self, info: MediaInfo, tracked_video: TrackedVideo, model: ShapeModel) -> None:
        self._info, self._tracked, self._model = info, tracked_video, model
        self._persons = _persons(info, tracked_video, HeadForm.load(find("head_form")))
        self._known: dict[int, Chosen] = {}

    def chosen(self, face: str) -> Chosen:
        """The person that the option `face` names; the same object for whatever names the same person.

        Raises:
            NoFaceError, UsageError: as `chosen_person`.
        """
        person = choose(self._persons, face, self._tracked.tracks, self._tracked.times)
        if id(person) not in self._known:
            self._known[id(person)] = _chosen(self._info, self._tracked, person, self._model)
        return self._known[id(person)]


def same_person(info: MediaInfo, tracked_video: TrackedVideo, other: Chosen, model: ShapeModel) -> Chosen:
    """The person who in another video is `other`, known by the form of the head.

    Raises:
        NoFaceError: there is nobody, or nobody like that. WeightsError: as `chosen_person`.
    """
    form = HeadForm.load(find("head_form"))
    person = most_alike(_persons(info, tracked_video, form), other.person, form)
    if person is None:
        raise NoFaceError(f"{info.path}: nobody in it is like the person whose mouth is to be restored; see --face")
    return _chosen(info, tracked_video, person, model)


def _persons(info: MediaInfo, tracked_video: TrackedVideo, form: HeadForm) -> list[Person]:
    tracks = tracked_video.tracks
    if not tracks.faces:
        raise NoFaceError(f"{info.path}: no face was found in any of its {tracks.frame_count} frames")
    return people(tracks, form)


def _chosen(info: MediaInfo, tracked_video: TrackedVideo, person: Person, model: ShapeModel) -> Chosen:
    tracks = tracked_video.tracks
    video = info.require_video()
    aspect: Fraction = video.sample_aspect if video.rotation % 180 == 0 else 1 / video.sample_aspect
    covered = np.concatenate([covered_rows(track) for track in person.tracks])
    motion = face_motion(person.tracks, model, covered, pixel_aspect=float(aspect))
    outside = np.concatenate(
        [share_outside(track, video.upright_width, video.upright_height) for track in person.tracks]
    )
    strangers = np.zeros(tracks.frame_count, bool)
    strangers[np.concatenate([track.frames for track in tracks.faces])] = True
    strangers[motion.frames] = False
    dark = np.concatenate([dark_rows(track.looks) for track in person.tracks])
    return Chosen(person, motion, float(aspect), outside, strangers, dark)
