"""What `dub --adapt` and `train adapt` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dubtool
from dubtool.cli.console import Console

if TYPE_CHECKING:
    from dubtool.jobs.shared.adapted import Adapted


def adapted_to(
    console: Console,
    video: Path,
    minutes: float,
    *,
    face: str,
    device: str,
    vgg: Path | None = None,
    model: str | None = None,
) -> Adapted:
    """Adapt to the person in a video, or find what is kept of that; says on stderr what it was good for."""
    with console.progress() as tell:
        found = dubtool.adapt(video, minutes, face=face, model=model, device=device, vgg=vgg, progress=tell)
    painter, voice = found.painter, found.voice
    scores = ", ".join(
        f"{name} {getattr(painter.base, field):.3f} -> {getattr(painter.adapted, field):.3f}"
        for name, field in (("LPIPS", "lpips"), ("SSIM", "ssim"), ("sharpness", "sharpness"))
    )
    used = "used" if painter.used else "not used"
    console.note(f"adapted picture, {painter.held_out} held-out frames: {scores}: {used}")
    range_ = f"mouth opens {voice.scale:.2f} times as far: used" if voice.used else f"not used: {voice.why}"
    console.note(f"adapted range: {range_}")
    return found
