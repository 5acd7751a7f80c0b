"""What trainings of networks that draw share: the averaged weights, discriminators, checkpoints and the step itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dubtool.errors import UsageError
from dubtool.training.core.adversary import Adversary, stacked
from dubtool.training.core.perception import Vgg19
from dubtool.training.core.recipe import Learner
from dubtool.training.core.schedule import descend, falling_rate, fold_into_average
from dubtool.training.core.stage import FRAMES, GanStage
from dubtool.training.core.trainer import B, Trainer, read_checkpoint

S = TypeVar("S", bound=GanStage)
N = TypeVar("N", bound=nn.Module)
P = TypeVar("P")

PICTURES = "pictures"
# Losses by name, with their weights.
Parts = dict[str, tuple[float, Tensor]]

_DEPTH = 4
_CLIP = "clip_"


class GanTrainer(Trainer[S, B], Generic[S, B]):
    """Subclasses call `teach` when they are made, and in `learn` begin with `set_rate` and end with `update`.

    net: what is taught. average: its weights, averaged. judges: discriminators with the weights of their losses. vgg:
    for a perception loss, where there is one.
    """

    net: Any
    average: dict[str, Tensor]
    judges: list[tuple[Adversary, float]]
    vgg: Vgg19 | None

    def teach(
        self,
        net: nn.Module,
        vgg: Path | None,
        *,
        adversarial_clip: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.99),
    ) -> None:
        """vgg: the file of `Vgg19`. adversarial_clip: weight of the discriminator that sees stacks of five frames.

        Raises:
            WeightsError: the VGG file cannot be read.
        """
        self.net = self.placed(net)
        self.optimiser = torch.optim.Adam(self.net.parameters(), self.stage.learning_rate, betas)
        self.judges = [
            (Adversary(channels, self.stage.judge_width, self.stage.learning_rate, self.device, name), weight)
            for name, channels, weight in (
                ("judge", 3, self.stage.adversarial),
                (f"{_CLIP}judge", 3 * FRAMES, adversarial_clip),
            )
            if weight
        ]
        self._begin_average()
        self.vgg = None if vgg is None or not self.stage.feature else self.placed(Vgg19(vgg, depth=_DEPTH))

    def placed(self, what: Any) -> Any:
        """A module or a batch of pictures on the device, channels last: what convolutions are fastest with."""
        return what.to(self.device, memory_format=torch.channels_last)

    def state(self) -> dict[str, Any]:
        state = {"net": self.net.state_dict(), "average": self.average, "optimiser": self.optimiser.state_dict()}
        for judge, _ in self.judges:
            state |= judge.state()
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])
        for judge, _ in self.judges:
            judge.restore(state)

    def start_from(self, checkpoint: Path) -> None:
        """Begin with the averaged weights of another stage (coarse to fine), and with its discriminators.

        Raises:
            InputError: there is no such checkpoint. UsageError: it holds a network of other sizes.
        """
        state = read_checkpoint(checkpoint, self.device)
        try:
            self.net.load_state_dict(self.adopted(state["average"]))
        except (RuntimeError, KeyError) as error:
            raise UsageError(f"{checkpoint}: holds no {self.wanted()}") from error
        self._begin_average()
        for judge, _ in self.judges:
            judge.start_from(state)

    def adopted(self, average: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The weights to begin with, of another stage's averaged ones."""
        return average

    @abstractmethod
    def wanted(self) -> str:
        """What a checkpoint must hold to be begun with, in words."""

    def set_rate(self) -> None:
        """The learning rate of this step."""
        for group in self.optimiser.param_groups:
            group["lr"] = falling_rate(self.step, self.stage.steps, self.stage.learning_rate, self.stage.final_rate)

    def judged(self, made: Tensor, true: Tensor, matching: float = 0.0) -> Parts:
        """How far pictures [B, 3, h, w] are from passing as true before the discriminators, which first make a step of
        their own. matching: weight of what these find in both, see `Adversary.fooled_and_matched`."""
        parts: Parts = {}
        for judge, weight in self.judges:
            clip = _CLIP if judge.name.startswith(_CLIP) else ""
            seen, real = (stacked(made), stacked(true)) if clip else (made, true)
            parts[judge.name] = 0.0, judge.learn(seen, real)
            fooled, matched = judge.fooled_and_matched(seen, real if matching else None)
            parts[f"{clip}fooled"] = weight, fooled
            if matching:
                parts[f"{clip}matched"] = matching, matched
        return parts

    def update(self, parts: Parts) -> dict[str, Tensor]:
        """One step of the optimiser down the losses, and of the average; the losses, detached."""
        loss = reduce(torch.add, (weight * value for weight, value in parts.values() if weight))
        descend(self.optimiser, loss, self.net.parameters())
        fold_into_average(self.average, self.net.state_dict(), self.step)
        return {name: value.detach() for name, (_, value) in parts.items()}

    def learner(
        self, untrained: Callable[[S], N], people: P | None, validate: Callable[[N, P, S, Path], Mapping[str, float]]
    ) -> Learner:
        """Itself, with a validation of the averaged weights. untrained: makes a network of the stage's sizes. people:
        what `validate` tries it on, if there are any; it also writes a sheet of pictures."""

        def look() -> None:
            assert self.run is not None
            net = untrained(self.stage)
            net.load_state_dict(self.average)
            pictures = self.run / PICTURES
            pictures.mkdir(exist_ok=True)
            if people is not None:
                self.note_validation(validate(net, people, self.stage, pictures / f"{self.step:07d}.png"))

        return Learner(self, look)

    def _begin_average(self) -> None:
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}
