"""What the commands that write films have in common: their options, and what of them reaches the job."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from dubtool.jobs.shared.report import Report

WORDS = (
    "-o out.mov --face left --from 1 --to 2 --device cpu --precision fp32 --batch-size 7 --codec libx265 --crf 20 "
    "--lossless --overwrite --preview --debug --sidecar --no-cache --quiet --container mkv --rate 23.976 --sign c.pem "
    "--key k.pem --trace t.json "
)
REACHING = {
    "face": "left",
    "start": 1,
    "stop": 2,
    "device": "cpu",
    "precision": "fp32",
    "batch_size": 7,
    "codec": "libx265",
    "container": "mkv",
    "like_source": False,
    "frame_rate": Fraction(24000, 1001),
    "sign": Path("c.pem"),
    "key": Path("k.pem"),
    "trace": Path("t.json"),
    "crf": 20,
    "preset": "fast",
    "lossless": True,
    "overwrite": True,
    "preview": True,
    "sheet": True,
    "sidecar": True,
    "cache": False,
}


def noted(monkeypatch: pytest.MonkeyPatch, job: str, function: str) -> dict[str, object]:
    """What a job is given from now on, which is not done: its files, as "arguments", its options and all else."""
    got: dict[str, object] = {}

    def note(*arguments: object, **more: object) -> Report:
        *files, options = arguments
        got.update(vars(options), arguments=tuple(files), **more)
        return Report(job, "out.mp4", {})

    monkeypatch.setattr(f"dubtool.jobs.{function}", note)
    return got
