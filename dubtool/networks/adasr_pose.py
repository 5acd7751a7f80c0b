"""AdaSR's head pose and expression, and what they do to the canonical keypoints."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The constant of the authors' code.
_PI = 3.14


class HeadPose(NamedTuple):
    """yaw, pitch, roll: scores of the angle's bins [B, bins]; translation [B, 3]; expression [B, 3 * keypoints]."""

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    translation: Tensor
    expression: Tensor


class _Bottleneck(nn.Module):
    foldable: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "norm1"), ("conv2", "norm2"), ("conv3", "norm3"))

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        inner = channels // 4
        self.conv1, self.norm1 = nn.Conv2d(channels, inner, 1), nn.BatchNorm2d(inner)
        self.conv2, self.norm2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1), nn.BatchNorm2d(inner)
        self.conv3, self.norm3 = nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels)
        self.shrinks = stride > 1
        if self.shrinks:
            self.skip, self.norm4 = nn.Conv2d(channels, channels, 1, stride=stride), nn.BatchNorm2d(channels)
            self.foldable = (*_Bottleneck.foldable, ("skip", "norm4"))  # type: ignore[misc]

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.norm1(self.conv1(x)))
        out = F.relu(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        return F.relu(out + (self.norm4(self.skip(x)) if self.shrinks else x))


def _bottlenecks(block: int, channels: int, count: int) -> nn.Sequential:
    blocks = nn.Sequential()
    for i in range(count):
        blocks.add_module(f"b{block}_{i}", _Bottleneck(channels))
    return blocks


class PoseEstimator(nn.Module):
    """`he_estimator`: a residual network over the whole image; the defaults are the published sizes."""

    foldable: ClassVar[tuple[tuple[str, str], ...]] = tuple((f"conv{i}", f"norm{i}") for i in range(1, 6))

    def __init__(self, keypoints: int = 15, width: int = 64, bins: int = 66) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, width, 7, stride=2, padding=3), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.block1 = _bottlenecks(1, 4 * width, 3)
        self.conv3, self.norm3 = nn.Conv2d(4 * width, 8 * width, 1), nn.BatchNorm2d(8 * width)
        self.block2 = _Bottleneck(8 * width, 2)
        self.block3 = _bottlenecks(3, 8 * width, 3)
        self.conv4, self.norm4 = nn.Conv2d(8 * width, 16 * width, 1), nn.BatchNorm2d(16 * width)
        self.block4 = _Bottleneck(16 * width, 2)
        self.block5 = _bottlenecks(5, 16 * width, 5)
        self.conv5, self.norm5 = nn.Conv2d(16 * width, 32 * width, 1), nn.BatchNorm2d(32 * width)
        self.block6 = _Bottleneck(32 * width, 2)
        self.block7 = _bottlenecks(7, 32 * width, 2)
        self.fc_roll = nn.Linear(32 * width, bins)
        self.fc_pitch = nn.Linear(32 * width, bins)
        self.fc_yaw = nn.Linear(32 * width, bins)
        self.fc_t = nn.Linear(32 * width, 3)
        self.fc_exp = nn.Linear(32 * width, 3 * keypoints)

    def forward(self, image: Tensor) -> HeadPose:
        """image [B, 3, H, W], RGB 0..1."""
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(image))), 3, stride=2, padding=1)
        x = self.block1(F.relu(self.norm2(self.conv2(x))))
        x = self.block3(self.block2(F.relu(self.norm3(self.conv3(x)))))
        x = self.block5(self.block4(F.relu(self.norm4(self.conv4(x)))))
        x = self.block7(self.block6(F.relu(self.norm5(self.conv5(x)))))
        x = x.mean(dim=(2, 3))
        # The layers' names are crossed in the published weights: fc_roll holds yaw and fc_yaw holds roll.
        return HeadPose(
            yaw=self.fc_roll(x),
            pitch=self.fc_pitch(x),
            roll=self.fc_yaw(x),
            translation=self.fc_t(x),
            expression=self.fc_exp(x),
        )


def degrees(scores: Tensor) -> Tensor:
    """The expected angle [B] of bins 3 degrees wide that start at -99."""
    index = torch.arange(scores.shape[1], dtype=scores.dtype, device=scores.device)
    return (torch.softmax(scores, dim=1) * index).sum(dim=1) * 3 - 99


def rotation_matrix(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """Angles in degrees [B] -> Rx(pitch) Ry(yaw) Rz(roll) [B, 3, 3]."""
    yaw, pitch, roll = (angle / 180 * _PI for angle in (yaw, pitch, roll))
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)

    def matrix(*entries: Tensor) -> Tensor:
        return torch.stack(entries, dim=1).view(-1, 3, 3)

    about_x = matrix(one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos())
    about_y = matrix(yaw.cos(), zero, yaw.sin(), zero, one, zero, -yaw.sin(), zero, yaw.cos())
    about_z = matrix(roll.cos(), -roll.sin(), zero, roll.sin(), roll.cos(), zero, zero, zero, one)
    return about_x @ about_y @ about_z


def posed_keypoints(canonical: Tensor, pose: HeadPose) -> Tensor:
    """Canonical keypoints [B, K, 3] turned, shifted and deformed by the pose -> [B, K, 3]."""
    rotation = rotation_matrix(degrees(pose.yaw), degrees(pose.pitch), degrees(pose.roll))
    turned = canonical @ rotation.transpose(1, 2)
    return turned + pose.translation[:, None] + pose.expression.view_as(canonical)
