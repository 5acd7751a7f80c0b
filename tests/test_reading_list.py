"""The files that CONTRIBUTING.md names to follow a dub by: each leads on, none climbs, and all of them are at work."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from types import FrameType

import pytest
from test_architecture import PACKAGE, REPOSITORY, ours

import dubtool

# From the top of the house to its ground: a file's neighbours stand in its own folder or below.
FLOORS = ("cli", "jobs/dub", "jobs/shared", "tracking", "speech", "models", "face", "media")
LONGEST = 20


def _list() -> list[str]:
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## To follow a dub")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. `(\S+\.py)`", section, re.M)


def test_every_file_is_led_to_from_above_and_none_climbs_back() -> None:
    files = _list()
    assert 0 < len(files) <= LONGEST
    floors = [FLOORS.index(str(Path(file).parent)) for file in files]
    assert floors == sorted(floors)
    for place, file in enumerate(files[1:], 1):
        module = file.removesuffix(".py").replace("/", ".")
        assert any(module in ours(before) for before in files[:place]), f"nothing above leads to {file}"


def test_all_of_them_are_at_work_in_a_dub(
    clip: Path, speech: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def note(frame: FrameType, event: str, given: object) -> None:
        seen.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        dubtool.dub(clip, speech, place / "out.mp4", device="cpu", cache=False)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    idle = [file for file in _list() if str(PACKAGE / file) not in seen and not file.startswith("cli/")]
    assert idle == []
