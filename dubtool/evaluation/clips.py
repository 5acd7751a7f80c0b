"""Which clips are evaluated: files named one by one, or rows of a corpus's manifest."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path

from dubtool.errors import InputError, UsageError

# Lags are counted in these, whatever the rate of the video.
LAG_RATE = 25


@dataclass(frozen=True)
class Clip:
    """One person speaking. identity: who, None if not told. lag: by how many seconds the sound is late. text: the words
    that are said, if they are known."""

    path: Path
    name: str
    identity: str | None = None
    lag: Fraction = Fraction(0)
    text: str | None = None


def clips_from_files(paths: Sequence[Path], lag: float = 0.0) -> list[Clip]:
    """Clips whose sound is `lag` frames (of 1/25 s) late."""
    return [Clip(path, path.stem, None, _seconds(lag)) for path in paths]


def clips_from_manifest(manifest: Path, split: str | None = None, wanted: Sequence[str] = ()) -> list[Clip]:
    """Rows of a CSV with the column `file`, and, as far as it has them, `id`, `identity`, `split`, `use`,
    `sync_lag_frames` (of 1/25 s, above 0 where the sound is late) and `text` (the words that are said).

    split: only rows of it. wanted: ids or patterns (`grid_*`), all rows if empty. Rows whose `use` is not "sync" are
    left out. Files are looked for beside the manifest and in its folder `files`.

    Raises:
        InputError: the manifest cannot be read. UsageError: no row is wanted.
    """
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{manifest} cannot be read as CSV: {getattr(error, 'strerror', None) or error}") from error
    if not rows or not rows[0].get("file"):
        raise InputError(f"{manifest} has no rows with a column 'file'")
    clips = []
    for number, row in enumerate(rows, start=2):
        name = row.get("id") or Path(row["file"]).stem
        if (split and row.get("split") != split) or row.get("use", "sync") != "sync":
            continue
        if wanted and not any(fnmatchcase(name, pattern) for pattern in wanted):
            continue
        try:
            lag = _seconds(float(row.get("sync_lag_frames") or 0))
        except ValueError as error:
            raise InputError(f"{manifest}, line {number}: sync_lag_frames is no number") from error
        path = _placed(manifest.parent, row["file"])
        clips.append(Clip(path, name, row.get("identity") or None, lag, row.get("text") or None))
    if not clips:
        asked = [f"split {split!r}"] * bool(split) + [f"{pattern!r}" for pattern in wanted]
        raise UsageError(f"{manifest} has no clips in sync of {', '.join(asked) or 'any kind'}")
    return clips


def _placed(folder: Path, name: str) -> Path:
    beside = folder / name
    return beside if beside.exists() else folder / "files" / name


def _seconds(frames: float) -> Fraction:
    return Fraction(frames).limit_denominator(1000) / LAG_RATE
