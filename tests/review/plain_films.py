"""Films whose frames tell their number by their red, and the report of a dub of them, without a dub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from dubbing_place import ffmpeg

from dubtool.jobs.shared.course import Course, MouthTold, PersonCourse
from dubtool.jobs.shared.report import Report

# Forward and backward again, as a speech that is longer than its film.
SOURCE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3]
WIDTH, HEIGHT, RATE = 64, 48, 25


def source_red(number: int) -> int:
    return 50 + 15 * number


def dub_red(number: int) -> int:
    return 230 - 11 * number


def film(path: Path, reds: Sequence[int], size: tuple[int, int] = (WIDTH, HEIGHT), sound: Path | None = None) -> Path:
    """A film of plain frames of so much red, all as bright: what red lacks is blue."""
    raw = path.with_suffix(".raw")
    colours = np.array([(red, 128, 255 - red) for red in reds], np.uint8)
    raw.write_bytes(np.repeat(colours[:, None], size[0] * size[1], axis=1).tobytes())
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", str(RATE), "-i", str(raw)]
    heard = [] if sound is None else ["-i", str(sound)]
    coded = ["-pix_fmt", "yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    convert = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-preset", "ultrafast", "-crf", "4"]
    ffmpeg(*shape, *heard, *convert, *coded, path)
    raw.unlink()
    return path


def person_course(face: str, passed: list[tuple[int, int, str]], asked: dict[int, float]) -> PersonCourse:
    """Somebody whose mouth is in the middle of the picture."""
    mouths = {number: MouthTold(each, WIDTH / 2, HEIGHT / 2, 60.0, 5.0, 0.2) for number, each in asked.items()}
    return PersonCourse(face, passed, 100, [2, 7], mouths)


def write_report(dub: Path, film_of: Path, **changes: Any) -> Path:
    """The report that `--sidecar` would have written beside `dub`."""
    times = [number / RATE for number in range(len(SOURCE))]
    passed = [(3, 5, "no face"), (12, 13, "turned <away>")]
    people = [person_course("left", passed, {0: 0.1, 1: 0.2, 2: 0.15, 5: 0.05})]
    course = Course(times, SOURCE, passed, [0, 6, 14], people, {"face": "left", "expression": 1.0, "overrides": []})
    inputs = {"video": str(film_of), "speech": str(dub.with_name('a "b", c.wav'))}
    report = Report("dub", str(dub), inputs, frames=16)
    report.dubbed, report.seconds, report.course = 13, {"track": 1.5, "dub": 3.0}, replace(course, **changes)
    path = dub.with_suffix(".json")
    path.write_text(report.text())
    return path
