"""The ways of restoring a mouth: a network draws it sharply, or frames give it, of another film of the person or of the
clip itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from dubtool.errors import InputError, NoFaceError
from dubtool.face.blend import Placed
from dubtool.face.shape import ShapeModel
from dubtool.jobs.restore_teeth.from_source import BorrowedMouths
from dubtool.jobs.restore_teeth.same_moment import Footage, look_alike, same_moments
from dubtool.jobs.shared.contact_sheet import work_tiles
from dubtool.jobs.shared.frame_plan import FramePlan, showing
from dubtool.jobs.shared.frame_stream import Batch
from dubtool.jobs.shared.interlacing import progressive
from dubtool.jobs.shared.options import RestoreOptions
from dubtool.jobs.shared.teeth import Teeth
from dubtool.media.decode import VideoReader
from dubtool.media.probe import MediaInfo
from dubtool.trace import span
from dubtool.tracking.person import Chosen, same_person
from dubtool.tracking.track_video import TrackedVideo, track_video

_SHORTEST_SECONDS = 1

CLOSED, AS_FILMED = "mouth closed", "as filmed"

Tiles = Callable[[], Sequence[np.ndarray]]


class Restoring(Protocol):
    """idle: why nothing is to be restored in rows of the motion, "" where something is: object [N]."""

    idle: np.ndarray

    def prepare(self, reader: VideoReader, plans: Sequence[FramePlan]) -> dict[str, Any]:
        """Make ready for the frames of `plans`, by a reader of the video; what the report tells of it."""
        ...

    def restore(self, batch: Batch) -> dict[int, Tiles]:
        """Restore a batch's frames in place: the tiles of those that were changed, by number."""
        ...


class Redrawing:
    """By a network. usable: rows of the motion that the sharpest mouth may be taken from, bool [N]."""

    def __init__(self, teeth: Teeth, usable: np.ndarray) -> None:
        self._teeth, self._usable = teeth, usable
        self.idle = np.where(teeth.shown == 0, CLOSED, "").astype(object)

    def prepare(self, reader: VideoReader, plans: Sequence[FramePlan]) -> dict[str, Any]:
        found = self._teeth.find_reference(reader, self._usable)
        return {} if found is None else {"reference": found}

    def restore(self, batch: Batch) -> dict[int, Tiles]:
        return {number: redrawn.tiles for number, redrawn in self._teeth.restore(batch).items()}


class Borrowing:
    """By the frames of a film of the same person.

    info: of that film. usable: rows of the person's motion in it that may be shown, bool [N]. moments: see
    `same_moments`; None where there are none.
    """

    def __init__(
        self,
        chosen: Chosen,
        info: MediaInfo,
        person: Chosen,
        usable: np.ndarray,
        model: ShapeModel,
        moments: np.ndarray | None = None,
    ) -> None:
        self._info, self._usable = info, usable
        rows = np.full(len(chosen.motion.frames), -1) if moments is None else moments
        self._moments = np.where(rows < 0, -1, person.motion.frames[rows])
        self.mouths = BorrowedMouths(chosen, person, model, rows)
        # Skin and lips are restored, too.
        self.idle = np.full(len(chosen.motion.frames), "", object)

    def prepare(self, reader: VideoReader, plans: Sequence[FramePlan]) -> dict[str, Any]:
        changed = [plan for plan in plans if plan.weight > 0]
        numbers, rows = (np.array([getattr(plan, name) for plan in changed], int) for name in ("number", "row"))
        moments = self._moments[rows]
        self._frames = VideoReader(self._info).frames(moments[moments >= 0].tolist())
        told = self.mouths.prepare(VideoReader(self._info), self._usable, numbers, rows, len(plans))
        return told | {"frames_of_the_same_moment": int((moments >= 0).sum())}

    def restore(self, batch: Batch) -> dict[int, Tiles]:
        done: dict[int, Tiles] = {}
        for plan, frame in batch:
            moment = next(self._frames) if self._moments[plan.row] >= 0 else None
            with span("make mouths"):
                placed = self.mouths.make(frame, plan.number, plan.row, moment)
            if placed is not None:
                with span("blend"):
                    placed.blend(frame, plan.weight, seed=plan.number)
                done[plan.number] = partial(_tiles, placed)
        return done


