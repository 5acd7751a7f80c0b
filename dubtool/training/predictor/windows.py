"""Windows of training speech from a plan: log mel as Whisper wants it, and the mouth shapes of its vectors, in torch.

Tempo and pitch are changed in the spectrogram: mel frames closer together or further apart, and filters on moved
frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dubtool.speech.mel import WHISPER_BANDS, WHISPER_WINDOW, mel_filters
from dubtool.speech.source import SAMPLE_RATE
from dubtool.training.data.sounds import SoundClip
from dubtool.training.predictor.augmentation import recoloured, worsened
from dubtool.training.predictor.plan import PITCHES, SpeechPlan

# Shapes are kept at so many a second of sound; frames further apart than this have an unknown shape between them.
_LABELS = 100
_GAP_SECONDS = 0.13
_FADE_SAMPLES = 160
# Where a piece begins or ends, the mouth already makes what followed in the clip.
_EDGE_SECONDS = 0.03
# In longer silences, that far from their ends, the mouth rests; but people do not always.
_SILENCE_SECONDS, _SILENCE_EDGE, _SILENCE_TRUST = 0.6, 0.3, 0.3


@dataclass(frozen=True)
class SpeechWindows:
    """mel: log10 as Whisper's input [B, 80, 2 T]. shapes: [B, K, T]. known: [B, 1, T], how far each shape is to be
    believed, 0..1. clip: [B, T], whose mouth it is."""

    mel: Tensor
    shapes: Tensor
    known: Tensor
    clip: Tensor


class SpeechWindowMaker(nn.Module):
    """Holds all clips' sound and shapes on a device and makes the windows of a plan of T vectors.

    changed: also by noise, echo and another microphone.
    """

    def __init__(self, clips: Sequence[SoundClip], vectors: int, *, changed: bool = True) -> None:
        super().__init__()
        self._vectors, self._changed = vectors, changed
        lengths = [len(clip.samples) for clip in clips]
        labels = [_labels(clip) for clip in clips]
        counts = [len(shapes) for shapes, _ in labels]
        self.sound: Tensor
        self.shapes: Tensor
        self.known: Tensor
        self.filters: Tensor
        self.hann: Tensor
        self.begins: Tensor
        self.labels_begin: Tensor
        self.labels: Tensor
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WHISPER_WINDOW) / WHISPER_WINDOW)
        # The last one is the voice as it is: plans say -1.
        banks = [
            mel_filters(WHISPER_WINDOW, WHISPER_BANDS, 0.0, SAMPLE_RATE / 2, pitch=pitch) for pitch in (*PITCHES, 1.0)
        ]
        for name, values in {
            "sound": np.concatenate([clip.samples for clip in clips]),
            "shapes": np.concatenate([shapes for shapes, _ in labels]),
            "known": np.concatenate([known for _, known in labels]),
            "filters": np.stack(banks).astype(np.float32),
            "hann": window.astype(np.float32),
            "begins": np.cumsum(lengths) - lengths,
            "labels_begin": np.cumsum(counts) - counts,
            "labels": np.array(counts),
        }.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    @torch.no_grad()
    def forward(self, plan: SpeechPlan) -> SpeechWindows:
        device, count = self.sound.device, len(plan.hop)
        start, stop, source, clip, hop, pitch, quiet = (
            torch.from_numpy(part).to(device)
            for part in (plan.start, plan.stop, plan.source, plan.clip, plan.hop, plan.pitch, plan.quiet)
        )
        place = torch.arange(int(plan.hop.max()) * 2 * self._vectors + WHISPER_WINDOW, device=device)
        place = place.expand(count, -1).contiguous()
        piece = torch.searchsorted(start, place, right=True) - 1
        start, stop, source, clip = (part.gather(1, piece) for part in (start, stop, source, clip))
        at = source + place - start
        fade = torch.minimum(place - start, stop - place).clamp(max=_FADE_SAMPLES) / _FADE_SAMPLES
        sound = self.sound[at.clamp(0, len(self.sound) - 1)] / 32768 * fade * (source >= 0)
        mel = self._log_mel(worsened(sound, quiet) if self._changed else sound, hop, pitch)
        # Vector i is centred on mel frame 2 i, and that half a window after its first sample.
        vectors = torch.arange(self._vectors, device=device) * 2 * hop[:, None] + WHISPER_WINDOW // 2
        start, stop, source, clip, at, place = (
            part.gather(1, vectors) for part in (start, stop, source, clip, at, place)
        )
        shapes, known = self._labels_at((at - self.begins[clip]) / SAMPLE_RATE, clip)
        edge = torch.minimum(place - start, stop - place) / SAMPLE_RATE
        spoken = source >= 0
        rests = ~spoken & (edge > _SILENCE_EDGE) & (stop - start > _SILENCE_SECONDS * SAMPLE_RATE)
        known = known * (edge > _EDGE_SECONDS) * spoken + rests * torch.where(quiet, 1.0, _SILENCE_TRUST)[:, None]
        shapes = shapes * spoken[..., None]
        return SpeechWindows(mel, shapes.transpose(1, 2), known[:, None], clip)

    def _log_mel(self, sound: Tensor, hop: Tensor, pitch: Tensor) -> Tensor:
        frames = torch.arange(2 * self._vectors, device=sound.device)[:, None]
        at = frames * hop[:, None, None] + torch.arange(WHISPER_WINDOW, device=sound.device)
        pieces = sound.gather(1, at.flatten(1)).view(*at.shape)
        power = torch.fft.rfft(pieces * self.hann).abs().square()
        log = torch.bmm(self.filters[pitch], power.transpose(1, 2)).clamp(min=1e-10).log10()
        log = recoloured(log) if self._changed else log
        return (torch.maximum(log, log.amax((1, 2), keepdim=True) - 8.0) + 4.0) / 4.0

    def _labels_at(self, seconds: Tensor, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes [B, T, K] and 0 or 1 [B, T] at moments of clips' sounds."""
        place = (seconds * _LABELS).clamp(min=0)
        below = torch.minimum(place.floor().long(), self.labels[clip] - 2)
        share = (place - below).clamp(0, 1)[..., None]
        below = below + self.labels_begin[clip]
        shapes = self.shapes[below] * (1 - share) + self.shapes[below + 1] * share
        return shapes, self.known[below] * self.known[below + 1]


def _labels(clip: SoundClip) -> tuple[np.ndarray, np.ndarray]:
    """Shapes float32 [n, K] and whether they are known, float32 [n], at 1/100 s from the sound's start on."""
    grid = np.arange(max(2, len(clip.samples) * _LABELS // SAMPLE_RATE + 1)) / _LABELS
    shapes = np.stack([np.interp(grid, clip.times, column) for column in clip.coefficients.T], axis=1)
    after = np.clip(np.searchsorted(clip.times, grid), 1, len(clip.times) - 1)
    known = (grid >= clip.times[0] - 0.01) & (grid <= clip.times[-1] + 0.01)
    known &= clip.times[after] - clip.times[after - 1] < _GAP_SECONDS
    return shapes.astype(np.float32), known.astype(np.float32)
