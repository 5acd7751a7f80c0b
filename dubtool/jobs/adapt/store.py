"""What was learned of a person, kept in the cache beside the tracks of their video."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from dubtool.errors import OutputError, WeightsError
from dubtool.file_lock import alone
from dubtool.folders import cache_folder
from dubtool.jobs.shared.adapted import CHECKPOINT, FILES, Adapted, Painter, Score, Voice
from dubtool.tracking.cache import content_hash
from dubtool.weights.locate import digests
from dubtool.weights.verify import sha256_of

log = logging.getLogger(__name__)

# Raise it when the meaning of what is stored changes: older records are then ignored.
_FORMAT = 1
_RECORD = "record.json"
_PARTS = ".part."


def place_of(video: Path, face: str, weights: Sequence[str]) -> Path:
    """The folder for what is learned of the face that the option `face` chooses in `video`, from these base weights.

    Raises:
        InputError: the video cannot be read.
    """
    base = " ".join(f"{name}={digest}" for name, digest in sorted(digests(weights).items()))
    key = f"{_FORMAT} {content_hash(video)} {face} {base}"
    return cache_folder() / "adapted" / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def read(place: Path) -> Adapted | None:
    """What is kept in the folder; None if there is nothing, or not all of it is as it was written."""
    try:
        stored = json.loads((place / _RECORD).read_text(encoding="utf-8"))
        painter = stored["painter"]
        painter |= {name: Score(**painter[name]) for name in ("base", "adapted")}
        painter["references"] = tuple(painter["references"])
        folder, files = place / stored["folder"], dict(stored["files"])
        damaged = [name for name in FILES if sha256_of(folder / name) != files[name]]
        if damaged:
            raise ValueError(f"{', '.join(damaged)} changed")
        return Adapted(
            folder,
            float(stored["minutes"]),
            Painter(**painter),
            Voice(**stored["voice"]),
            files,
        )
    except FileNotFoundError:
        return None
    # Whatever a damaged record raises: it can be learned again.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, WeightsError) as error:
        log.debug("%s: not used: %s", place, error)
        return None


@contextlib.contextmanager
def writing(place: Path) -> Iterator[Path]:
    """A folder to make files in, for `keep`; gone when the block ends. One process at a time has it.

    Raises:
        OutputError: the cache cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            place.mkdir(parents=True, exist_ok=True)
            held.enter_context(alone(place / ".lock"))
            # What a killed run left behind.
            for left in place.glob(f"{_PARTS}*"):
                shutil.rmtree(left, ignore_errors=True)
            folder = held.enter_context(
                tempfile.TemporaryDirectory(prefix=_PARTS, dir=place, ignore_cleanup_errors=True)
            )
        except OSError as error:
            raise OutputError(f"{place}: what is learned cannot be kept ({error.strerror})") from error
        yield Path(folder)


def keep(place: Path, made: Path, minutes: float, painter: Painter, voice: Voice) -> Adapted:
    """Take over the files in `made`, a folder that `writing` gave, in place of what was kept before: whole, or not at
    all.

    Raises:
        OutputError: the cache cannot be written.
    """
    files = {name: sha256_of(made / name) for name in FILES}
    folder = place / files[CHECKPOINT][:16]
    try:
        folder.mkdir(exist_ok=True)
        for name in FILES:
            (made / name).replace(folder / name)
        record = {
            "folder": folder.name,
            "minutes": minutes,
            "painter": asdict(painter),
            "voice": asdict(voice),
            "files": files,
        }
        part = made / _RECORD
        part.write_text(json.dumps(record, indent=2), encoding="utf-8")
        part.replace(place / _RECORD)
    except OSError as error:
        raise OutputError(f"{place}: what was learned cannot be kept ({error.strerror})") from error
    for other in place.iterdir():
        if other.is_dir() and other != folder and not other.name.startswith(_PARTS):
            shutil.rmtree(other, ignore_errors=True)
    return Adapted(folder, minutes, painter, voice, files)
