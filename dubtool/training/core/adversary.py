"""A discriminator with its optimiser: least-squares GAN (Mao et al. 2017)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dubtool.networks.discriminator import Discriminator
from dubtool.training.core.precision import mixed_precision
from dubtool.training.core.stage import FRAMES


class Adversary:
    """channels: of what it judges, 3 for pictures and 15 for stacks of five. width: 64 is the paper's. name: under
    which a checkpoint holds it."""

    def __init__(self, channels: int, width: int, learning_rate: float, device: torch.device, name: str) -> None:
        self.name = name
        self.net = Discriminator(channels, width).to(device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), learning_rate, (0.5, 0.99))
        self._device = device.type

    def learn(self, made: Tensor, true: Tensor) -> Tensor:
        """One step towards 1 for the true pictures and 0 for the made ones; returns the loss."""
        with mixed_precision(self._device):
            real, fake = self.net(true).float(), self.net(made.detach()).float()
        loss = 0.5 * ((real - 1).square().mean() + fake.square().mean())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def fooled(self, made: Tensor) -> Tensor:
        """How far the made pictures are from passing as true: the generator's loss."""
        return self.fooled_and_matched(made, None)[0]

    def fooled_and_matched(self, made: Tensor, true: Tensor | None) -> tuple[Tensor, Tensor]:
        """`fooled`, and how far what the discriminator finds in the made pictures is from what it finds in the true
        ones of the same shape: feature matching (Wang et al. 2018), mean absolute difference over its layers. 0 without
        true ones."""
        self.net.requires_grad_(False)
        with mixed_precision(self._device):
            found = self.net.features(made)
            fooled = (self.net.score(found[-1]).float() - 1).square().mean()
            with torch.no_grad():
                wanted = [] if true is None else self.net.features(true)
        self.net.requires_grad_(True)
        apart = [(one.float() - other.float()).abs().mean() for one, other in zip(found, wanted, strict=False)]
        return fooled, torch.stack(apart).mean() if apart else fooled.new_zeros(())

    def state(self) -> dict[str, Any]:
        return {self.name: self.net.state_dict(), f"{self.name}_optimiser": self.optimiser.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave; where it holds no such network, nothing changes."""
        if self.name in state:
            self.net.load_state_dict(state[self.name])
            self.optimiser.load_state_dict(state[f"{self.name}_optimiser"])

    def start_from(self, state: Mapping[str, Any]) -> None:
        """Begin with another stage's, if it has one of the same size: an untaught one would first undo what the
        generator knows."""
        if self.name in state:
            with contextlib.suppress(RuntimeError):
                self.net.load_state_dict(state[self.name])


def stacked(pictures: Tensor) -> Tensor:
    """Pictures [B * 5, 3, m, m] -> stacks of five on channels [B, 15, m, m]."""
    return pictures.unflatten(0, (-1, FRAMES)).flatten(1, 2)
