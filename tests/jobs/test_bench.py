"""`bench` measures what a dub does: the same person's motion, and the same finish."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dubtool.errors import NoFaceError
from dubtool.face.finish import Finish
from dubtool.face.track import Tracks
from dubtool.jobs import bench as bench_module
from dubtool.jobs.bench import Bench


def test_motion_is_of_the_person_as_a_dub_sees_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide pixels included: the dub's own choice is asked, with the video's facts."""
    asked: list[Any] = []
    stub = SimpleNamespace(feed=lambda frame: None, finish=lambda: Tracks([], 2, ()))
    for name in ("FaceDetector", "MouthCover", "Session", "parser_graph"):
        monkeypatch.setattr(bench_module, name, lambda *_: SimpleNamespace(covered=None))
    monkeypatch.setattr(bench_module, "Tracker", lambda *_: stub)
    monkeypatch.setattr(bench_module, "FramePicture", lambda frame: frame)
    chosen = bench_module.chosen_person
    monkeypatch.setattr(bench_module, "chosen_person", lambda *given: (asked.append(given), chosen(*given))[1])
    held: Any = [SimpleNamespace(time=Fraction(n, 25), duration=Fraction(1, 25)) for n in range(2)]
    info: Any = SimpleNamespace(path="film.mp4")
    with pytest.raises(NoFaceError, match="no face was found in any of its 2 frames"):
        bench_module._track(info, held, Bench(8, 8, frames=2))
    ((seen, followed, face, _),) = asked
    assert seen is info and face == "largest" and followed.times == [Fraction(0), Fraction(1, 25)]


def test_mouths_get_the_finish_of_the_video(monkeypatch: pytest.MonkeyPatch) -> None:
    size = SimpleNamespace(width=4, height=4, box=(slice(0, 2), slice(0, 2)))
    spec: Any = SimpleNamespace(size=size, hidden=None)
    made = np.zeros((2, 2, 2, 3), np.float32)
    generator: Any = SimpleNamespace(spec=spec, set_references=lambda crops: None, generate=lambda *_: made)
    condition = SimpleNamespace(vectors=None, drawings=None, mouths=np.zeros((2, 1, 55, 2)))
    source: Any = SimpleNamespace(at=lambda *_: condition)
    motion: Any = SimpleNamespace(unit=None, frames=np.arange(4))
    monkeypatch.setattr(bench_module, "to_pixels", lambda *_: np.zeros((4, 2, 3)))
    monkeypatch.setattr(bench_module, "_crop", lambda *_: np.zeros((4, 4, 3), np.uint8))
    monkeypatch.setattr(bench_module, "mouth_mask", lambda *_: np.ones((2, 2), np.float32))
    monkeypatch.setattr(bench_module, "match_colour", lambda mouth, *_: mouth)
    events: list[Any] = []
    monkeypatch.setattr(bench_module, "compared", lambda frame, *_: events.append(frame.time) or frame.time)
    monkeypatch.setattr(bench_module, "matching", lambda pairs: Finish(0.5, float(len(list(pairs)))))
    monkeypatch.setattr(bench_module, "paste", lambda *given: events.append(given[-2:]))
    held: Any = [SimpleNamespace(time=n) for n in range(4)]
    bench_module._synthesise(held, motion, source, generator, 2, Bench(8, 8, frames=4))
    assert events == [0, 1, 2, 3, *[(Finish(0.5, 4.0), number) for number in range(4)]]
