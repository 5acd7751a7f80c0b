"""Validation of a landmark-driven AdaSR: frames of people it never saw, made from another frame of their clip."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from dubtool.engine.session import Session
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import psnr, ssim
from dubtool.networks.adasr_landmarks import LandmarkAdaSR
from dubtool.training.adasr.data import PortraitSampler, collate
from dubtool.training.core.validation import write_sheet
from dubtool.training.data.faces import FaceClip
from dubtool.weights.locate import find

_SHOWN = 12


def validate_portraits(net: LandmarkAdaSR, sampler: PortraitSampler, sheet: Path, count: int = 36) -> dict[str, float]:
    """PSNR, SSIM and LPIPS within the face's box, over `count` clips: of what is made, and (`warp_`) of what is given,
    the source warped by its mesh. Also a PNG: source, warped, made, true, one a column.

    The source is a clip's first frame, the target the one whose landmarks are farthest from it.
    """
    columns: list[np.ndarray] = []
    made_scores: list[tuple[float, float, float]] = []
    warp_scores: list[tuple[float, float, float]] = []
    net.eval()
    for clip in _order(sampler.clips, count):
        away = np.abs(clip.landmarks[:, :, :2] - clip.landmarks[0, :, :2]).mean(axis=(1, 2))
        sample = sampler.sample(clip, 0, int(away.argmax()))
        given = collate([sample])
        with torch.no_grad():
            made, _ = net(
                given.source,
                given.source_points,
                given.source_drawing,
                given.target_points,
                given.target_drawing,
                given.warped,
            )
        picture = _picture(made)
        left, top, right, bottom = sample.face
        box = slice(top, bottom), slice(left, right)
        for scores, found in ((made_scores, picture), (warp_scores, sample.warped)):
            scores.append(_scores(found[box], sample.target[box]))
        if len(columns) < _SHOWN:
            columns.append(np.concatenate([sample.source, sample.warped, picture, sample.target], axis=0))
    write_sheet(sheet, columns, len(columns))
    names = ("psnr", "ssim", "lpips")
    ours = dict(zip(names, np.mean(made_scores, axis=0).tolist(), strict=True))
    return ours | {
        f"warp_{name}": float(value) for name, value in zip(names, np.mean(warp_scores, axis=0), strict=True)
    }


def _order(clips: list[FaceClip], count: int) -> list[FaceClip]:
    """So many clips, of as many people as there are."""
    people: dict[str, list[FaceClip]] = {}
    for clip in clips:
        people.setdefault(clip.person, []).append(clip)
    longest = max(map(len, people.values()), default=0)
    return [group[turn] for turn in range(longest) for group in people.values() if turn < len(group)][:count]


@cache
def _lpips() -> Lpips:
    return Lpips(Session(find("lpips"), "cpu").run)


def _scores(picture: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    return psnr(picture, true), ssim(picture, true), _lpips()(picture, true)


def _picture(made: torch.Tensor) -> np.ndarray:
    return (made[0].permute(1, 2, 0).float().numpy() * 255).round().clip(0, 255).astype(np.uint8)
