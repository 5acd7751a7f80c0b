"""The person whose mouth a job changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import NoFaceError
from dubtool.face.shape import ShapeModel
from dubtool.media.probe import MediaInfo
from dubtool.tracking.face_words import is_word
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.head_look import dark_rows
from dubtool.tracking.motion import FaceMotion, face_motion
from dubtool.tracking.occlusion import covered_rows
from dubtool.tracking.outside import share_outside
from dubtool.tracking.people import Person, choose, listing, names, people
from dubtool.tracking.pictured import face_in_picture, most_like
from dubtool.tracking.recognizer import unit
from dubtool.tracking.track import FaceTrack
from dubtool.tracking.track_vectors import track_vectors
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


def chosen_person(
    info: MediaInfo, tracked_video: TrackedVideo, face: str, model: ShapeModel, *, use_cache: bool = True
) -> Chosen:
    """The person that the option `face` names.

    Raises:
        NoFaceError: there is nobody, or not this one. UsageError: `face` is not understood. InputError: its picture
        cannot be read. WeightsError: the files that tell heads apart are not usable.
    """
    return VideoPeople(info, tracked_video, model, use_cache=use_cache).chosen(face)


def same_person(
    info: MediaInfo,
    tracked_video: TrackedVideo,
    other_info: MediaInfo,
    other: Chosen,
    model: ShapeModel,
    *,
    use_cache: bool = True,
) -> Chosen:
    """The person who in another video, of `other_info`, is `other`, known by the face.

    Raises:
        NoFaceError: there is nobody, or nobody like that. InputError: the other video cannot be read. WeightsError: as
        `chosen_person`.
    """
    everybody = VideoPeople(info, tracked_video, model, use_cache=use_cache)
    (wanted,) = _vectors(other_info, [other.person], everybody.form, use_cache=use_cache)
    number, cosine, same = most_like(wanted, everybody.vectors(everybody.persons))
    if not same:
        near = f"the nearest, {names(everybody.persons)[number]}, is like them by {cosine:.2f} of 1"
        raise NoFaceError(f"{info.path}: nobody in it is the person whose mouth is to be restored ({near}); see --face")
    return everybody.moving(everybody.persons[number])


class VideoPeople:
    """The people of a tracked video, known again across its shots, and each looked at once.

    persons: from left to right; their `names` are what people call them. form: tells heads apart.

    Raises:
        NoFaceError: there is nobody. WeightsError: the files that tell heads apart are not usable.
    """

    def __init__(
        self, info: MediaInfo, tracked_video: TrackedVideo, model: ShapeModel, *, use_cache: bool = True
    ) -> None:
        self._info, self._tracked, self._model, self._use_cache = info, tracked_video, model, use_cache
        self.form = HeadForm.load(find("head_form"))
        tracks = tracked_video.tracks
        if not tracks.faces:
            raise NoFaceError(f"{info.path}: no face was found in any of its {tracks.frame_count} frames")
        self.persons = people(tracks, self.form, self._recognise)
        self._known: dict[int, Chosen] = {}

    def chosen(self, face: str) -> Chosen:
        """The person that the option `face` names; the same object for whatever names the same person.

        Raises:
            NoFaceError, UsageError, InputError: as `chosen_person`.
        """
        tracked = self._tracked
        try:
            person = choose(self.persons, face, tracked.tracks, tracked.times, self._in_picture)
        except NoFaceError as error:
            # What is said of a picture names it already.
            if not is_word(face):
                raise
            raise NoFaceError(f"{self._info.path}: {error}") from error
        return self.moving(person)

    def moving(self, person: Person) -> Chosen:
        """One of the persons, and how they move."""
        if id(person) not in self._known:
            self._known[id(person)] = _chosen(self._info, self._tracked, person, self._model)
        return self._known[id(person)]

    def vectors(self, persons: Sequence[Person]) -> list[np.ndarray]:
        """What each looks like to the recognizer: unit vectors [128], means over tracks weighted by frames."""
        return _vectors(self._info, persons, self.form, use_cache=self._use_cache)

    def _recognise(self, faces: Sequence[FaceTrack]) -> np.ndarray:
        return track_vectors(self._info, faces, self.form, use_cache=self._use_cache)

    def _in_picture(self, path: Path, persons: Sequence[Person]) -> Person:
        number, cosine, same = most_like(face_in_picture(path), self.vectors(persons))
        if not same:
            near = f"the nearest, {names(persons)[number]}, is like it by {cosine:.2f} of 1"
            who = listing(persons, self._tracked.times)
            raise NoFaceError(f"{self._info.path}: nobody in it is the person of {path} ({near}); {who}")
        return persons[number]


def _vectors(info: MediaInfo, persons: Sequence[Person], form: HeadForm, *, use_cache: bool) -> list[np.ndarray]:
    """What each of the persons of a video looks like to the recognizer; see `VideoPeople.vectors`."""
    tracks = [track for person in persons for track in person.tracks]
    found = iter(track_vectors(info, tracks, form, use_cache=use_cache))
    weighted = [[next(found) * len(track.frames) for track in person.tracks] for person in persons]
    return [unit(np.sum(each, axis=0)) for each in weighted]


def _chosen(info: MediaInfo, tracked_video: TrackedVideo, person: Person, model: ShapeModel) -> Chosen:
    tracks = tracked_video.tracks
    video = info.require_video()
    aspect = float(video.pixel_aspect)
    covered = np.concatenate([covered_rows(track) for track in person.tracks])
    motion = face_motion(person.tracks, model, covered, pixel_aspect=aspect)
    outside = np.concatenate(
        [share_outside(track, video.upright_width, video.upright_height) for track in person.tracks]
    )
    strangers = np.zeros(tracks.frame_count, bool)
    strangers[np.concatenate([track.frames for track in tracks.faces])] = True
    strangers[motion.frames] = False
    dark = np.concatenate([dark_rows(track.looks) for track in person.tracks])
    return Chosen(person, motion, aspect, outside, strangers, dark)
