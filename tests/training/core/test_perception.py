from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dubtool.errors import WeightsError
from dubtool.training.core.perception import Vgg19, perception_loss


@pytest.fixture
def vgg(tmp_path: Path) -> Vgg19:
    """The first two blocks in the file's layout, with random weights."""
    torch.manual_seed(0)
    shapes = [(3, 3, 1), (64, 3, 3), (64, 64, 3), (128, 64, 3), (128, 128, 3)]
    layers = {
        f"{number}.{name}": torch.randn(shape) * 0.1
        for number, (high, low, kernel) in enumerate(shapes)
        for name, shape in (("weight", (high, low, kernel, kernel)), ("bias", (high,)))
    }
    save_file(layers, tmp_path / "vgg.safetensors")
    return Vgg19(tmp_path / "vgg.safetensors", depth=2)


def test_equal_pictures_have_no_loss(vgg: Vgg19) -> None:
    picture = torch.rand(1, 3, 32, 32)
    assert perception_loss(vgg, picture, picture.clone()).item() == 0


def test_the_loss_grows_with_the_difference_and_moves_the_picture(vgg: Vgg19) -> None:
    picture, noise = torch.rand(1, 3, 32, 32), torch.randn(1, 3, 32, 32)
    little = (picture + 0.01 * noise).requires_grad_()
    losses = [perception_loss(vgg, little, picture), perception_loss(vgg, picture + 0.1 * noise, picture)]
    assert 0 < losses[0].item() < losses[1].item()
    losses[0].backward()
    assert little.grad is not None and little.grad.abs().sum() > 0


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "vgg.safetensors"
    wrong.write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="not a readable VGG-19 file"):
        Vgg19(wrong)
