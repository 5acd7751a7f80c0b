"""Training DINet: frames (the paper's frame stages), or five at a time (its clip stage)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dubtool.errors import UsageError
from dubtool.face.crop import CropSize
from dubtool.face.draw import DRAWING_CHANNELS
from dubtool.networks.dinet import DINet
from dubtool.training.adversary import Adversary
from dubtool.training.clips import REFERENCES, Sample
from dubtool.training.generator_data import Batch, GeneratorStage, collate, open_sampler
from dubtool.training.perception import Vgg19, perception_loss
from dubtool.training.schedule import falling_rate, fold_into_average
from dubtool.training.spoken import SECOND, load_spoken
from dubtool.training.sync_loss import out_of_sync, stacked
from dubtool.training.syncnet import FRAMES, load_syncnet, sound_window
from dubtool.training.trainer import Trainer, read_checkpoint


class GeneratorTrainer(Trainer[GeneratorStage, Batch]):
    """Holds networks and optimisers of a generator's stage.

    vgg: the file of `Vgg19`; without it there is no perception loss. sync: the run of a sync expert.

    Raises:
        InputError: there are no prepared clips for this stage, or `sync` is no run. UsageError: the stage has a sync
        loss, and `sync` is not given. WeightsError: the VGG file cannot be read.
    """

    def __init__(
        self,
        stage: GeneratorStage,
        clips: Path,
        vgg: Path | None,
        run: Path | None,
        device: str = "cpu",
        sync: Path | None = None,
    ) -> None:
        self.sampler = open_sampler(clips, "train", stage, augment=True)
        super().__init__(stage, run, device)
        self.net = self._placed(new_generator(stage))
        self.vgg = None if vgg is None or not stage.feature else self._placed(Vgg19(vgg, depth=4))
        self.expert = None
        if stage.sync:
            if sync is None:
                raise UsageError("the stage has a sync loss: name the run of a sync expert with --sync")
            net, self._expert_side = load_syncnet(sync)
            self.expert = net.to(self.device).requires_grad_(False)
            self._spoken = {clip.name: clip for clip in load_spoken(clips, "train", augmented=False, layer=SECOND)}
        self.optimiser = torch.optim.Adam(self.net.parameters(), stage.learning_rate, (0.9, 0.99))
        sizes = {"judge": (3, stage.adversarial), "clip_judge": (3 * FRAMES, stage.adversarial_clip)}
        self.judges = [
            (Adversary(channels, stage.judge_width, stage.learning_rate, self.device, name), weight)
            for name, (channels, weight) in sizes.items()
            if weight
        ]
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}

    def _placed(self, what: Any) -> Any:
        """A module or a batch of pictures on the device, channels last: what convolutions are fastest with."""
        return what.to(self.device, memory_format=torch.channels_last)

    def make(self, step: int) -> Batch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        groups = [sampler.draw_sequence(self.stage.frames) for _ in range(self.stage.batch)]
        batch = self._collated([sample for group in groups for sample in group])
        return batch if self.expert is None else self._with_sound(batch, [group[FRAMES // 2] for group in groups])

    def _collated(self, samples: list[Sample]) -> Batch:
        return collate(samples, self.stage, frames=self.stage.frames, drawing=self.stage.conditioning == "shape")

    def _with_sound(self, batch: Batch, middles: list[Sample]) -> Batch:
        """Silent clips teach how faces look; the expert is asked about the others."""
        heard = [number for number, middle in enumerate(middles) if middle.clip.name in self._spoken]
        if not heard:
            return batch
        spoken = [(self._spoken[middles[number].clip.name], middles[number].row) for number in heard]
        sounds = torch.stack([torch.from_numpy(sound_window(clip, 0, clip.times[row])) for clip, row in spoken])
        return replace(batch, sounds=sounds, heard=torch.tensor(heard))

    def state(self) -> dict[str, Any]:
        state = {
            "net": self.net.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
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
            self.net.load_state_dict(state["average"])
        except (RuntimeError, KeyError) as error:
            raise UsageError(f"{checkpoint}: holds no generator of width {self.stage.width} and its inputs") from error
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}
        for judge, _ in self.judges:
            judge.start_from(state)

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        stage = self.stage
        for group in self.optimiser.param_groups:
            group["lr"] = falling_rate(self.step, stage.steps, stage.learning_rate, stage.final_rate)
        self.net.train()
        rows, columns = CropSize(stage.mouth).box
        source, reference = self._placed(batch.source), self._placed(batch.reference)
        true = self._placed(batch.picture[..., rows, columns].contiguous())
        lips = batch.lips[..., rows, columns].to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            given = self.net.encode_reference(reference)
            features, alignment = (each.repeat_interleave(stage.frames, dim=0) for each in given)
            condition = batch.condition.to(self.device)
            made = self.net.generate(source, condition, features, alignment, mouth_only=True).float()
            feature = None if self.vgg is None else perception_loss(self.vgg, made, true)
        pixel = ((made - true).abs() * (1 + stage.lips * lips)).mean()
        loss = stage.pixel * pixel
        parts = {"pixel": pixel.detach()}
        if feature is not None:
            loss = loss + stage.feature * feature
            parts["feature"] = feature.detach()
        for judge, weight in self.judges:
            seen, real = (made, true) if judge.name == "judge" else (stacked(made), stacked(true))
            parts[judge.name] = judge.learn(seen, real)
            fooled = judge.fooled(seen)
            loss = loss + weight * fooled
            parts["fooled" if judge.name == "judge" else "clip_fooled"] = fooled.detach()
        if self.expert is not None and batch.sounds is not None and batch.heard is not None:
            heard = stacked(made)[batch.heard.to(self.device)]
            sync = out_of_sync(self.expert, self._expert_side, heard, batch.sounds.to(self.device))
            loss = loss + stage.sync * sync
            parts["sync"] = sync.detach()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        fold_into_average(self.average, self.net.state_dict(), self.step)
        return parts


def new_generator(stage: GeneratorStage) -> DINet:
    """An untrained generator of the stage's sizes."""
    drawing = DRAWING_CHANNELS if stage.conditioning == "shape" else 0
    return DINet(3 + drawing, 3 * REFERENCES, stage.modes, stage.width)
