"""A film of two people, and what they are to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from dubbing_place import Cut

FRAMES, SIDE = 15, 192
TWO = f"crop=400:400:120:110,scale={SIDE}:{SIDE},split[a][b];[b]hflip,setpts=PTS-STARTPTS[m];[a][m]hstack"
TAKEN = ("-ss", 2, "-frames:v", FRAMES, "-an", "-preset", "ultrafast", "-crf", 14, "-vf")


@pytest.fixture(scope="session")
def film(cut: Cut) -> Path:
    """0.6 s of somebody beside her mirror image."""
    return cut("two.mp4", *TAKEN, TWO)


@pytest.fixture(scope="session")
def left(cut: Cut) -> Path:
    """What one of them says, as long."""
    return cut("left.wav", "-ss", 0.3, "-t", 0.6, "-ar", 16000, source="speech.wav")
