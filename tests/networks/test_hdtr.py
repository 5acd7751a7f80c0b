from __future__ import annotations

import parity
import pytest
import torch
from random_network import settled
from torch import nn

from dubtool.networks import HDTRNet
from dubtool.networks.batchnorm_folding import fold_batch_norm
from dubtool.networks.hdtr_detail import local_mean


def pictures(size: int, batch: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(size)
    return [torch.rand(batch, 3, size, size, generator=generator) for _ in range(3)]


@pytest.mark.parametrize("size", [32, 48])
def test_mouth_keeps_its_size_and_range(size: int) -> None:
    net = settled(HDTRNet(width=8))
    with torch.no_grad():
        mouth = net(*pictures(size))
    assert mouth.shape == (2, 3, size, size)
    assert 0 <= mouth.min() < mouth.max() <= 1


def test_each_input_matters() -> None:
    net = settled(HDTRNet(width=8))
    inputs = pictures(32)
    with torch.no_grad():
        before = net(*inputs)
        for index in range(3):
            changed = [x.flip(-1) if i == index else x for i, x in enumerate(inputs)]
            assert not torch.allclose(net(*changed), before, atol=1e-4), index


def test_one_encoded_reference_serves_several_mouths() -> None:
    net = settled(HDTRNet(width=8))
    mask, contour, reference = pictures(32)
    reference = reference[:1].expand(2, -1, -1, -1)
    with torch.no_grad():
        cached = net.encode_reference(reference[:1]).expand(2, -1, -1, -1)
        split = net.decode(net.encode_mouth(mask, contour), cached)
        torch.testing.assert_close(split, net(mask, contour, reference), rtol=0, atol=1e-5)


def test_folding_keeps_the_output() -> None:
    net = settled(HDTRNet(width=8))
    folded = fold_batch_norm(net)
    inputs = pictures(32)
    with torch.no_grad():
        torch.testing.assert_close(folded(*inputs), net(*inputs), rtol=0, atol=1e-5)
    counts = [sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) for network in (net, folded)]
    # conv1 and conv_last0 of two encoders, one in each halving, two transposed and nine plain ones of the decoder.
    assert counts[0] - counts[1] == 17


def test_only_the_spare_branch_of_the_checkpoint_is_left_without_gradient() -> None:
    net = settled(HDTRNet(width=8)).train()
    net(*pictures(32)).square().mean().backward()
    without = {name.rsplit(".", 2)[0] for name, p in net.named_parameters() if p.grad is None}
    assert without == {"encoder.m_conv2"}


def test_a_width_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        HDTRNet(width=12)


def test_a_detail_head_is_not_in_the_authors_network_and_begins_as_nothing() -> None:
    net = HDTRNet(width=8, detail=8).eval()
    assert {name.split(".")[0] for name in net.state_dict().keys() - HDTRNet(width=8).state_dict().keys()} == {"detail"}
    drawn, crop, _ = pictures(32)
    with torch.no_grad():
        assert torch.equal(net.correct(drawn, crop), crop)
        assert net.detail is not None
        net.detail.leave.weight.normal_()
        changed = net.correct(drawn, crop)
        assert changed.shape == crop.shape
        assert not torch.equal(net.correct(drawn.flip(-1), crop), changed)


def test_a_deep_head_adds_detail_alone() -> None:
    net = HDTRNet(width=8, detail=8, deep=True, shrink=2).eval()
    hidden, contour, crop = pictures(64)
    with torch.no_grad():
        drawn = net(hidden, contour, crop)
        assert drawn.shape == crop.shape
        assert net.encode_reference(crop).shape[-1] == 64 // 8 // 2
        assert net.detail is not None and torch.equal(net.correct(drawn, crop), crop)
        net.detail.leave.weight.normal_()
        net.detail.leave.bias.fill_(3.0)
        change = net.correct(drawn, crop) - crop
    assert change.std() > 0.01
    # A constant is no detail: little is left of it.
    assert local_mean(change).abs().mean() < 0.1 * change.abs().mean()


def test_what_is_drawn_smaller_cannot_replace_the_crop() -> None:
    with pytest.raises(ValueError, match="cannot replace"):
        HDTRNet(width=8, shrink=2)


@parity.needs_parity
def test_parity_with_the_authors_network() -> None:
    spec = parity.description("hdtr")
    net = HDTRNet().eval()
    net.load_state_dict(parity.state(spec["state_dict"], spec["seed"], spec["gain"]), strict=True)
    case = spec["cases"][0]
    tensors = {key: parity.random_input(f"hdtr.{key}", shape, spec["seed"]) for key, shape in case["inputs"].items()}
    with torch.no_grad():
        mouth = net(**tensors)
    assert list(mouth.shape) == case["output_shape"]
    assert parity.largest_difference(mouth, "hdtr", "hdtr") < 1e-4
