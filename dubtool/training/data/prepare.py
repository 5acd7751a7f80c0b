"""From a folder of videos to the clips that training reads.

`out` then holds: tracks/NAME.npz, the faces of every video; face_shape.npz, the shape model; validation.txt, the people
who are never trained on; clips/NAME/{crops.npy, meta.npz, states.npz, mel.npz, sound.npz}; and dropped.csv, what was
left out and why. Everything in it is written whole or not at all, so a run that was cut short goes on where it was.
"""

from __future__ import annotations

import csv
import logging
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from dubtool.engine.session import Session
from dubtool.errors import InputError, OutputError
from dubtool.face.shape import ShapeModel
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.training.data.corpus import Recording, read_corpus, validation_people
from dubtool.training.data.mels import MEL_FILE, write_mel
from dubtool.training.data.pack import Look, looks, write_clip
from dubtool.training.data.preparation import CLIPS, TRACKS, Progress, make_folders
from dubtool.training.data.shape_model import shape_model_of
from dubtool.training.data.sounds import SOUND_FILE, write_sound
from dubtool.training.data.sync_check import LAGS, TRUSTED_SECONDS, common_lag, heard_opening, judge, sync_curve
from dubtool.training.data.tracking import TrackedClip, track_clip
from dubtool.training.data.voices import spoken_versions
from dubtool.weights.locate import find

log = logging.getLogger(__name__)

Shape = Literal["shipped", "corpus"]

# A mouth at rest is not seen in every short clip: those of one person share one.
_SHORT_SECONDS = 4.0
_PARTS = ".parts."


@dataclass(frozen=True)
class Dropped:
    """A video that is not used, or (`what` "speech") whose sound is not."""

    name: str
    what: Literal["clip", "speech"]
    reason: str


@dataclass
class Prepared:
    """What a preparation gave: clips by split, how many of them have speech in sync, and what was left out."""

    train: int = 0
    validation: int = 0
    spoken: int = 0
    dropped: list[Dropped] = field(default_factory=list)


def prepare(
    corpus: Path,
    out: Path,
    manifest: Path | None = None,
    *,
    validation: Path | None = None,
    shape: Shape = "shipped",
    device: str = "cpu",
    progress: Progress = lambda stage, done, total: None,
) -> Prepared:
    """Prepare every video of `corpus` into `out`; what is there already is kept.

    manifest, validation: see `corpus.read_corpus` and `corpus.validation_people`. shape: the shipped shape model, which
    the shipped networks understand, or one made of this corpus' training people. device: of the speech encoder.

    Raises:
        InputError: the corpus, the manifest or the list of people cannot be used.
        OutputError: `out` cannot be written. WeightsError: the trackers' files are not usable.
    """
    recordings = read_corpus(corpus, manifest)
    make_folders(out, CLIPS, _PARTS)
    kept_apart = validation_people(recordings, out, validation)
    result = Prepared(dropped=[Dropped(each.name, "clip", each.unfit) for each in recordings if each.unfit])
    tracked_video = _follow_all([each for each in recordings if not each.unfit], out, result, progress)
    model = _shape_model(out, shape, [pair for pair in tracked_video if pair[0].person not in kept_apart])
    with tempfile.TemporaryDirectory(prefix=_PARTS, dir=out) as work:
        packer = _Packer(out, Path(work), model, kept_apart, device)
        done = 0
        for group in _groups(tracked_video):
            try:
                packer.pack(group, result)
            except OSError as error:
                raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from error
            done += len(group)
            progress("clips", done, len(tracked_video))
    _write_dropped(out / "dropped.csv", result.dropped)
    return result


def _follow_all(
    recordings: Sequence[Recording], out: Path, result: Prepared, progress: Progress
) -> list[tuple[Recording, TrackedClip]]:
    found: list[tuple[Recording, TrackedClip]] = []
    with FaceLandmarker(find("face_landmarker")) as landmarker:
        detector = FaceDetector(find("yunet"))
        for number, recording in enumerate(recordings):
            store = out / TRACKS / f"{recording.name}.npz"

            def tell(number: int = number) -> None:
                progress("faces", number, len(recordings))

            try:
                tracked_video = track_clip(recording.path, store, detector, landmarker, tell)
            except InputError as error:
                result.dropped.append(Dropped(recording.name, "clip", f"cannot be read: {error}"))
                continue
            if reason := tracked_video.unfit():
                result.dropped.append(Dropped(recording.name, "clip", reason))
            else:
                found.append((recording, tracked_video))
            progress("faces", number + 1, len(recordings))
    return found


