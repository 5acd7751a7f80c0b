"""Validation of a G4G on people it never sees: pictures, numbers, and whether the sound alone moves the lips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dubtool.face.crop import CropSize
from dubtool.metrics.quality import psnr, ssim
from dubtool.networks.g4g import G4G
from dubtool.training.core.validation import people_in_turn, write_sheet
from dubtool.training.g4g.data import HeardClip, HeardSample, HeardSampler, collate_heard
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.trainer import hidden_mask
from dubtool.training.generator.validation import laplacian

_FARTHEST_SECONDS = 0.4


def validate_g4g(net: G4G, sampler: HeardSampler, stage: G4GStage, sheet: Path, count: int = 24) -> dict[str, float]:
    """Scores over `count` frames of validation people, and a PNG: asked, made, made from the sound alone, true.

    sampler: without augmentation, rest_share 0. psnr, ssim, sharpness: of the mouth box, medians. heard: with the mouth
    at rest drawn, how much nearer to the true lips the picture comes by the frame's own sound than by that of another
    moment of the clip: difference of the mean errors over the latter, 0 where the sound tells nothing.
    """
    sampler = sampler.seeded(7)
    size = CropSize(stage.mouth)
    net.eval()
    columns, scores, own, other = [], [], [], []
    for heard, row in _moments(sampler, count):
        (asked,) = sampler.sequence(heard, row)
        alone = replace(asked, sample=sampler.at_rest(heard, asked.sample))
        times = heard.times[np.abs(heard.times - heard.times[row]) >= _FARTHEST_SECONDS]
        wrong = replace(alone, mel=heard.mel.window(float(times[len(times) // 2]))) if len(times) else alone
        batch = collate_heard([asked, alone, wrong], stage)
        with torch.no_grad():
            made = net(batch.source, batch.landmarks, batch.reference, batch.mel, hidden_mask(stage))
        pictures = (made.permute(0, 2, 3, 1).numpy() * 255).round().clip(0, 255).astype(np.uint8)
        mouth, true = pictures[0][size.box], asked.sample.crop[size.box]
        scores.append((psnr(mouth, true), ssim(mouth, true), laplacian(mouth) / laplacian(true)))
        errors = ((made - batch.picture).abs() * batch.lips).sum(dim=(1, 2, 3))
        own.append(float(errors[1]))
        other.append(float(errors[2]))
        columns.append(np.concatenate([_shown(asked), *pictures[:2], asked.sample.crop], axis=0))
    write_sheet(sheet, columns, (len(columns) + 1) // 2)
    middle = np.median(np.array(scores), axis=0)
    return {
        "psnr": float(middle[0]),
        "ssim": float(middle[1]),
        "sharpness": float(middle[2]),
        "heard": float(1 - np.sum(own) / np.sum(other)),
    }


def _moments(sampler: HeardSampler, count: int) -> list[tuple[HeardClip, int]]:
    """One frame each of clips of all people in turn."""
    order = people_in_turn(sampler.clips.values(), lambda heard: heard.clip.person, count)
    return [(heard, int(heard.clip.frontal[(turn * 37) % len(heard.clip.frontal)])) for turn, heard in enumerate(order)]


def _shown(asked: HeardSample) -> np.ndarray:
    return np.maximum(asked.sample.crop // 2, asked.sample.drawing.transpose(1, 2, 0))
