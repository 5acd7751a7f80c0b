from __future__ import annotations

import parity
import pytest
import torch
from random_network import settled

from dubtool.networks import DINet
from dubtool.networks.dinet import crop_size, mouth_window


def inputs(net: DINet, mouth: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(mouth)
    height, width = crop_size(mouth)
    return (
        torch.rand(batch, net.source_channels, height, width, generator=generator),
        torch.rand(batch, net.reference_channels, height, width, generator=generator),
        torch.randn(batch, net.audio_channels, 5, generator=generator),
    )


@pytest.mark.parametrize(
    ("arguments", "mouth"),
    [({"width": 16}, 64), ({"width": 8, "source_channels": 6}, 128), ({"width": 8, "audio_channels": 12}, 32)],
)
def test_picture_has_the_size_of_the_crop_and_the_range_of_an_image(arguments: dict[str, int], mouth: int) -> None:
    net = settled(DINet(**arguments))
    with torch.no_grad():
        picture = net(*inputs(net, mouth))
    assert picture.shape == (2, 3, *crop_size(mouth))
    assert 0 <= picture.min() < 0.5 < picture.max() <= 1


def test_every_channel_count_follows_the_width() -> None:
    full, half = (DINet(width=width).state_dict() for width in (64, 32))
    for name, tensor in full.items():
        if name.endswith("conv.weight") and name not in (
            "source_in_conv.0.conv.weight",
            "ref_in_conv.0.conv.weight",
            "audio_encoder.0.conv.weight",
        ):
            assert half[name].shape[:2] == (tensor.shape[0] // 2, tensor.shape[1] // 2), name


@pytest.mark.parametrize("mouth", [32, 64, 96, 128])
def test_mouth_only_is_the_mouth_of_the_whole_picture(mouth: int) -> None:
    net = settled(DINet(width=8, source_channels=6, audio_channels=12))
    source, reference, audio = inputs(net, mouth)
    box = mouth_window(*crop_size(mouth))
    with torch.no_grad():
        whole = net(source, reference, audio)[:, :, box.top : box.bottom, box.left : box.right]
        encoded = net.encode_reference(reference)
        alone = net.generate(source, audio, *encoded, mouth_only=True)
    assert alone.shape == (2, 3, mouth, mouth)
    torch.testing.assert_close(alone, whole, rtol=0, atol=1e-5)


def test_references_encoded_once_serve_every_frame() -> None:
    net = settled(DINet(width=8))
    source, reference, audio = inputs(net, 64, batch=3)
    reference = reference[:1]
    with torch.no_grad():
        together = net.generate(source, audio, *net.encode_reference(reference))
        one_by_one = net(source, reference.expand(3, -1, -1, -1), audio)
    torch.testing.assert_close(together, one_by_one, rtol=0, atol=1e-5)


def test_the_split_alignment_equals_the_one_on_stacked_features() -> None:
    net = settled(DINet(width=8))
    source, reference, audio = inputs(net, 64)
    codes: list[torch.Tensor] = []
    net.adaAT.commn_linear.register_forward_pre_hook(lambda _, arguments: codes.append(arguments[0]))
    with torch.no_grad():
        net(source, reference, audio)
        stacked = torch.cat((net.source_in_conv(source), net.ref_in_conv(reference)), dim=1)
        expected = net.trans_conv(stacked).mean(dim=(2, 3))
    torch.testing.assert_close(codes[0][:, : 2 * net.width], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mouth_only", [False, True])
def test_every_parameter_receives_a_gradient(mouth_only: bool) -> None:
    net = settled(DINet(width=8)).train()
    source, reference, audio = inputs(net, 64)
    net.generate(source, audio, *net.encode_reference(reference), mouth_only=mouth_only).square().mean().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert without == []


def test_mouth_box_of_the_paper() -> None:
    assert crop_size(256) == (416, 320)
    box = mouth_window(416, 320)
    assert (box.top, box.bottom, box.left, box.right) == (128, 384, 32, 288)


@pytest.mark.parametrize(("height", "width"), [(416, 319), (320, 416), (100, 80), (0, 0)])
def test_a_crop_without_mouth_box_is_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match="not the crop"):
        mouth_window(height, width)


@pytest.mark.parametrize("width", [0, 12, -8])
def test_a_width_that_does_not_divide_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        DINet(width=width)


@parity.needs_parity
@pytest.mark.parametrize("case", [0, 1])
def test_parity_with_the_authors_network(case: int) -> None:
    spec = parity.description("dinet")
    net = DINet().eval()
    net.load_state_dict(parity.state(spec["state_dict"], spec["seed"], spec["gain"]), strict=True)
    description = spec["cases"][case]
    name = description["case"]
    tensors = {
        key: parity.random_input(f"{name}.{key}", shape, spec["seed"], "normal" if key == "audio" else "uniform")
        for key, shape in description["inputs"].items()
    }
    with torch.no_grad():
        picture = net(**tensors)
    assert list(picture.shape) == description["output_shape"]
    assert parity.largest_difference(picture, "dinet", name) < 1e-4
