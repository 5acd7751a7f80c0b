"""Fine-tuning a shape-conditioned generator on one person, for a bounded time (`dubtool train adapt`).

What is learned is what a dub of this video asks for: the same five references, the same crops, batch statistics as they
are at work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dubtool.engine.session import Session
from dubtool.errors import DubtoolError, WeightsError
from dubtool.export.dinet import export_dinet
from dubtool.export.int8 import quantise_frame
from dubtool.face.crop import CropSize
from dubtool.jobs.shared.adapted import CHECKPOINT, FRAME, FRAME_INT8, ONCE
from dubtool.jobs.shared.examples import Examples
from dubtool.training.core.adversary import Adversary
from dubtool.training.core.device import training_device
from dubtool.training.core.lpips import load_shipped_lpips
from dubtool.training.core.perception import Vgg19, perception_loss
from dubtool.training.core.precision import mixed_precision
from dubtool.training.core.schedule import descend, fold_into_average
from dubtool.training.core.time_budget import Clock, batches, rate_share
from dubtool.training.core.trainer import read_checkpoint
from dubtool.training.generator.data import lips_mask
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.generator.trainer import new_generator
from dubtool.weights.locate import find

# What reads the picture and what paints. How references are deformed should be the same for all people; left alone, it
# makes their features a constant, and a step a fifth cheaper.
_TAUGHT = ("source_in_conv", "appearance_conv_list.1", "out_conv")

_CALIBRATION = 16

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True)
class Tuning:
    """batch: frames of one step. learning_rate: at the start; it falls as half a cosine over the time there is.
    pixel, perception, feature, adversarial: weights of L1 (`lips` times more on the lips), LPIPS, VGG where its file
    is given, and LS-GAN with the checkpoint's discriminator."""

    batch: int = 4
    learning_rate: float = 2e-4
    pixel: float = 10.0
    lips: float = 3.0
    perception: float = 1.0
    feature: float = 0.5
    adversarial: float = 0.25
    seed: int = 0


