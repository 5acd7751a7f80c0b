from __future__ import annotations

import parity
import pytest
import torch
from random_network import settled

from dubtool.networks import SyncNet


@pytest.mark.parametrize(("mouth", "steps", "cells"), [(32, 1, 1), (64, 5, 2), (128, 9, 4)])
def test_one_score_for_each_patch_of_32_pixels(mouth: int, steps: int, cells: int) -> None:
    net = settled(SyncNet(image_channels=6, audio_channels=12, hidden=16))
    with torch.no_grad():
        scores = net(torch.rand(2, 6, mouth, mouth), torch.randn(2, 12, steps))
    assert scores.shape == (2, 1, cells, cells)


def test_score_depends_on_picture_and_sound() -> None:
    net = settled(SyncNet(image_channels=3, audio_channels=4, hidden=16))
    image, audio = torch.rand(1, 3, 64, 64), torch.randn(1, 4, 9)
    with torch.no_grad():
        score = net(image, audio)
        assert not torch.allclose(score, net(image.flip(-1), audio))
        assert not torch.allclose(score, net(image, audio.roll(3, -1)))


def test_every_parameter_receives_a_gradient() -> None:
    net = SyncNet(image_channels=3, audio_channels=4, hidden=16)
    net(torch.rand(2, 3, 64, 64), torch.randn(2, 4, 5)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@parity.needs_parity
def test_parity_with_the_authors_network() -> None:
    spec = parity.description("syncnet")
    net = SyncNet(15, 29, 128).eval()
    net.load_state_dict(parity.state(spec["state_dict"], spec["seed"], spec["gain"]), strict=True)
    case = spec["cases"][0]
    tensors = {
        key: parity.random_input(f"syncnet.{key}", shape, spec["seed"], "normal" if key == "audio" else "uniform")
        for key, shape in case["inputs"].items()
    }
    with torch.no_grad():
        scores = net(**tensors)
    assert list(scores.shape) == case["output_shape"]
    assert parity.largest_difference(scores, "syncnet", "syncnet") < 1e-4
