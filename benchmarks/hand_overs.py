"""Whose face it is, measured on whole tracks: one person's films that are cut, and two persons' that are taken for one.

python benchmarks/hand_overs.py CORPUS MANIFEST DATA [--pairs 1500] [--films 100000]

DATA is a folder of `dubtool train prepare` on that corpus, whose tracks hold looks. What tells heads apart is learned
from one half of the people and tried on the other, both ways. Hand-overs are made of the end of one person's track and
the beginning of another's: cut, or melting into each other over 10 and 20 frames; joins are two tracks of two shots,
by faces as dubs are, and beside that by the form of heads alone.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from dubtool.media.probe import probe
from dubtool.tracking.cache import load_tracks
from dubtool.tracking.head_form import HeadForm
from dubtool.tracking.head_look import look_likeness, mean_look
from dubtool.tracking.identity_changes import part_of
from dubtool.tracking.people import people
from dubtool.tracking.track import FaceTrack, Tracks
from dubtool.tracking.track_vectors import track_vectors
from dubtool.training.data.corpus import read_corpus
from dubtool.training.data.head_form import head_form_of

_CLIPS, _FRAMES = 12, 12
_SHOWN, _LEAST_SHOWN = 50, 28
_FIRST, _LAST = slice(_SHOWN), slice(-_SHOWN, None)
_LENGTHS = (0, 10, 20)
# Looks so much alike are taken before one backdrop.
_ONE_BACKDROP = 0.8


@dataclass(frozen=True)
class _Film:
    name: str
    person: str
    form: HeadForm
    half: int
    track: FaceTrack
    # What the face looks like to the recognizer in the last and in the first frames, float32 [2, 128].
    ends: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description="One person's films cut, and two persons' taken for one.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=1500, help="how many pairs of strangers are tried")
    parser.add_argument("--films", type=int, default=100_000, help="how many films, drawn at random, are taken at most")
    asked = parser.parse_args()
    films = _films(asked.corpus, asked.manifest, asked.data / "tracks", asked.films)
    print(f"{len(films)} films of {len({film.person for film in films})} people")
    cut = [film.name for film in films if _persons(film.track, form=film.form) > 1]
    print(f"one person's films taken for two: {len(cut)} {' '.join(cut)}")
    pairs = [(a, b) for a, b in combinations(films, 2) if a.half == b.half]
    same = [(a, b) for a, b in pairs if a.person == b.person]
    for how, join in (("by faces", _join), ("by form", _join_by_form)):
        print(f"two shots of one person known again, {how}: {_percent([join(a, b) for a, b in same])}")
    strangers = [(a, b) for a, b in pairs if a.person != b.person]
    chosen = np.random.default_rng(3).permutation(len(strangers))[: asked.pairs]
    groups: dict[str, list[tuple[_Film, _Film]]] = defaultdict(list)
    for a, b in (strangers[place] for place in chosen):
        groups["before one backdrop" if _backdrop(a, b) else "elsewhere"].append((a, b))
    for name, some in sorted(groups.items()):
        for how, join in (("by faces", _join), ("by form", _join_by_form)):
            taken = _percent([join(a, b) for a, b in some])
            print(f"{name}: two shots of strangers taken for one person's, {how}: {taken}")
        for length in _LENGTHS:
            missed = [_persons(_handed_over(a.track, b.track, length), form=a.form) < 2 for a, b in some]
            print(f"{name}: hand-overs of {length} frames taken for one person: {_percent(missed)}")


def _films(corpus: Path, manifest: Path, tracks: Path, most: int) -> list[_Film]:
    """Those whose main face was looked at for long enough, with a form learned from the other half of the people."""
    found: dict[str, dict[str, FaceTrack]] = defaultdict(dict)
    paths = {recording.name: recording.path for recording in read_corpus(corpus, manifest)}
    for recording in read_corpus(corpus, manifest):
        stored = load_tracks(tracks / f"{recording.name}.npz")
        if stored is not None and stored[0].faces:
            found[recording.person][recording.name] = stored[0].faces[0]
    names = np.random.default_rng(1).permutation(sorted(found))
    forms = [head_form_of([_points(found[name]) for name in names[half::2]]) for half in (0, 1)]
    usable = [
        (place, name, track)
        for place, person in enumerate(names)
        for name, track in found[person].items()
        if len(track.frames) >= _LEAST_SHOWN
        and _looked_at(track.looks[:_LEAST_SHOWN])
        and _looked_at(track.looks[_LAST])
    ]
    chosen = np.sort(np.random.default_rng(2).permutation(len(usable))[:most])
    films = []
    for place, name, track in (usable[number] for number in chosen):
        form = forms[1 - place % 2]
        ends = track_vectors(probe(paths[name]), [part_of(track, _LAST), part_of(track, _FIRST)], form)
        films.append(_Film(name, str(names[place]), form, place % 2, track, ends))
    return films


def _points(clips: dict[str, FaceTrack]) -> np.ndarray:
    """Landmarks [N, P, 3] of some frames of some clips of a person."""
    names = [sorted(clips)[place] for place in np.unique(np.linspace(0, len(clips) - 1, _CLIPS).astype(int))]
    return np.concatenate(
        [clips[name].points(np.linspace(0, len(clips[name].frames) - 1, _FRAMES).astype(int)) for name in names]
    )


def _persons(*faces: FaceTrack, form: HeadForm, looks: np.ndarray | None = None) -> int:
    """How many persons these tracks, one a shot, are taken for: by `looks` of each, or by the form of heads."""
    shots, start = [], 0
    for number, face in enumerate(faces):
        frames = (np.arange(len(face.frames)) + start).astype(np.int32)
        shots.append(replace(face, frames=frames, shot=number))
        start += len(frames)

    def recognise(tracks: Sequence[FaceTrack]) -> np.ndarray:
        assert looks is not None
        return looks[[track.shot for track in tracks]]

    return len(people(Tracks(shots, start, ()), form, None if looks is None else recognise))


def _join(one: _Film, other: _Film) -> bool:
    """Whether both are taken for one person after a cut."""
    return _persons(*_cut(one, other), form=one.form, looks=np.stack([one.ends[0], other.ends[1]])) == 1


def _join_by_form(one: _Film, other: _Film) -> bool:
    return _persons(*_cut(one, other), form=one.form) == 1


def _cut(one: _Film, other: _Film) -> tuple[FaceTrack, FaceTrack]:
    return part_of(one.track, _LAST), part_of(other.track, _FIRST)


def _backdrop(one: _Film, other: _Film) -> bool:
    looks = look_likeness(*(mean_look(film.track.looks[_FIRST]) for film in (one, other)))
    return looks is not None and looks > _ONE_BACKDROP


def _handed_over(one: FaceTrack, other: FaceTrack, length: int) -> FaceTrack:
    """A track that goes over from one face to another within so many frames."""
    before, after = part_of(one, _LAST), part_of(other, _FIRST)
    parts = [(each.quantised.astype(np.float32), _filled(each.looks)) for each in (before, after)]
    share = np.linspace(0, 1, length + 2)[1:-1].astype(np.float32)
    joined = []
    for a, b in zip(*parts, strict=True):
        weight = share.reshape(-1, *[1] * (a.ndim - 1))
        mixed = (1 - weight) * a[len(a) - length :] + weight * b[:length]
        joined.append(np.rint(np.concatenate([a[: len(a) - length], mixed, b[length:]])))
    points, looks = joined
    looks[1::2] = 0
    anchors = np.tile(np.array([100, 100, 100], np.float32), (len(points), 1))
    return FaceTrack(
        np.arange(len(points), dtype=np.int32), points.astype(np.int16), anchors, 0, looks=looks.astype(np.uint8)
    )


def _looked_at(looks: np.ndarray) -> bool:
    return int((looks > 0).any(axis=(1, 2, 3)).sum()) > 8


def _filled(looks: np.ndarray) -> np.ndarray:
    """Looks of all rows: the nearest that is known."""
    seen = np.flatnonzero((looks > 0).any(axis=(1, 2, 3)))
    return looks[seen[np.abs(seen[None] - np.arange(len(looks))[:, None]).argmin(axis=1)]].astype(np.float32)


def _percent(found: list[bool]) -> str:
    return f"{100 * float(np.mean(found)):.1f} % of {len(found)}" if found else "none tried"


if __name__ == "__main__":
    main()