class FineTuner:
    """Teaches the generator whose averaged weights `checkpoint` holds.

    described: what its exported graphs say of themselves. vgg: the file of `Vgg19`, if there is one.

    Raises:
        InputError, WeightsError: a file cannot be used. DeviceError: the device cannot.
    """

    def __init__(
        self,
        checkpoint: Path,
        described: Mapping[str, Any],
        *,
        vgg: Path | None = None,
        device: str = "auto",
        tuning: Tuning | None = None,
    ) -> None:
        self._tuning, self._described = tuning or Tuning(), described
        self._device = torch.device(training_device(device))
        self._stage = _stage_of(described, self._tuning.lips)
        state = read_checkpoint(checkpoint)
        self.net = new_generator(self._stage)
        try:
            self.net.load_state_dict(state["average"])
        except (KeyError, RuntimeError) as error:
            raise WeightsError(f"{checkpoint}: holds another generator than the one to adapt") from error
        self._placed(self.net.float()).eval()
        for name, weights in self.net.named_parameters():
            weights.requires_grad_(name.startswith(_TAUGHT))
        self._steps = int(state.get("step", 0))
        self._perception = self._placed(load_shipped_lpips(find("lpips")))
        self._vgg = None if vgg is None else self._placed(Vgg19(vgg, depth=4))
        self._judge = None
        if self._tuning.adversarial and "judge" in state:
            rate = self._tuning.learning_rate
            self._judge = Adversary(3, self._stage.judge_width, rate, self._device, "judge")
            self._judge.start_from(state)

    def teach(self, examples: Examples, references: np.ndarray, until: float, progress: Progress) -> int:
        """Learn until the graphs can just be exported by `until`, a value of `time.monotonic`; returns the steps made.

        references: crops uint8 [5, H, W, 3].
        """
        torch.manual_seed(self._tuning.seed)
        trained = [weights for weights in self.net.parameters() if weights.requires_grad]
        optimiser = torch.optim.Adam(trained, self._tuning.learning_rate, (0.9, 0.99))
        average = {name: value.clone() for name, value in self.net.state_dict().items()}
        with torch.no_grad():
            constant = self.net.encode_reference(self._placed(_planes(references).flatten(0, 1)[None]))
        clock = Clock(until)
        steps = 0
        for rows in batches(len(examples), self._tuning.batch, self._tuning.seed):
            if clock.over:
                break
            for group in optimiser.param_groups:
                group["lr"] = self._tuning.learning_rate * rate_share(steps, clock.done)
            loss = self._loss(examples[rows], *constant)
            descend(optimiser, loss, trained)
            steps += 1
            fold_into_average(average, self.net.state_dict(), steps)
            progress(clock.spent, clock.allowed)
        progress(clock.allowed, clock.allowed)
        self.net.load_state_dict(average)
        if not all(bool(torch.isfinite(value).all()) for value in average.values()):
            raise DubtoolError("fine-tuning diverged (weights are NaN or infinite); the shipped weights stay in use")
        self._steps += steps
        return steps

    def write(self, folder: Path, examples: Examples, references: np.ndarray) -> None:
        """Export the graphs, and what to go on from, into `folder`. examples: real inputs, to calibrate 8 bits with."""
        once, frame = folder / ONCE, folder / FRAME
        net = self.net.cpu()
        state: dict[str, Any] = {"step": self._steps, "average": _halved(net.state_dict())}
        if self._judge is not None:
            state["judge"] = _halved(self._judge.net.state_dict())
        torch.save(state, folder / CHECKPOINT)
        told = {name: value for name, value in self._described.items() if name not in ("graph", "quantised")}
        export_dinet(net, once, frame, mouth=self._stage.mouth, descriptor=told | {"steps": self._steps})
        constant = Session(once, "cpu").run({"reference": _planes(references).flatten(0, 1)[None].numpy()})
        picked = examples[np.linspace(0, len(examples) - 1, _CALIBRATION).astype(int)]
        batch = self._inputs(picked)
        feeds = (
            {"source": source[None].numpy(), "audio": shapes[None].numpy(), **constant}
            for source, shapes in zip(*batch, strict=True)
        )
        quantise_frame(frame, folder / FRAME_INT8, feeds)

    def _placed(self, what: Any) -> Any:
        return what.to(self._device, memory_format=torch.channels_last)

    def _inputs(self, examples: Examples) -> tuple[Tensor, Tensor]:
        """source [B, 6, H, W] and shapes [B, K, steps] of examples."""
        masked = _planes(examples.crops)
        rows, columns = CropSize(self._stage.mouth).part(self._stage.mask)
        masked[:, :, rows, columns] = 0
        source = torch.cat([masked, torch.from_numpy(examples.drawings).float() / 255], dim=1)
        return source, torch.from_numpy(examples.shapes)

    def _loss(self, examples: Examples, features: Tensor, alignment: Tensor) -> Tensor:
        tuning, size = self._tuning, CropSize(self._stage.mouth)
        rows, columns = size.box
        source, shapes = self._inputs(examples)
        true = self._placed(_planes(examples.crops[:, rows, columns]))
        lips = torch.from_numpy(np.stack([_lips(mouth, size) for mouth in examples.mouths]))[:, None].to(self._device)
        with mixed_precision(self._device):
            made = self.net.generate(
                self._placed(source), shapes.to(self._device), features, alignment, mouth_only=True
            ).float()
            loss = tuning.pixel * ((made - true).abs() * (1 + tuning.lips * lips)).mean()
            loss = loss + tuning.perception * self._perception(2 * made - 1, 2 * true - 1).mean()
            if self._vgg is not None:
                loss = loss + tuning.feature * perception_loss(self._vgg, made, true)
        if self._judge is not None:
            self._judge.learn(made, true)
            loss = loss + tuning.adversarial * self._judge.fooled(made)
        return loss.float()


def _stage_of(described: Mapping[str, Any], lips: float) -> GeneratorStage:
    """The sizes of the network that a graph describes."""
    told = dict(described.get("stage", {}))
    known = {field.name for field in fields(GeneratorStage)} & {"judge_width"}
    return GeneratorStage(
        mouth=int(described["mouth"]),
        width=int(described["width"]),
        modes=int(described["audio_channels"]),
        mask=tuple(described["hidden"]),
        lips=lips,
        **{name: told[name] for name in known if name in told},
    )


def _planes(pictures: np.ndarray) -> Tensor:
    """uint8 [N, H, W, 3] as float [N, 3, H, W] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255


def _lips(mouth: np.ndarray, size: CropSize) -> np.ndarray:
    """Where the lips are in the mouth box: float32 [m, m]. mouth: unit crop [55, 2]."""
    radius = size.mouth / 2
    return lips_mask(mouth * radius + np.array([radius - 0.5, -0.5]), (size.mouth, size.mouth))


def _halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
