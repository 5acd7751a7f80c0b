"""The examples of docs/api.md run as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_example_runs(number: int, place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(clip, place / "film.mp4")
    for name in ("french", "german"):
        shutil.copy(speech, place / f"{name}.wav")
    monkeypatch.chdir(place)
    exec(compile(EXAMPLES[number], f"{PAGE.name}, example {number + 1}", "exec"), {})
