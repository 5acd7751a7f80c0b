"""What trainings of networks that draw share: the averaged weights, discriminators, checkpoints and the step itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dubtool.errors import UsageError
from dubtool.training.core.adversary import Adversary
from dubtool.training.core.recipe import Learner
from dubtool.training.core.schedule import descend, falling_rate, fold_into_average
from dubtool.training.core.stage import GanStage
from dubtool.training.core.trainer import B, Trainer, read_checkpoint

S = TypeVar("S", bound=GanStage)
N = TypeVar("N", bound=nn.Module)
P = TypeVar("P")

PICTURES = "pictures"


class GanTrainer(Trainer[S, B], Generic[S, B]):
    """Subclasses call `teach` when they are made, and in `learn` begin with `set_rate` and end with `update`.

    net: what is taught. average: its weights, averaged. judges: discriminators with the weights of their losses.
    """

    net: Any
    average: dict[str, Tensor]
    judges: list[tuple[Adversary, float]]

    def teach(
        self, net: nn.Module, judges: Mapping[str, tuple[int, float]], betas: tuple[float, float] = (0.9, 0.99)
    ) -> None:
        """judges: by name the channels that one sees, and the weight of its loss; of weight 0 there is none."""
        self.net = self.placed(net)
        self.optimiser = torch.optim.Adam(self.net.parameters(), self.stage.learning_rate, betas)
        self.judges = [
            (Adversary(channels, self.stage.judge_width, self.stage.learning_rate, self.device, name), weight)
            for name, (channels, weight) in judges.items()
            if weight
        ]
        self._begin_average()

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

    def update(self, loss: Tensor) -> None:
        """One step of the optimiser, and of the average."""
        descend(self.optimiser, loss, self.net.parameters())
        fold_into_average(self.average, self.net.state_dict(), self.step)

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
