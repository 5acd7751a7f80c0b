"""Learning and measuring `head_form.npz`: who is known again by the form of the head, and who is taken for another.

python benchmarks/identity.py CORPUS MANIFEST DATA [--out head_form.npz]

DATA is a folder of `dubtool train prepare` on that corpus: its tracks are used. The table comes from directions learned
from one half of the people and tried on the other, both ways; the file is learned from all who are not kept for
validation.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from dubtool.tracking.cache import load_tracks
from dubtool.tracking.head_form import likeness
from dubtool.training.data.corpus import read_corpus
from dubtool.training.data.head_form import head_form_of

_CLIPS, _FRAMES = 12, 12
# Pairs of one person's clips, so that those with hundreds do not decide.
_TRIED_CLIPS = 4
_THRESHOLDS = (0.5, 0.55, 0.6, 0.65)

Clips = list[np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description="Telling people apart by the form of their heads.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="write the file learned from the training people here")
    asked = parser.parse_args()
    people: dict[str, Clips] = defaultdict(list)
    validation = set()
    for recording in read_corpus(asked.corpus, asked.manifest):
        points = _points(asked.data / "tracks" / f"{recording.name}.npz")
        if points is not None:
            people[recording.person].append(points)
        if recording.validation:
            validation.add(recording.person)
    people = {person: _some(clips, _CLIPS) for person, clips in people.items()}
    print(f"{len(people)} people, {sum(map(len, people.values()))} clips")
    known, strangers = _held_out(people)
    for threshold in _THRESHOLDS:
        share, wrong = (100 * float((found > threshold).mean()) for found in (known, strangers))
        print(f"likeness above {threshold}: {share:.1f} % of one person's pairs of clips, {wrong:.2f} % of strangers'")
    if asked.out is not None:
        head_form_of([np.concatenate(clips) for name, clips in people.items() if name not in validation]).save(
            asked.out
        )


def _points(store: Path) -> np.ndarray | None:
    """Landmarks [N, P, 3] of some frames of the main face; None if there are too few."""
    stored = load_tracks(store)
    if stored is None or not stored[0].faces or len(stored[0].faces[0].frames) < _FRAMES:
        return None
    face = stored[0].faces[0]
    return face.points(np.linspace(0, len(face.frames) - 1, _FRAMES).astype(int))


def _some(clips: Clips, count: int) -> Clips:
    return [clips[place] for place in np.unique(np.linspace(0, len(clips) - 1, count).astype(int))]


def _held_out(people: dict[str, Clips]) -> tuple[np.ndarray, np.ndarray]:
    """Likenesses of pairs of clips of people not learned from: of one person, and of two."""
    names = np.random.default_rng(1).permutation(sorted(people))
    known, strangers = [], []
    for half in (0, 1):
        form = head_form_of([np.concatenate(people[name]) for name in names[1 - half :: 2]])
        tried = [(name, clip) for name in names[half::2] for clip in _some(people[name], _TRIED_CLIPS)]
        means = np.stack([form.vectors(clip)[0].mean(axis=0) for _, clip in tried])
        owners = np.array([name for name, _ in tried])
        pairs = np.triu_indices(len(tried), 1)
        alike, same = likeness(means[:, None], means[None])[pairs], (owners[:, None] == owners[None])[pairs]
        known.append(alike[same])
        strangers.append(alike[~same])
    return np.concatenate(known), np.concatenate(strangers)


if __name__ == "__main__":
    main()
