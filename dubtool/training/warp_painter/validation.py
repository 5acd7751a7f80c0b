"""Validation pictures and numbers of the painter over deformed references, on people it never sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dubtool.engine.session import Session
from dubtool.face.shape import ShapeModel
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import psnr
from dubtool.metrics.sharpness import sharpness_ratio
from dubtool.networks.warp_painter import WarpPainter, painted_over
from dubtool.training.core.validation import means, reached_box, write_sheet
from dubtool.training.data.cutouts import CutoutClip
from dubtool.training.warp_painter.data import WarpSample, WarpSampler
from dubtool.training.warp_painter.stage import WarpPainterStage
from dubtool.training.warp_painter.trainer import collate
from dubtool.weights.locate import find

_EACH, _COLUMNS, _GAP = 4, 8, 25


def validation_warps(clips: list[CutoutClip], model: ShapeModel, stage: WarpPainterStage) -> list[WarpSample]:
    """Some frames of every clip, from the references that a dub would choose, the same ones every time.

    Raises:
        InputError: there are no such clips.
    """
    sampler = WarpSampler(clips, model, stage.side, stage.seed)
    samples = []
    for clip in clips:
        gap = min(_GAP, int((clip.frames[-1] - clip.frames[0]) / 3))
        for row in np.linspace(1, len(clip.frames) - 2, _EACH).astype(int).tolist():
            samples.append(sampler.made(clip, row, sampler.nearest(clip, row, gap)))
    return samples


def validate_warps(net: WarpPainter, samples: list[WarpSample], sheet: Path) -> dict[str, float]:
    """Means over samples of PSNR, LPIPS and sharpness (variance of the Laplacian, over the true one's) in the mask's
    box, and of the same for the warps as they came; also a PNG: warped, painted over, true in a column.
    """
    lpips = Lpips(Session(find("lpips"), "cpu").run)
    net.eval()
    rows, columns = [], []
    for sample in samples:
        with torch.no_grad():
            batch = collate([sample])
            made = painted_over(net, batch.given)[0].numpy()
        box = reached_box(sample.mask)
        true, warped, shown = (_blended(sample, each)[box] for each in (sample.true, sample.given[:3], made))
        row = {}
        for name, picture in (("", shown), ("_before", warped)):
            row[f"psnr{name}"] = psnr(picture, true)
            row[f"lpips{name}"] = lpips(picture, true)
            row[f"sharpness{name}"] = sharpness_ratio(picture, true)
        rows.append(row)
        columns.append(np.concatenate([_blended(sample, each) for each in (sample.given[:3], made, sample.true)]))
    write_sheet(sheet, columns, _COLUMNS)
    return means(rows)


def _blended(sample: WarpSample, made: np.ndarray) -> np.ndarray:
    """The frame with `made` [3, S, S] 0..1 in its mask, as at work: uint8 [S, S, 3]."""
    shown = sample.true + sample.mask * (np.clip(made, 0, 1) - sample.true)
    return np.rint(shown.transpose(1, 2, 0) * 255).astype(np.uint8)
