from __future__ import annotations

from pathlib import Path

import pytest
from plain_films import SOURCE, dub_red, film, source_red, write_report


@pytest.fixture
def dubbed_film(place: Path) -> Path:
    """A film like a dub of 16 frames in three shots, with its source and its report beside it."""
    source = film(place / "film.mp4", [source_red(number) for number in range(10)])
    dub = film(place / "film.dubbed.mp4", [dub_red(number) for number in range(len(SOURCE))])
    write_report(dub, source)
    return dub