def _shape_model(out: Path, shape: Shape, train: Iterable[tuple[Recording, TrackedClip]]) -> ShapeModel:
    """The shape model of `out`, made or copied on the first run: all clips hang on it."""
    path = out / "face_shape.npz"
    if not path.exists():
        part = out / ".face_shape.part.npz"
        if shape == "shipped":
            shutil.copyfile(find("face_shape"), part)
        else:
            people = defaultdict(list)
            for recording, tracked_video in train:
                people[recording.person].append(tracked_video.face)
            shape_model_of(people.values()).save(part)
        part.replace(path)
    return ShapeModel.load(path)


def _groups(tracked_video: Sequence[tuple[Recording, TrackedClip]]) -> list[list[tuple[Recording, TrackedClip]]]:
    """Clips that are looked at together: the short ones of one person, and every longer one for itself."""
    groups: dict[tuple[str, float, str], list[tuple[Recording, TrackedClip]]] = defaultdict(list)
    for recording, video in tracked_video:
        alone = recording.name if video.seconds >= _SHORT_SECONDS else ""
        groups[recording.person, video.pixel_aspect, alone].append((recording, video))
    return list(groups.values())


class _Packer:
    """Writes groups of clips, with one session of each network for all of them."""

    def __init__(self, out: Path, parts: Path, model: ShapeModel, kept_apart: frozenset[str], device: str) -> None:
        self._out, self._parts, self._model, self._kept_apart = out, parts, model, kept_apart
        self._encoder = Session(find("whisper"), device)
        self._predictor = Session(find("speech_shapes"), device)
        self._shipped_model = ShapeModel.load(find("face_shape"))

    def pack(self, group: Sequence[tuple[Recording, TrackedClip]], result: Prepared) -> None:
        usable = []
        for (recording, _), look in zip(group, looks([each for _, each in group], self._model), strict=True):
            if reason := look.unfit():
                result.dropped.append(Dropped(recording.name, "clip", reason))
            else:
                usable.append((recording, look))
        heard = [self._curve(recording, look) for recording, look in usable]
        short = [
            (curve, look.tracked_video.seconds)
            for (_, look), (curve, _) in zip(usable, heard, strict=True)
            if look.tracked_video.seconds < TRUSTED_SECONDS and np.isfinite(curve).all()
        ]
        usual = common_lag([curve for curve, _ in short], [seconds for _, seconds in short])
        for (recording, look), (curve, silent) in zip(usable, heard, strict=True):
            lag, reason = (0, silent) if silent else judge(curve, look.tracked_video.seconds, usual)
            if reason and recording.use == "sync":
                result.dropped.append(Dropped(recording.name, "speech", reason))
            spoken = recording.use == "sync" and not reason
            self._write(recording, look, curve, lag, spoken=spoken)
            result.spoken += spoken
            result.train += recording.person not in self._kept_apart
            result.validation += recording.person in self._kept_apart

    def _curve(self, recording: Recording, look: Look) -> tuple[np.ndarray, str]:
        """(the clip's sync curve, why there is none or ""); its states are left in its part folder."""
        unknown = np.full(len(LAGS), np.nan)
        if recording.use != "sync":
            return unknown, "its sound may not be used"
        meta = self._out / CLIPS / recording.name / "meta.npz"
        if meta.exists():
            with np.load(meta) as stored:
                curve = stored["sync"]
            return curve, "" if np.isfinite(curve).all() else "no sound that can be used"
        part = self._parts / recording.name
        part.mkdir()
        try:
            states, sound = spoken_versions(
                recording.path,
                recording.name,
                self._encoder,
                self._parts,
                sound_offset=look.tracked_video.sound_offset,
                changed=recording.person not in self._kept_apart,
            )
        except InputError as error:
            log.debug("%s: %s", recording.name, error)
            return unknown, "no sound that can be used"
        np.savez(part / "states.npz", **states)  # type: ignore[arg-type]
        heard = heard_opening(sound, self._predictor, self._shipped_model)
        return sync_curve(heard, float(states["start0"]), look.times, look.opening), ""

    def _write(self, recording: Recording, look: Look, curve: np.ndarray, lag: int, *, spoken: bool) -> None:
        folder, part = self._out / CLIPS / recording.name, self._parts / recording.name
        if not folder.exists():
            if not spoken:
                (part / "states.npz").unlink(missing_ok=True)
            write_clip(
                folder,
                part,
                look,
                self._model,
                person=recording.person,
                split="val" if recording.person in self._kept_apart else "train",
                use="sync" if spoken else "face",
                lag=lag,
                sync=curve,
            )
        # Clips prepared by an older version lack one or the other.
        for file, write in ((MEL_FILE, write_mel), (SOUND_FILE, write_sound)):
            if spoken and not (folder / file).exists():
                write(folder, recording.path, self._parts, sound_offset=look.tracked_video.sound_offset)


def _write_dropped(path: Path, dropped: Sequence[Dropped]) -> None:
    part = path.with_suffix(".part")
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("name", "dropped", "reason"))
            rows.writerows((each.name, each.what, each.reason) for each in sorted(dropped, key=lambda each: each.name))
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
