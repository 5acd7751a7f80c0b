"""Who is who across shots: films of 30 shots of 3 people each, put together from a corpus, and how people are found.

python benchmarks/people.py CORPUS MANIFEST FILMS [--films 6] [--shots 30] [--people 3]

FILMS is where the films are made and kept. A face's frames are right with the person who has most of a group's frames
(purity), and found again where they are in the group that has most of a person's (completeness); beside the present
way stands that by the form of heads alone.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.folders import temporary_folder
from dubtool.media.arrays import write_pictures
from dubtool.media.ffmpeg import find_ffmpeg, run_ffmpeg
from dubtool.media.probe import probe
from dubtool.tracking.people import Person, people
from dubtool.tracking.person import VideoPeople
from dubtool.tracking.track_video import track_video
from dubtool.training.data.corpus import Recording, read_corpus
from dubtool.weights.locate import find

_SIZE = (320, 240)
_FRAMES = 20
_FPS = 25


def main() -> None:
    parser = argparse.ArgumentParser(description="Who is who across shots, on films put together from a corpus.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("films", type=Path)
    parser.add_argument("--films", type=int, default=6, dest="count")
    parser.add_argument("--shots", type=int, default=30)
    parser.add_argument("--people", type=int, default=3)
    asked = parser.parse_args()
    clips: dict[str, list[Recording]] = defaultdict(list)
    for recording in read_corpus(asked.corpus, asked.manifest):
        if recording.person and not recording.unfit:
            clips[recording.person].append(recording)
    many = sorted(person for person, found in clips.items() if len(found) >= asked.shots // asked.people)
    rows = []
    for seed in range(asked.count):
        rng = np.random.default_rng(seed)
        chosen = [str(name) for name in rng.choice(many, asked.people, replace=False)]
        video, owners = _film(asked.films, seed, {name: clips[name] for name in chosen}, asked.shots, rng)
        info = probe(video)
        tracked = track_video(info)
        everybody = VideoPeople(info, tracked, ShapeModel.load(find("face_shape")))
        by_form = people(tracked.tracks, everybody.form)
        rows.append([*_scores(everybody.persons, owners), *_scores(by_form, owners)])
        told = " ".join(f"{value:.3f}" for value in rows[-1])
        print(f"film {seed} of {', '.join(chosen)}: purity, completeness, people; by form: {told}", flush=True)
    told = " ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
    print(f"mean: {told}; nobody mixed up in {sum(row[0] == row[1] == 1.0 for row in rows)} of {len(rows)}")


def _film(
    folder: Path, seed: int, clips: dict[str, list[Recording]], shots: int, rng: np.random.Generator
) -> tuple[Path, list[str]]:
    """The film, and whose each of its frames is; made where it does not exist yet."""
    video = folder / f"people_{seed}.mp4"
    truth = video.with_suffix(".json")
    if not truth.exists():
        folder.mkdir(parents=True, exist_ok=True)
        order = [name for name in clips for _ in range(shots // len(clips))]
        plan = [(name, clips[name]) for name in rng.permutation(order)]
        used: Counter[str] = Counter()
        shuffled = {name: rng.permutation(len(found)) for name, found in clips.items()}
        owners: list[str] = []

        def pictures() -> Iterator[np.ndarray]:
            for name, found in plan:
                clip = found[shuffled[name][used[name] % len(found)]]
                used[name] += 1
                for picture in _shot(clip.path):
                    owners.append(str(name))
                    yield picture

        with temporary_folder() as held:
            made = write_pictures(held / "pictures.mkv", pictures(), Fraction(_FPS))
            run_ffmpeg(
                [find_ffmpeg().path, "-loglevel", "error", "-y", "-i", str(made), "-pix_fmt", "yuv420p", str(video)],
                timeout=600,
            )
        truth.write_text(json.dumps(owners))
    return video, json.loads(truth.read_text())


def _shot(path: Path) -> Iterator[np.ndarray]:
    """The first frames of a clip, within a picture of the film's size."""
    capture = cv2.VideoCapture(str(path))
    for _ in range(_FRAMES):
        good, image = capture.read()
        if not good:
            return
        scale = min(_SIZE[0] / image.shape[1], _SIZE[1] / image.shape[0])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        canvas = np.zeros((_SIZE[1], _SIZE[0], 3), np.uint8)
        top, left = ((canvas.shape[side] - small.shape[side]) // 2 for side in (0, 1))
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small[..., ::-1]
        yield canvas


def _scores(persons: Sequence[Person], owners: Sequence[str]) -> tuple[float, float, int]:
    """Purity, completeness, and the number of persons."""
    table: dict[str, Counter[int]] = defaultdict(Counter)
    for number, person in enumerate(persons):
        for track in person.tracks:
            table[owners[int(track.frames[len(track.frames) // 2])]][number] += len(track.frames)
    total = sum(sum(found.values()) for found in table.values())
    pure = sum(max(found[number] for found in table.values()) for number in range(len(persons)))
    whole = sum(max(found.values()) for found in table.values())
    return pure / total, whole / total, len(persons)


if __name__ == "__main__":
    main()
