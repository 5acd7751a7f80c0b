"""Adapting to a person: what is held out, what is kept, what of it a dub uses. A stub stands in for the teaching."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dubbing_place import Cut

from dubtool.errors import UsageError
from dubtool.jobs.adapt import material
from dubtool.jobs.adapt.holdout import stretches
from dubtool.jobs.adapt.job import adapt
from dubtool.jobs.dub.expression import Expression
from dubtool.jobs.dub.job import dub
from dubtool.jobs.shared.adapted import CHECKPOINT, FILES, FRAME, FRAME_INT8, ONCE, Adapted, Painter, Score
from dubtool.jobs.shared.examples import Examples
from dubtool.weights.locate import find, find_graphs

BETTER = Score(0.01, 0.99, 1.0)


class FineTuner:
    """Hands in the shipped generator as its work, and remembers what it was given."""

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.examples: Examples | None = None

    def teach(self, examples: Examples, references: np.ndarray, until: float, progress: Any) -> int:
        self.examples = examples
        return 7

    def write(self, folder: Path, examples: Examples, references: np.ndarray) -> None:
        once, frame = find_graphs("dinet-small")
        _, small = find_graphs("dinet-small", on_cpu=True)
        for source, name in ((once, ONCE), (frame, FRAME), (small, FRAME_INT8)):
            shutil.copyfile(source, folder / name)
        (folder / CHECKPOINT).write_bytes(b"checkpoint")


class FineTuners:
    def __init__(self, kind: type[FineTuner] = FineTuner) -> None:
        self.kind, self.made = kind, list[FineTuner]()

    def __call__(self, checkpoint: Path, described: Mapping[str, Any], device: str) -> FineTuner:
        self.made.append(self.kind(checkpoint))
        return self.made[-1]


@pytest.fixture
def portrait(place: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> Path:
    """24 frames of the example, silent, which are enough here."""
    monkeypatch.setattr(material, "LEAST_LEARNED", 8)
    monkeypatch.setattr(material, "LEAST_HELD_OUT", 2)
    made = cut("adapt.mp4", "-frames:v", 24, "-an", "-preset", "ultrafast", "-crf", 14)
    return Path(shutil.copy(made, place / "portrait.mp4"))


@pytest.fixture
def cache(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, with the tracks that other tests have found."""
    monkeypatch.setattr("dubtool.jobs.adapt.store.cache_folder", lambda: tmp_path / "own")
    return tmp_path / "own" / "adapted"


def test_what_is_measured_was_not_learned_nor_seen_a_moment_apart() -> None:
    times = np.arange(0, 101, 0.04)
    found = stretches(times, np.ones(len(times), bool))
    assert len(found) == 5
    learned = times[np.concatenate([stretch.learned for stretch in found])]
    held_out = times[np.concatenate([stretch.held_out for stretch in found])]
    assert np.abs(learned[:, None] - held_out).min() >= 0.99
    assert len(held_out) == pytest.approx(0.2 * len(times), rel=0.1)


def test_a_film_is_looked_at_in_few_places() -> None:
    times = np.arange(0, 7200, 0.5)
    rows = np.concatenate([np.union1d(s.learned, s.held_out) for s in stretches(times, np.ones(len(times), bool))])
    assert len(rows) * 0.5 <= 5 * 24.0 + 5
    assert times[rows[-1]] > 5000


def test_neighbouring_shapes_are_a_25th_of_a_second_apart_whatever_the_frame_rate() -> None:
    class Motion:
        frames = np.array([0, 1, 2, 3, 10, 11])
        coefficients = np.array([[0.0], [1.0], [2.0], [3.0], [10.0], [11.0]], np.float32)

    times = Motion.frames / 50
    shapes = material.own_shapes(Motion(), times, np.array([0, 1, 4]), 3)  # type: ignore[arg-type]
    # Beyond the ends of a run of frames its nearest shape stands in: another shot may follow.
    assert shapes[:, 0].tolist() == [[0, 0, 2], [0, 1, 3], [10, 10, 11]]


@pytest.mark.parametrize(
    ("adapted", "beats"),
    [
        (Score(0.06, 0.90, 0.5), True),
        (Score(0.07, 0.95, 1.0), False),
        (Score(0.05, 0.88, 1.0), False),
    ],
)
def test_only_what_looks_better_and_keeps_the_structure_is_used(adapted: Score, beats: bool) -> None:
    assert adapted.beats(Score(0.07, 0.90, 0.5)) is beats


