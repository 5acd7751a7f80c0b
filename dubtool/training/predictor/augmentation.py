"""Speech as other rooms, microphones and neighbours would have it: sound and log mel changed by chance, in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from dubtool.speech.source import SAMPLE_RATE

# Share of windows that each change is made in.
_ECHO, _NOISE, _BABBLE, _COLOUR, _NARROW, _MASKED = 0.25, 0.65, 0.15, 0.7, 0.2, 0.5
_ECHO_SAMPLES = 8000
# log10 of the power: deviations of the first cosines over the bands, and of the loudness.
_CURVES, _LOUDNESS = (0.35, 0.25, 0.15, 0.1), 0.5
_FLOOR = -10.0


def worsened(sound: Tensor, quiet: Tensor) -> Tensor:
    """Sound [B, S] with echo, noise 6 to 38 dB below the speech, or another window's speech 10 to 24 dB below.

    quiet: bool [B], windows in which nobody speaks; their noise is 48 to 100 dB below full scale.
    """
    count, device, quiet = len(sound), sound.device, quiet[:, None]
    loud = (sound.square().sum(1, keepdim=True) / (sound != 0).sum(1, keepdim=True).clamp(min=1)).sqrt()
    sound = _echoed(sound)
    white = torch.randn_like(sound)
    dull = F.avg_pool1d(white[:, None], 7, 1, 3)[:, 0] * 2.6
    noise = torch.where(_some(count, 0.5, device), white, dull)
    level = torch.where(
        quiet, 10 ** -_uniform(count, 2.4, 5.0, device), loud * 10 ** -_uniform(count, 0.3, 1.9, device)
    )
    sound = sound + noise * level * _some(count, _NOISE, device)
    level = 10 ** -_uniform(count, 0.5, 1.2, device) * (loud / loud.roll(1, 0).clamp(min=1e-4)).clamp(max=10.0)
    return sound + sound.roll(1, 0) * level * (_some(count, _BABBLE, device) & ~quiet & ~quiet.roll(1, 0))


def recoloured(log: Tensor) -> Tensor:
    """log10 of mel power [B, M, T] as another microphone gives it: a smooth curve over the bands, another loudness, at
    times without the highest or with a few bands missing."""
    count, bands, device = len(log), log.shape[1], log.device
    place = torch.linspace(0, 1, bands, device=device)[None]
    curve = torch.zeros(count, bands, device=device)
    for number, deviation in enumerate(_CURVES, 1):
        curve = curve + torch.randn(count, 1, device=device) * deviation * torch.cos(math.pi * number * place)
    top = torch.where(_some(count, _NARROW, device), _uniform(count, 0.72, 1.07, device), torch.inf)
    curve = curve - (place - top).clamp(min=0) * 60
    curve = curve * _some(count, _COLOUR, device) + _LOUDNESS * torch.randn(count, 1, device=device)
    log = (log + curve[..., None]).clamp(min=_FLOOR)
    for _ in range(2):
        first = torch.randint(0, bands, (count, 1), device=device)
        width = torch.randint(0, 12, (count, 1), device=device) * _some(count, _MASKED, device)
        band = torch.arange(bands, device=device)[None]
        log = log.masked_fill(((band >= first) & (band < first + width))[..., None], -4.0)
    return log


def _echoed(sound: Tensor) -> Tensor:
    """Noise that dies away by 60 dB within 0.08 to 0.43 s follows every sample."""
    count, length, device = *sound.shape, sound.device
    time = torch.arange(_ECHO_SAMPLES, device=device) / SAMPLE_RATE
    echo = torch.randn(count, _ECHO_SAMPLES, device=device) * torch.exp(
        -6.9 * time / _uniform(count, 0.08, 0.43, device)
    )
    echo = echo / echo.square().sum(1, keepdim=True).sqrt() * _uniform(count, 0, 0.8, device)
    echo = echo * _some(count, _ECHO, device)
    echo[:, 0] += 1
    size = 1 << (length + _ECHO_SAMPLES).bit_length()
    return torch.fft.irfft(torch.fft.rfft(sound, size) * torch.fft.rfft(echo, size), size)[:, :length]


def _some(count: int, share: float, device: torch.device) -> Tensor:
    return torch.rand(count, 1, device=device) < share


def _uniform(count: int, low: float, high: float, device: torch.device) -> Tensor:
    return torch.rand(count, 1, device=device) * (high - low) + low
