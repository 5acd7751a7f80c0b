"""G4G's losses (Zhang et al., 2024): attribute, perception, adversarial, pixel and synchronisation, weighed 1 to 5.

Here are those that are G4G's own; it shares the others with DINet: `perception.perception_loss` (VGG-19 at two scales),
`adversary.Adversary` (LS-GAN, on one frame and on five) and `sync_loss.out_of_sync` (the sync expert). What the paper
leaves open: the masks under which it supervises "at several scales" are the whole crop, the part that is redrawn, and
the lips, each counting alike, so that a lip's pixel weighs more than a cheek's; the synchronisation loss is the
contrast of the two embeddings, plus the expert's opinion where an expert is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def attribute_loss(fused: Tensor, landmark: Tensor) -> Tensor:
    """One minus the cosine of two embeddings [B, d], averaged over the batch: 0..2."""
    return (1 - F.cosine_similarity(fused, landmark, dim=1)).mean()


def contrastive_loss(similarities: Tensor) -> Tensor:
    """Cross entropy of similarities [B, B] towards the diagonal, over images and over sounds, halved.

    log B where nothing is told apart; towards 0 where every image is nearest to its own sound, and that one to it.
    """
    target = torch.arange(len(similarities), device=similarities.device)
    return 0.5 * (F.cross_entropy(similarities, target) + F.cross_entropy(similarities.T, target))


def pixel_loss(made: Tensor, true: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference under each mask, averaged over the masks.

    made, true: [B, 3, H, W], 0..1. masks: [B or 1, 1, H, W], 0..1, none of them empty.
    """
    difference = (made - true).abs().mean(dim=1, keepdim=True)
    under = [(difference * mask).sum() / mask.expand_as(difference).sum() for mask in masks]
    return torch.stack(under).mean()
