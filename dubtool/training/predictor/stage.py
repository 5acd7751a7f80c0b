"""The settings of the shape predictor's training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PredictorStage:
    """members: networks whose mean counts; they learn from the same windows, with chances of their own. hidden,
    dilations, mel_channels, input_dropout, mel_dropout, dropout: the networks'. window: steps of 1/50 s.

    correlation, looks, speed: weights, beside the L1 of the coefficients, of one minus the correlation, of the L1 of
    opening, width and chin, and of the L1 of the coefficients' steps. stretch: steps that a correlation is taken over,
    a divisor of `window`. balance: exponent by which a person's share grows with their minutes. silence: share of
    windows in which nobody speaks and the mouth rests. average: how much of the weights' running average a step keeps.
    gain: what the shapes are multiplied by at work, since a network that is punished for every wrong guess moves less
    than people do. closing: lips that come so near at work are made to meet (`speech.shapes.Closing`), in distances of
    the outer eye corners."""

    network: ClassVar[str] = "predictor"
    members: int = 2
    hidden: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    mel_channels: int = 96
    input_dropout: float = 0.6
    mel_dropout: float = 0.2
    dropout: float = 0.5
    steps: int = 1000
    batch: int = 32
    window: int = 300
    learning_rate: float = 2e-3
    weight_decay: float = 0.3
    correlation: float = 1.0
    looks: float = 1.0
    speed: float = 1.0
    stretch: int = 75
    balance: float = 0.5
    silence: float = 0.06
    average: float = 0.995
    gain: float = 1.2
    closing: float = 0.015
    seed: int = 0
