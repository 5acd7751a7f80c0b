"""How well a generator paints a person it is given: held-out frames made again from their own shapes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dubtool.face.blend import match_colour
from dubtool.face.mask import mouth_mask
from dubtool.jobs.shared.adapted import Score
from dubtool.jobs.shared.examples import Examples
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import ssim
from dubtool.metrics.sharpness import sharpness_ratio
from dubtool.models.generator import Generator

_BATCH = 8
_TRIED = 8
_SHARPENING = (0.0, 1 / 3, 2 / 3, 1.0)


def best_sharpening(generator: Generator, references: np.ndarray, examples: Examples, lpips: Lpips) -> float:
    """The amount of unsharp masking that makes the generator's pictures look closest to the true ones, at most its
    own: adapted to one person, it needs less."""
    own = generator.spec
    some = examples[np.linspace(0, len(examples) - 1, min(_TRIED, len(examples))).astype(int)]
    scores = {}
    for amount in (own.sharpen * share for share in _SHARPENING):
        generator.spec = replace(own, sharpen=amount)
        scores[amount] = measure(generator, references, some, lpips).lpips
    generator.spec = own
    return min(scores, key=scores.__getitem__)


def measure(generator: Generator, references: np.ndarray, examples: Examples, lpips: Lpips) -> Score:
    """Score a generator with these references (crops uint8 [5, H, W, 3]); mouths are blended in as a dub does it."""
    spec = generator.spec
    generator.set_references(references)
    scores = []
    for start in range(0, len(examples), _BATCH):
        batch = examples[start : start + _BATCH]
        made = generator.generate(batch.crops, batch.shapes, batch.drawings if spec.drawing else None)
        for mouth, crop, points in zip(made, batch.crops, batch.mouths, strict=True):
            truth = crop[spec.size.box]
            mask = mouth_mask(points[None], spec.size, spec.hidden)
            matched = match_colour(mouth, truth.astype(np.float32), mask)
            blended = truth + mask[..., None] * (np.clip(matched, 0, 255) - truth)
            shown = np.rint(blended).astype(np.uint8)
            scores.append((lpips(shown, truth), ssim(shown, truth), sharpness_ratio(shown, truth)))
    return Score(*(round(float(value), 4) for value in np.nanmean(scores, axis=0)))
