"""The landmark-driven AdaSR: an untrained one is the warp it is given, and what each part may and may not change."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dubtool.networks.adasr_landmarks import LandmarkAdaSR
from dubtool.networks.landmark_flow import enlarged, landmark_flow, pixel_grid, sampled
from dubtool.networks.spectral import SpectralConv2d, bake_spectral_norm

KEYPOINTS, RIGID, DRAWING, SIDE = 12, 6, 2, 64


def network(**sizes: int) -> LandmarkAdaSR:
    torch.manual_seed(0)
    return LandmarkAdaSR(KEYPOINTS, RIGID, DRAWING, width=8, middle=1, high_frequency=2, **sizes).eval()


def points(seed: int = 0) -> Tensor:
    return 0.5 * (2 * torch.rand(1, KEYPOINTS, 2, generator=torch.Generator().manual_seed(seed)) - 1)


def picture(seed: int = 0) -> Tensor:
    small = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(small, (SIDE, SIDE), mode="bilinear")


def drawing(seed: int = 0) -> Tensor:
    return torch.rand(1, DRAWING, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def test_points_that_stay_move_nothing() -> None:
    flow = landmark_flow(points(), points(), RIGID, (16, 16))
    assert torch.allclose(flow.smooth, flow.identity.expand_as(flow.smooth), atol=1e-4)


def test_an_affine_motion_is_found_exactly_near_the_points() -> None:
    linear, offset = torch.tensor([[1.1, 0.1], [-0.05, 0.9]]), torch.tensor([0.1, -0.05])
    driven = points()
    flow = landmark_flow(driven @ linear.T + offset, driven, RIGID, (16, 16))
    wanted = flow.identity @ linear.T + offset
    assert torch.allclose(flow.affine, wanted, atol=0.01)
    assert torch.allclose(flow.shifts, offset.expand_as(flow.shifts), atol=0.01)


def test_the_smooth_warp_takes_each_point_to_its_source() -> None:
    source, driven = points(0), points(0) + 0.08 * points(1)
    flow = landmark_flow(source, driven, RIGID, (128, 128))
    found = F.grid_sample(flow.smooth.permute(0, 3, 1, 2), driven[:, None], align_corners=False)
    assert (found[:, :, 0].transpose(1, 2) - source).abs().max() < 0.03


def test_far_from_the_face_nothing_moves() -> None:
    driven = 0.15 * points()
    flow = landmark_flow(driven + 0.2, driven, RIGID, (32, 32))
    moved = (flow.smooth - flow.identity).abs()[0]
    assert moved[0, 0].max() < 0.01
    assert moved[16, 16].min() > 0.12


def test_enlarging_a_still_grid_keeps_it_still_up_to_the_border() -> None:
    still = pixel_grid(8, 8, picture())
    assert torch.allclose(sampled(picture(), enlarged(still, (SIDE, SIDE))), picture(), atol=1e-4)


def test_an_untrained_network_is_the_warp_it_is_given() -> None:
    source, driven = points(0), points(0) + 0.1
    flow = landmark_flow(source, driven, RIGID, (16, 16))
    plain = sampled(F.avg_pool2d(picture(), 4), flow.smooth)
    with torch.no_grad():
        made, moved = network()(picture(), source, drawing(), driven, drawing(1), picture(1))
    assert (made - picture(1)).abs().max() < 0.02
    # Its features are moved by the smooth warp.
    assert (moved - plain).abs().mean() < 0.02
    assert (moved - F.avg_pool2d(picture(), 4)).abs().mean() > 0.02


def test_the_adaptive_encoder_can_be_left_out_and_holds_no_batch_norm() -> None:
    with_it, without = network(), LandmarkAdaSR(KEYPOINTS, RIGID, DRAWING, width=8, middle=1, high_frequency=0)
    ours = {name for name, _ in with_it.named_parameters()} - {name for name, _ in without.named_parameters()}
    assert ours and all(name.startswith(("fine.", "coarse.")) for name in ours)
    encoders = (with_it.first, with_it.down_half, with_it.down_quarter, with_it.fine, with_it.coarse)
    assert not [part for each in encoders for part in each.modules() if isinstance(part, torch.nn.BatchNorm2d)]


@pytest.mark.parametrize("part", ["features", "detail"])
def test_every_part_of_the_encoding_is_used(part: str) -> None:
    net = network()
    torch.nn.init.normal_(net.paint.weight, 0, 0.1)
    with torch.no_grad():
        encoded = dict(zip(("features", "detail", "small"), net.encode_source(picture(), drawing()), strict=True))
        given = points(), points(), drawing(1), picture()
        made, _ = net.animate(tuple(encoded.values()), *given)  # type: ignore[arg-type]
        encoded[part] = encoded[part] + 1
        other, _ = net.animate(tuple(encoded.values()), *given)  # type: ignore[arg-type]
    assert (made - other).abs().max() > 1e-4


def test_places_stay_exact_under_autocast() -> None:
    source, driven = points(0), points(1)
    exact = landmark_flow(source, driven, RIGID, (16, 16)).smooth
    with torch.autocast("cpu", torch.bfloat16):
        rough = landmark_flow(source, driven, RIGID, (16, 16)).smooth
    assert torch.equal(exact, rough)


def test_baked_convolutions_give_the_same_pictures() -> None:
    net = network()
    torch.nn.init.normal_(net.paint.weight, 0, 0.1)
    baked = bake_spectral_norm(net)
    assert not [part for part in baked.modules() if isinstance(part, SpectralConv2d)]
    given = picture(), points(), drawing(), points(1), drawing(1), picture(1)
    with torch.no_grad():
        assert torch.allclose(net(*given)[0], baked(*given)[0], atol=1e-5)
