"""What was learned of one person, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ONCE, FRAME, FRAME_INT8, CHECKPOINT = "once.onnx", "frame.onnx", "frame_int8.onnx", "checkpoint.pt"
FILES = (ONCE, FRAME, FRAME_INT8, CHECKPOINT)

# What a better LPIPS may cost: SSIM rewards blur.
_SSIM_COST = 0.005


@dataclass(frozen=True)
class Score:
    """Means over the mouth boxes of held-out frames: LPIPS (less is better), SSIM, and sharpness over the source's."""

    lpips: float
    ssim: float
    sharpness: float

    def beats(self, other: Score) -> bool:
        """Whether it looks closer to the truth than `other`, and is not paid for in structure."""
        return self.lpips < other.lpips and self.ssim > other.ssim - _SSIM_COST


@dataclass(frozen=True)
class Painter:
    """The adapted generator. base, adapted: scores on `held_out` frames that were not among the `learned` ones.
    references: source frames of the five pictures it was taught with. steps: of training, in all. sharpen: amount of
    unsharp masking of its pictures."""

    base: Score
    adapted: Score
    learned: int
    held_out: int
    steps: int
    sharpen: float
    references: tuple[int, ...]

    @property
    def used(self) -> bool:
        return self.adapted.beats(self.base)


@dataclass(frozen=True)
class Voice:
    """scale: what predicted shapes are multiplied by; 1 unless `used`. r, lag: how well the opening that is heard
    follows the one that is seen, and by how many frames the sound is late. before, after: how far the range of the
    predicted opening is from the seen one's in held-out halves, as a factor of 1 or more (1 is right). why: it is not
    used, else ""."""

    used: bool
    scale: float = 1.0
    r: float = 0.0
    lag: int = 0
    before: float = 0.0
    after: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Adapted:
    """What is known of one person in one video. minutes: spent on it in all. files: sha256 by name, of the generator
    in `folder`."""

    folder: Path
    minutes: float
    painter: Painter
    voice: Voice
    files: dict[str, str]

    @property
    def weights(self) -> dict[str, str]:
        """sha256 of the adapted graphs, under the names that reports give them."""
        return {f"adapted_{Path(name).stem}": self.files[name] for name in (ONCE, FRAME, FRAME_INT8)}

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for reports."""
        return {
            "minutes": self.minutes,
            "painter": {"used": self.painter.used, **asdict(self.painter)},
            "voice": asdict(self.voice),
        }
