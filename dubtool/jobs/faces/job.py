"""`faces`: who is in a film, and on request who speaks when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dubtool.errors import OutputError, UsageError
from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.jobs.faces.sheet import people_sheet
from dubtool.jobs.shared.calls import Cancel, Progress, heeding, video_file
from dubtool.jobs.shared.cast import cast_text
from dubtool.jobs.shared.outputs import beside, checked_output, save_text
from dubtool.jobs.shared.speakers import Speakers, who_speaks
from dubtool.jobs.shared.turns_cast import cast_of_turns
from dubtool.media.encode import save
from dubtool.media.probe import probe
from dubtool.media.spool import spooling
from dubtool.tracking.people import names
from dubtool.tracking.person import VideoPeople
from dubtool.tracking.track_video import TrackedVideo, track_video
from dubtool.weights.locate import find

_SUFFIX = ".faces.png"
# What is written beside the sheet, by the option that asks for it.
_LIST, _TABLE = ".json", ".cast.csv"


@dataclass(frozen=True)
class FoundPerson:
    """Somebody in a film. name: what --face takes. share: of the film's time in which the face is seen, 0..1, and the
    same in seconds; first_seen: seconds. x, y, size: where the face is and how large, px of the upright picture, in the
    median. shots: in how many. speaks: seconds, None where it was not asked."""

    name: str
    share: float
    seconds: float
    first_seen: float
    x: float
    y: float
    size: float
    shots: int
    speaks: float | None = None


@dataclass
class FaceList:
    """The people of a film from left to right. sheet, list_file, cast: the files written; cast, turns and sound_late
    (seconds by which the sound comes after the mouths) only where speakers were asked for."""

    video: str
    people: list[FoundPerson]
    sheet: str
    list_file: str
    cast: str | None = None
    turns: list[dict[str, Any]] = field(default_factory=list)
    sound_late: float | None = None
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as the JSON file has them."""
        return asdict(self)


def faces(
    video: Path | str,
    output: Path | str | None = None,
    *,
    speaking: bool = False,
    speech: Path | str | None = None,
    cache: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> FaceList:
    """List the people of a film: a sheet of pictures (PNG), a list beside it (JSON), and who speaks when (CSV).

    Args:
        video: any video file that ffmpeg reads. output: of the sheet; by default "<video stem>.faces.png" beside it.
        speaking: also decide who speaks when, and write it as a cast beside the sheet. speech: what the cast's rows
            say; by default the film itself, to be replaced.
        cache, overwrite, progress, cancel: as for `dub`.

    Raises:
        UsageError, InputError, NoFaceError, WeightsError, OutputError, CancelledError: one line each says what.
    """
    video = Path(video)
    tell = heeding(progress, cancel)
    written: Mapping[str, object] = {"overwrite": overwrite, "sidecar": True, "speaking": speaking}
    if output is not None and Path(output).suffix.lower() != ".png":
        raise UsageError(f"{output} is no name of a PNG file: the sheet of faces is written as .png")
    inputs = [video, None if speech is None else Path(speech)]
    target = checked_output(video, output, written, inputs, _SUFFIX, film=False)
    if not target.absolute().parent.is_dir():
        raise OutputError(f"{target} cannot be written: name a file in a folder that exists")
    with spooling() as spooled, temporary_folder() as folder:
        info = probe(spooled.path(video_file(video, None, folder)))
        info.require_video()
        tracked_video = track_video(info, use_cache=cache, progress=lambda done, total: tell("track", done, total))
        everybody = VideoPeople(info, tracked_video, ShapeModel.load(find("face_shape")), use_cache=cache)
        told = who_speaks(info, tracked_video, everybody, folder) if speaking else None
        tell("pictures", 0, 1)
        found = _found(tracked_video, everybody, told)
        labels = [_label(one) for one in found]
        picture = people_sheet(info, everybody.persons, labels)
        tell("pictures", 1, 1)
    listed = FaceList(str(video), found, str(target), str(beside(target, _LIST)))
    if told is not None:
        listed.cast = str(beside(target, _TABLE))
        listed.turns = [turn.told() for turn in told.turns]
        listed.sound_late = None if told.late is None else round(told.late, 3)
        listed.warnings += [line for line in [told.warning(video)] if line is not None]
    good, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    if not good:
        raise OutputError(f"{target} cannot be made a picture: name another output")
    save(target, data.tobytes(), overwrite=overwrite)
    save_text(Path(listed.list_file), json.dumps(listed.as_dict(), indent=2), overwrite=overwrite)
    if told is not None and listed.cast is not None:
        cast = cast_of_turns(told.turns, Path(video if speech is None else speech).absolute(), _end(tracked_video))
        save_text(Path(listed.cast), cast_text(cast, Path(listed.cast).parent), overwrite=overwrite)
    return listed


def _end(tracked_video: TrackedVideo) -> Any:
    return tracked_video.times[-1] + tracked_video.durations[-1]


def _found(tracked_video: TrackedVideo, everybody: VideoPeople, told: Speakers | None) -> list[FoundPerson]:
    times = tracked_video.times
    whole = float(_end(tracked_video))
    steps = np.array(
        [*(float(after - before) for before, after in pairwise(times)), float(tracked_video.durations[-1])]
    )
    found = []
    for number, (name, person) in enumerate(zip(names(everybody.persons), everybody.persons, strict=True)):
        seconds = person.screen_time(times)
        anchors = np.concatenate([track.anchors for track in person.tracks])
        x, y, size = (round(float(value), 1) for value in np.median(anchors, axis=0))
        found.append(
            FoundPerson(
                name,
                round(min(seconds / whole, 1.0), 4) if whole > 0 else 1.0,
                round(seconds, 3),
                round(float(times[int(person.tracks[0].frames[0])]), 3),
                x,
                y,
                size,
                len({track.shot for track in person.tracks}),
                None if told is None else round(float(steps[told.speaker == number].sum()), 3),
            )
        )
    return found


def _label(one: FoundPerson) -> str:
    """One line on somebody."""
    minutes, seconds = divmod(one.first_seen, 60)
    says = "" if one.speaks is None else f", speaks {one.speaks:.1f} s"
    return f"{one.name}: {100 * one.share:.0f} % of the film, first at {minutes:.0f}:{seconds:04.1f}{says}"
