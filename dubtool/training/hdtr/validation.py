"""Validation pictures and numbers of HDTR-Net on people it never sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dubtool.engine.session import Session
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import psnr, ssim
from dubtool.metrics.sharpness import sharpness_ratio
from dubtool.networks.hdtr import HDTRNet
from dubtool.training.core.validation import means, reached_box, write_sheet
from dubtool.training.hdtr.data import TeethSample
from dubtool.training.hdtr.samplers import open_sampler
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import collate, restored
from dubtool.weights.locate import find

_COUNT = 32
_SEED = 7
_COLUMNS = 8


def validation_samples(data: Path, stage: HdtrStage, count: int = _COUNT) -> list[TeethSample]:
    """Mouths of validation people, each its own reference, the same ones every time.

    Raises:
        InputError: there are no such people, or none sharp enough.
    """
    sampler = open_sampler(data, "val", stage, own=1.0, seed=_SEED)
    return [sampler.seeded(_SEED, number).draw() for number in range(count)]


def blended(sample: TeethSample, made: np.ndarray) -> np.ndarray:
    """The poor mouth with `made` [S, S, 3] in its mask, as at work, uint8."""
    share = sample.mask[..., None]
    return np.rint(sample.poor * (1 - share) + np.clip(made, 0, 255) * share).astype(np.uint8)


def validate_teeth(net: HDTRNet, samples: list[TeethSample], stage: HdtrStage, sheet: Path) -> dict[str, float]:
    """Means over samples of PSNR, SSIM, LPIPS and sharpness (variance of the Laplacian, over the true one's) in the box
    of the mask, and of the first three for the poor mouths as they came; also a PNG: poor, restored, true in a column.
    """
    lpips = Lpips(Session(find("lpips"), "cpu").run)
    net.eval()
    rows, columns = [], []
    for sample in samples:
        with torch.no_grad():
            _, made = restored(net, stage, collate([sample], 0))
        shown = blended(sample, made[0].permute(1, 2, 0).cpu().numpy()[..., ::-1] * 255)
        columns.append(np.concatenate([sample.poor, shown, sample.true]))
        box = reached_box(sample.mask)
        true = sample.true[box]
        row = {"sharpness": sharpness_ratio(shown[box], true)}
        for name, picture in (("", shown[box]), ("_before", sample.poor[box])):
            row[f"psnr{name}"] = min(psnr(picture, true), 60.0)
            row[f"ssim{name}"] = ssim(picture, true)
            row[f"lpips{name}"] = lpips(picture, true)
        rows.append(row)
    write_sheet(sheet, columns, _COLUMNS)
    return means(rows)
