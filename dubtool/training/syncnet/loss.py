"""What a sync expert says of made mouths, as a loss (Prajwal et al. 2020, with DINet's least squares)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dubtool.errors import UsageError
from dubtool.training.core.precision import mixed_precision
from dubtool.training.data.clips import Sample
from dubtool.training.data.spoken import SECOND, load_spoken
from dubtool.training.syncnet.trainer import load_syncnet, sound_window


class SyncExpert:
    """A trained sync expert, and the speech of the training clips that it hears.

    run: of `dubtool train syncnet`. clips: the folder of prepared clips.

    Raises:
        UsageError: no run is given. InputError: it is no run of a sync expert.
    """

    def __init__(self, run: Path | None, clips: Path, device: torch.device) -> None:
        if run is None:
            raise UsageError("the stage has a sync loss: name the run of a sync expert with --sync")
        net, self._side = load_syncnet(run)
        self.net = net.to(device).requires_grad_(False)
        self._device = device
        self._spoken = {clip.name: clip for clip in load_spoken(clips, "train", augmented=False, layer=SECOND)}

    def hears(self, sample: Sample) -> bool:
        """Whether the sample's clip speaks in sync."""
        return sample.clip.name in self._spoken

    def sounds(self, samples: Sequence[Sample]) -> Tensor:
        """What is heard beside samples that it `hears`: [B, C, T]."""
        spoken = [(self._spoken[sample.clip.name], sample.row) for sample in samples]
        return torch.stack([torch.from_numpy(sound_window(clip, 0, clip.times[row])) for clip, row in spoken])

    def loss(self, stacks: Tensor, sounds: Tensor) -> Tensor:
        """`out_of_sync` of stacks of made mouths [B, 15, m, m]."""
        return out_of_sync(self.net, self._side, stacks, sounds.to(self._device))


def out_of_sync(expert: nn.Module, side: int, stacks: Tensor, sounds: Tensor) -> Tensor:
    """How far the expert's scores are from 1, squared and averaged.

    stacks: [B, 15, m, m], resized to the expert's mouths of `side` px. sounds: [B, C, T], what belongs to them.
    """
    if stacks.shape[-1] != side:
        stacks = F.interpolate(stacks, (side, side), mode="bilinear", antialias=True)
    with mixed_precision(stacks.device):
        scores = expert(stacks, sounds)
    return (scores.float() - 1).square().mean()
