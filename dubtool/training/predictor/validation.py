"""Validation numbers of a shape predictor on people it never hears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dubtool.face.shape import ShapeModel
from dubtool.networks.shape_predictor import ShapePredictor
from dubtool.training.core.encoder import read_encoder
from dubtool.training.data.sounds import SoundClip
from dubtool.training.predictor.trainer import score
from dubtool.weights.locate import find

_NAMES = ("opening", "width", "chin", "gain")


def validate_predictor(net: ShapePredictor, people: Sequence[SoundClip], model: ShapeModel) -> dict[str, float]:
    """Medians over clips of what `score` finds. net: on the CPU."""
    encoder = read_encoder(find("whisper"))
    found = [score(net, encoder, clip, model) for clip in people]
    return {name: float(np.median([getattr(each, name) for each in found])) for name in _NAMES}
