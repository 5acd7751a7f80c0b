"""Videos and the sounds that are named after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dubtool.jobs.shared.cues import SOUNDS

_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv")


def pairs(
    folder: Path, files: Sequence[Path], named: Callable[[Path], Path]
) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """Rows for every sound beside one of the videos among `files`, and remarks on what stays alone.

    "film.wav" belongs to "film.mp4", and so does "film.fr.wav" where there is no "film.fr.mp4": one video in many
    languages. The result is named after the sound, as `named` says.
    """
    videos = [file for file in files if file.suffix.lower() in _VIDEOS and file.is_file()]
    known: dict[Path, Path] = {}
    notes = []
    for video in videos:
        other = known.setdefault(video.with_suffix(""), video)
        if other is not video:
            notes.append(f"{video.name} is passed over: {other.name} has the same name")
    rows: list[tuple[str, dict[str, Any]]] = []
    used: set[Path] = set()
    for parent in sorted({video.parent for video in videos}):
        for sound in sorted(parent.iterdir()):
            if sound.suffix.lower() not in SOUNDS or not sound.is_file():
                continue
            stem = sound.with_suffix("")
            owner = known.get(stem) or known.get(stem.with_suffix(""))
            if owner is None:
                continue
            used.add(owner)
            output = named(sound)
            name = str(sound.relative_to(folder)) if sound.is_relative_to(folder) else str(sound)
            rows.append((name, {"video": owner, "speech": sound, "output": output}))
    alone = [video.name for video in known.values() if video not in used and ".dubbed" not in video.stem]
    notes += [f"{name} is passed over: no sound is named after it" for name in alone]
    return rows, notes
