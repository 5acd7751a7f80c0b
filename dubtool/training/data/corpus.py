"""What there is to learn from: the videos of a folder, who is seen in them, and who is kept for validation."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dubtool.errors import InputError, OutputError

VALIDATION_FILE = "validation.txt"
_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv"}
# One person in ten is kept for validation where nobody says who.
_VALIDATION_SHARE = 0.1
# A manifest also lists what is no video of a person: pictures, voices, outputs of other tools.
_USES = ("sync", "face")


@dataclass(frozen=True)
class Recording:
    """One video.

    use: "sync" if its sound may teach lips, "face" if it may not. unfit: why it is not used at all, or "". validation:
    whether the manifest keeps it for validation.
    """

    name: str
    path: Path
    person: str
    use: str = "sync"
    unfit: str = ""
    validation: bool = False


def read_corpus(corpus: Path, manifest: Path | None) -> list[Recording]:
    """The videos of a folder, by name.

    manifest: a CSV with the columns file and identity, and optionally id, use ("sync", "face"; others are passed over)
    and split ("val"). Files are looked for beside it, in `corpus` and in their folders `files`. Without a manifest
    every video is taken, and is its own person.

    Raises:
        InputError: the folder or the manifest is missing, or holds nothing that can be used.
    """
    if not corpus.is_dir():
        raise InputError(f"{corpus}: no such folder; give the folder with the videos to learn from")
    found = _by_folder(corpus) if manifest is None else _by_manifest(corpus, manifest)
    if not found:
        raise InputError(f"{manifest or corpus}: names no video; give a folder of videos of people who speak")
    return sorted(found, key=lambda recording: recording.name)


def validation_people(recordings: Sequence[Recording], out: Path, chosen: Path | None) -> frozenset[str]:
    """The people who are never trained on; written once to `out`/validation.txt, which then holds for ever.

    chosen: a file with one person a line. Without it the manifest's word counts, and else one person in ten, by a hash
    of the name.

    Raises:
        InputError: `chosen` cannot be read, or differs from what was fixed before.
    """
    fixed = out / VALIDATION_FILE
    wanted = None if chosen is None else _lines(chosen)
    if fixed.exists():
        people = _lines(fixed)
        if wanted is not None and wanted != people:
            raise InputError(f"{fixed}: other people were kept for validation; prepare into another folder")
        return people
    people = wanted if wanted is not None else _by_word_or_hash(recordings)
    try:
        part = fixed.with_suffix(".part")
        part.write_text("".join(f"{person}\n" for person in sorted(people)), encoding="utf-8")
        part.replace(fixed)
    except OSError as error:
        raise OutputError(f"{fixed}: cannot be written ({error.strerror})") from error
    return people


def _by_word_or_hash(recordings: Sequence[Recording]) -> frozenset[str]:
    told = frozenset(recording.person for recording in recordings if recording.validation)
    people = {recording.person for recording in recordings if not recording.unfit}
    if told or len(people) < 2:
        return told
    ranked = sorted(people, key=lambda person: hashlib.sha256(person.encode()).digest())
    return frozenset(ranked[: max(1, round(_VALIDATION_SHARE * len(people)))])


def _lines(path: Path) -> frozenset[str]:
    try:
        return frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; give a text file with one person a line") from error


def _by_folder(corpus: Path) -> list[Recording]:
    paths = [path for path in sorted(corpus.rglob("*")) if path.suffix.lower() in _SUFFIXES and path.is_file()]
    names = ["__".join(path.relative_to(corpus).with_suffix("").parts) for path in paths]
    # a.mp4 and a.mov are two clips.
    names = [
        name if names.count(name) == 1 else f"{name}_{path.suffix[1:].lower()}"
        for name, path in zip(names, paths, strict=True)
    ]
    return [Recording(name, path, name) for name, path in zip(names, paths, strict=True)]


def _by_manifest(corpus: Path, manifest: Path) -> list[Recording]:
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{manifest}: cannot be read; give a CSV with the columns file and identity") from error
    if rows and not {"file", "identity"} <= set(rows[0]):
        raise InputError(f"{manifest}: lacks the column file or identity; see 'dubtool train prepare --help'")
    found: dict[str, Recording] = {}
    for row in rows:
        name, use = row.get("id") or Path(row["file"]).stem, row.get("use") or "sync"
        if Path(name).name != name or name in found:
            raise InputError(f"{manifest}: {name!r} stands there twice, or is no plain name; give every row its own id")
        path = _place(row["file"], manifest.parent, corpus)
        unfit = "" if use in _USES else f"is no video to learn from (use: {use})"
        if not unfit and not path.is_file():
            unfit = "the file is missing"
        person = row["identity"] or name
        found[name] = Recording(name, path, person, use, unfit, row.get("split") == "val")
    return list(found.values())


def _place(file: str, *folders: Path) -> Path:
    places = [folder / middle / file for folder in folders for middle in ("", "files")]
    return next((place for place in places if place.is_file()), places[0])
