"""Which material a stage of HDTR-Net learns from."""

from __future__ import annotations

from pathlib import Path

from dubtool.errors import InputError
from dubtool.training.data.clips import load_clips
from dubtool.training.data.cutouts import CUTOUTS, load_cutouts
from dubtool.training.data.preparation import CLIPS
from dubtool.training.hdtr.data import TeethSampler
from dubtool.training.hdtr.lower_face import LowerFaceSampler
from dubtool.training.hdtr.stage import HdtrStage


def open_sampler(data: Path, split: str, stage: HdtrStage, own: float, seed: int) -> TeethSampler | LowerFaceSampler:
    """What draws samples of the people of a split ("train" or "val") out of the folder of prepared material.

    own: how often a frame is its own reference.

    Raises:
        InputError: there is nobody of whom the stage could learn.
    """
    if stage.lower_face:
        return LowerFaceSampler(load_cutouts(data / CUTOUTS, split, stage.least_radius), stage, own, seed)
    found = load_clips(data / CLIPS, split, min_natural=stage.min_natural)
    if not found:
        raise InputError(
            f"{data / CLIPS}: holds no clip with a mouth of {stage.min_natural:g} px; run 'dubtool train prepare'"
        )
    return TeethSampler(found, stage.side, own, seed, stage.min_sharpness)
