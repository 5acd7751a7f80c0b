"""Validation pictures and numbers of a generator on people it never sees."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from dubtool.face.crop import CropSize
from dubtool.metrics.quality import psnr, ssim
from dubtool.networks.dinet import DINet
from dubtool.training.core.validation import people_in_turn, write_sheet
from dubtool.training.data.clips import Sampler
from dubtool.training.generator.data import collate
from dubtool.training.generator.stage import GeneratorStage


def validate(net: DINet, sampler: Sampler, stage: GeneratorStage, sheet: Path, count: int = 24) -> dict[str, float]:
    """PSNR, SSIM and sharpness ratio over `count` frames, one per clip; also a PNG: asked, made, true, one per column.

    sampler: of validation people, without augmentation. References come from the same clip, away from the frame.
    Sharpness: variance of the Laplacian, made over true.
    """
    sampler = sampler.seeded(7)
    size = CropSize(stage.mouth)
    columns, scores = [], []
    net.eval()
    for turn, clip in enumerate(people_in_turn(sampler.clips, lambda clip: clip.person, count)):
        row = int(clip.frontal[(turn * 37) % len(clip.frontal)])
        sample = sampler.sample(clip, row)
        batch = collate([sample], stage, drawing=stage.drawing)
        with torch.no_grad():
            features, alignment = net.encode_reference(batch.reference)
            made = net.generate(batch.source, batch.condition, features, alignment, mouth_only=True)
        picture = (made[0].permute(1, 2, 0).float().numpy() * 255).round().clip(0, 255).astype(np.uint8)
        true = sample.crop[size.box]
        scores.append((psnr(picture, true), ssim(picture, true), laplacian(picture) / laplacian(true)))
        whole = sample.crop.copy()
        whole[size.box] = picture
        asked = np.maximum(sample.crop // 2, sample.drawing.transpose(1, 2, 0))
        columns.append(np.concatenate([asked, whole, sample.crop], axis=0))
    write_sheet(sheet, columns, (len(columns) + 1) // 2)
    means = np.median(np.array(scores), axis=0)
    return {"psnr": float(means[0]), "ssim": float(means[1]), "sharpness": float(means[2])}


def laplacian(picture: np.ndarray) -> float:
    """Variance of the Laplacian of an RGB picture's luma, never 0."""
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var()) + 1e-6