class BorrowingHere:
    """By the clip's own untouched frames, and by the network where none of them is like the mouth.

    borrowing: whose source is the clip itself. untouched: its rows that stay as they are, bool [N].
    """

    def __init__(self, borrowing: Borrowing, redrawing: Redrawing, untouched: np.ndarray) -> None:
        self._borrowing, self._redrawing = borrowing, redrawing
        self._untouched = untouched
        self.idle = np.where(untouched, AS_FILMED, "").astype(object)

    def prepare(self, reader: VideoReader, plans: Sequence[FramePlan]) -> dict[str, Any]:
        told = self._borrowing.prepare(reader, plans)
        return {"frames_as_filmed": int(self._untouched.sum())} | told

    def restore(self, batch: Batch) -> dict[int, Tiles]:
        # What is borrowed is laid over what is drawn, and hides it as far as it fits.
        drawn = [(plan, frame) for plan, frame in batch if self._borrowing.mouths.unlike(plan.number) > 0]
        done = self._redrawing.restore(drawn) if drawn else {}
        return done | self._borrowing.restore(batch)


class Source:
    """The film that frames are taken from."""

    def __init__(self, info: MediaInfo, options: RestoreOptions, progress: Callable[[float, float | None], None]):
        """Follow the faces in it.

        Raises:
            InputError: it is shorter than a second.
        """
        # Single frames are taken out: both fields of one at once would be two mouths.
        self.info = progressive(info)
        self._stretch, self._use_cache = options.reference_segment, options.cache
        self._followed: TrackedVideo = track_video(self.info, use_cache=options.cache, progress=progress)
        seconds = self._followed.times[-1] + self._followed.durations[-1]
        if seconds < _SHORTEST_SECONDS:
            raise InputError(f"{info.path} lasts {float(seconds):.2g} s: give a source of a second or more")

    def moments(self, person: Chosen, other: Chosen, info: MediaInfo, tracked_video: TrackedVideo) -> np.ndarray | None:
        """Where this film shows the very moments of another, of `info`, in which the person is `other`."""
        here, there = (
            Footage(
                chosen,
                followed.seconds[chosen.motion.frames],
                (of.require_video().upright_width, of.require_video().upright_height),
            )
            for chosen, followed, of in ((other, tracked_video, info), (person, self._followed, self.info))
        )
        found = same_moments(here, there)
        return found if look_alike(here, there, found, (VideoReader(info), VideoReader(self.info))) else None

    def person(self, info: MediaInfo, other: Chosen, model: ShapeModel) -> Chosen:
        """The one that is `other` in the video of `info`. Raises NoFaceError if nobody is."""
        return same_person(self.info, self._followed, info, other, model, use_cache=self._use_cache)

    def usable(self, person: Chosen) -> np.ndarray:
        """Rows of the person's motion whose mouths may be shown: bool [N]. Raises NoFaceError if there are none."""
        found = showing(person) == ""
        if not found.any():
            raise NoFaceError(f"{self.info.path}: the mouth is never to be seen: it is covered, turned away or cut off")
        if self._stretch is not None:
            first, last = self._stretch
            found &= np.array([first <= time < last for time in self._followed.times])[person.motion.frames]
            if not found.any():
                where = f"between {float(first):g} and {float(last):g} s"
                raise NoFaceError(f"{self.info.path}: no mouth is seen {where}, where frames are to come from")
        return found


def _tiles(placed: Placed) -> list[np.ndarray]:
    """Of the contact sheet."""
    pair = placed.pair
    source = np.clip(pair.source, 0, 255).astype(np.uint8)
    return [source, *work_tiles(source, None, pair.made, pair.weight)[1:]]