def test_what_was_learned_is_kept_and_gone_on_from(portrait: Path, cache: Path) -> None:
    tutors = FineTuners()
    first = adapt(portrait, 1.0, tutors, device="cpu")
    # The same generator is no better than itself.
    assert first.painter.used is False
    assert first.painter.adapted.lpips == first.painter.base.lpips > 0
    assert first.painter.steps == 7
    assert first.voice.why == "the video has no sound"
    assert tutors.made[0].checkpoint == find("dinet-small_training")
    examples = tutors.made[0].examples
    assert examples is not None and len(examples) == first.painter.learned >= 8

    assert adapt(portrait, 1.0, tutors, device="cpu") == first
    assert len(tutors.made) == 1

    more = adapt(portrait, 2.0, tutors, device="cpu")
    assert tutors.made[1].checkpoint == first.folder / CHECKPOINT
    assert (more.minutes, more.painter.steps) == (2.0, 14)
    (place,) = cache.iterdir()
    assert sorted(path.name for path in place.iterdir()) == sorted([more.folder.name, "record.json"])

    (more.folder / FRAME).write_bytes(b"damaged")
    adapt(portrait, 2.0, tutors, device="cpu")
    assert tutors.made[2].checkpoint == find("dinet-small_training")


def test_an_interrupted_run_leaves_what_was_there(portrait: Path, cache: Path) -> None:
    class Interrupted(FineTuner):
        def write(self, folder: Path, examples: Examples, references: np.ndarray) -> None:
            super().write(folder, examples, references)
            raise KeyboardInterrupt

    kept = adapt(portrait, 1.0, FineTuners(), device="cpu")
    with pytest.raises(KeyboardInterrupt):
        adapt(portrait, 2.0, FineTuners(Interrupted), device="cpu")
    assert adapt(portrait, 1.0, FineTuners(), device="cpu") == kept
    (place,) = cache.iterdir()
    folders = [path for path in place.iterdir() if path.is_dir()]
    assert folders == [kept.folder]
    assert sorted(path.name for path in kept.folder.iterdir()) == sorted(FILES)


def test_too_little_time_is_refused_before_anything_is_done(portrait: Path, cache: Path) -> None:
    with pytest.raises(UsageError, match="too short"):
        adapt(portrait, 0.1, FineTuners())
    assert not cache.exists()


def test_a_dub_uses_what_measured_better_and_says_so(portrait: Path, cache: Path, speech: Path, place: Path) -> None:
    kept = adapt(portrait, 1.0, FineTuners(), device="cpu")

    def run(adapted: Adapted) -> Any:
        return dub(
            portrait, speech, place / "out.mp4", model="dinet-shape", adapted=adapted, device="cpu", overwrite=True
        )

    report = run(kept)
    assert report.details["adapted"]["painter"]["used"] is False
    assert "dinet-shape_once" in report.weights and "adapted_once" not in report.weights

    better = replace(kept, painter=replace(kept.painter, adapted=BETTER, references=(3, 4, 5, 6, 7)))
    report = run(better)
    assert report.details["adapted"]["painter"]["adapted"]["lpips"] == BETTER.lpips
    assert report.weights["adapted_frame_int8"] == kept.files[FRAME_INT8]
    assert "dinet-shape_once" not in report.weights
    assert report.details["references"] == [3, 4, 5, 6, 7]


def test_the_range_of_the_person_scales_the_expression(
    portrait: Path, cache: Path, speech: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dubtool.jobs.dub import references as job

    kept = adapt(portrait, 1.0, FineTuners(), device="cpu")
    seen = []
    real = job.conditioner

    def watched(*arguments: Any, expression: Expression, **more: Any) -> Any:
        seen.append(float(expression.at(np.zeros(1))[0]))
        return real(*arguments, expression=expression, **more)

    monkeypatch.setattr(job, "conditioner", watched)
    wider = replace(kept, voice=replace(kept.voice, used=True, scale=1.25))
    told: dict[str, Any] = {"expression": 0.8, "device": "cpu", "overwrite": True}
    dub(portrait, speech, place / "out.mp4", model="dinet-shape", adapted=wider, **told)
    assert seen == [pytest.approx(1.0)]
    # The default has heard the person's range itself: it does not count twice.
    reaches = [
        dub(portrait, speech, place / "out.mp4", adapted=adapted, **told).details["reach"] for adapted in (wider, None)
    ]
    assert reaches[0] == reaches[1]


def test_other_generators_are_not_adapted(portrait: Path, speech: Path) -> None:
    painter = Painter(BETTER, BETTER, 1, 1, 1, 0.0, ())
    some = Adapted(Path(), 1.0, painter, voice=None, files={})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="only dinet-small and dinet-shape are adapted"):
        dub(portrait, speech, model="dinet", adapted=some)
