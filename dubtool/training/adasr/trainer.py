"""Training the landmark-driven AdaSR: a frame of a clip becomes another one of it (Song et al., ICASSP 2024).

The paper's cross-quality training holds: sources are degraded in two rounds, targets are not. Its losses on keypoints,
head pose, expression and equivariance teach a detector; with keypoints that are given there is nothing for them to say.
The network is given the source warped by its mesh and learns what that lacks.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from dubtool.errors import InputError
from dubtool.face.portrait_points import DRAWING_CHANNELS, KEYPOINTS, RIGID
from dubtool.networks.adasr_landmarks import LandmarkAdaSR
from dubtool.training.adasr.data import PortraitBatch, PortraitSampler, collate
from dubtool.training.adasr.stage import AdasrStage
from dubtool.training.core.gan_trainer import GanTrainer, Parts
from dubtool.training.core.perception import perception_loss
from dubtool.training.core.precision import mixed_precision
from dubtool.training.data.faces import load_faces

# Open mouth, lips, open eyes and irises of a drawing.
_FINE_PARTS = 4


class AdasrTrainer(GanTrainer[AdasrStage, PortraitBatch]):
    """Holds networks and optimisers of a stage.

    faces: the folder of `faces.prepare_faces`. vgg: the file of `Vgg19`; without it there is no perception loss.

    Raises:
        InputError: there are no prepared faces to learn from. WeightsError: the VGG file cannot be read.
    """

    def __init__(self, stage: AdasrStage, faces: Path, vgg: Path | None, run: Path | None, device: str = "cpu") -> None:
        clips = load_faces(faces, "train")
        if not clips:
            raise InputError(f"{faces}: holds no faces to learn from; run 'dubtool train prepare --faces'")
        self.sampler = PortraitSampler(clips, stage.side, stage.seed, clean=stage.clean)
        super().__init__(stage, run, device)
        self.teach(new_network(stage), vgg)

    def make(self, step: int) -> PortraitBatch:
        sampler = self.sampler.seeded(self.stage.seed, step)
        return collate([sampler.draw() for _ in range(self.stage.batch)])

    def wanted(self) -> str:
        return f"AdaSR of width {self.stage.width} and its parts"

    def learn(self, batch: PortraitBatch) -> dict[str, Tensor]:
        stage = self.stage
        self.set_rate()
        self.net.train()
        source, true = self.placed(batch.source), self.placed(batch.target)
        source_drawing, drawing = self.placed(batch.source_drawing), self.placed(batch.target_drawing)
        source_points, points = batch.source_points.to(self.device), batch.target_points.to(self.device)
        with mixed_precision(self.device):
            made, moved_source = self.net(
                source, source_points, source_drawing, points, drawing, self.placed(batch.warped)
            )
            feature = None if self.vgg is None else perception_loss(self.vgg, made, true, stage.scales)
        pixel = ((made - true).abs() * (1 + stage.fine * fine_parts(drawing))).mean()
        moved = (moved_source.float() - F.avg_pool2d(true, 4)).abs().mean()
        parts: Parts = {"pixel": (stage.pixel, pixel), "moved": (stage.moved, moved)}
        if feature is not None:
            parts["feature"] = stage.feature, feature
        return self.update(parts | self.judged(made, true, stage.matching))


def fine_parts(drawing: Tensor) -> Tensor:
    """Where mouth and eyes are, and a little around them: drawings [B, D, S, S] -> [B, 1, S, S] in 0..1."""
    reach = drawing.shape[-1] // 32
    parts = drawing[:, :_FINE_PARTS].amax(dim=1, keepdim=True)
    grown = F.max_pool2d(parts, 2 * reach + 1, stride=1, padding=reach)
    return F.avg_pool2d(grown, 2 * reach + 1, stride=1, padding=reach)


def new_network(stage: AdasrStage) -> LandmarkAdaSR:
    """An untrained network of the stage's sizes."""
    return LandmarkAdaSR(len(KEYPOINTS), len(RIGID), DRAWING_CHANNELS, stage.width, stage.middle, stage.high_frequency)
