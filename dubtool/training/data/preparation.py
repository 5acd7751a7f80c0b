"""What preparations of a corpus share: the folders of `out`, and the way of every video to one file or folder there."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from dubtool.errors import InputError, OutputError
from dubtool.tracking.detect import FaceDetector
from dubtool.tracking.landmarks import FaceLandmarker
from dubtool.training.data.corpus import Recording, read_corpus, validation_people
from dubtool.training.data.tracking import TrackedClip, track_clip
from dubtool.weights.locate import find

CLIPS = "clips"
TRACKS = "tracks"

Progress = Callable[[str, float, float | None], None]
# (video, person, split "train" or "val", where it goes, landmarker)
Write = Callable[[TrackedClip, str, str, Path, FaceLandmarker], None]


def make_folders(out: Path, kind: str, parts: str) -> None:
    """Make the folders of tracks and of `kind`, and remove those that a killed run left behind, named `parts` at first.

    Raises:
        OutputError: `out` cannot be written.
    """
    try:
        for folder in (TRACKS, kind):
            (out / folder).mkdir(parents=True, exist_ok=True)
        for left in out.glob(f"{parts}*"):
            shutil.rmtree(left)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror})") from error


def prepare_each(
    kind: str,
    suffix: str,
    write: Write,
    corpus: Path,
    out: Path,
    manifest: Path | None = None,
    *,
    validation: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> int:
    """Prepare every video of `corpus` with a fit face into `out`/kind/NAME+suffix, whole or not at all; what is there
    already is kept. Returns how many there are.

    write: makes the file or folder that it is told; nothing where the video does not suit. Tracks are those of
    `prepare`, made where they are missing. Other arguments and errors are its too.
    """
    recordings, parts = read_corpus(corpus, manifest), f".{kind}."
    make_folders(out, kind, parts)
    kept_apart = validation_people(recordings, out, validation)
    usable = sorted((each for each in recordings if not each.unfit), key=_shuffled)
    with (
        FaceLandmarker(find("face_landmarker")) as landmarker,
        tempfile.TemporaryDirectory(prefix=parts, dir=out) as work,
    ):
        detector = FaceDetector(find("yunet"))
        for number, recording in enumerate(usable):
            target = out / kind / f"{recording.name}{suffix}"
            part, store = Path(work) / target.name, out / TRACKS / f"{recording.name}.npz"
            try:
                if not target.exists():
                    tracked_video = track_clip(recording.path, store, detector, landmarker, lambda: None)
                    if not tracked_video.unfit():
                        split = "val" if recording.person in kept_apart else "train"
                        write(tracked_video, recording.person, split, part, landmarker)
                    if part.exists():
                        part.replace(target)
            except InputError:
                pass  # `prepare` tells of videos that cannot be read
            except OSError as error:
                raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
            progress(kind, number + 1, len(usable))
    return sum(1 for _ in (out / kind).glob(f"*{suffix}"))


def _shuffled(recording: Recording) -> bytes:
    """A preparation that is cut short then holds a bit of everybody."""
    return hashlib.sha256(recording.name.encode()).digest()
