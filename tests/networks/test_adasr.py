from __future__ import annotations

import parity
import pytest
import torch
from random_network import settled
from torch.nn import functional as F

from dubtool.face.learned_keypoints import relative_scale
from dubtool.networks.adasr import AdaSR
from dubtool.networks.adasr_generator import Generator
from dubtool.networks.adasr_keypoints import AntiAliasedReduction, KeypointDetector
from dubtool.networks.adasr_motion import DenseMotion
from dubtool.networks.adasr_pose import HeadPose, PoseEstimator, degrees, posed_keypoints, rotation_matrix
from dubtool.networks.batchnorm_folding import fold_batch_norm


def small(keypoints: int = 4) -> AdaSR:
    return AdaSR(
        Generator(
            keypoints, 8, 4, 2, resblocks=1, motion_width=4, motion_largest=16, motion_blocks=2, motion_channels=2
        ),
        KeypointDetector(keypoints, width=4, largest=16, blocks=2, depth=3),
        PoseEstimator(keypoints, width=4),
    )


def images(count: int = 2, size: int = 32) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(5))


def test_picture_has_the_size_and_range_of_the_source() -> None:
    net = settled(small())
    with torch.no_grad():
        picture = net(images(), images().flip(-1))
    assert picture.shape == (2, 3, 32, 32)
    assert 0 <= picture.min() < picture.max() <= 1


def test_a_source_encoded_once_serves_every_frame() -> None:
    # In double precision: instance norms of nearly flat random channels magnify the last digits.
    net = settled(small()).generator.double()
    source, driving = torch.rand(1, 4, 3).double() - 0.5, torch.rand(3, 4, 3).double() - 0.5
    image = images(1).double()
    with torch.no_grad():
        volume = net.encode_source(image)
        apart = torch.cat([net.animate(volume, source, one[None]) for one in driving])
        together = net(image.expand(3, -1, -1, -1), source.expand(3, -1, -1), driving)
    torch.testing.assert_close(apart, together, rtol=0, atol=1e-9)


def test_equal_keypoints_leave_the_volume_where_it_is() -> None:
    motion = settled(DenseMotion(4, 3, 2, 4, 8, 1, 2))
    points = torch.rand(1, 4, 3) - 0.5
    with torch.no_grad():
        grid, occlusion = motion(torch.randn(1, 3, 2, 6, 8), points, points)
    assert grid.shape == (1, 2, 6, 8, 3)
    assert occlusion.shape == (1, 1, 6, 8)
    torch.testing.assert_close(grid[0, 1, 2, :, 0], torch.linspace(-1, 1, 8), rtol=0, atol=1e-6)
    torch.testing.assert_close(grid[0, 0, :, 3, 1], torch.linspace(-1, 1, 6), rtol=0, atol=1e-6)
    torch.testing.assert_close(grid[0, :, 2, 3, 2], torch.linspace(-1, 1, 2), rtol=0, atol=1e-6)


def test_a_place_driven_by_one_keypoint_comes_from_where_that_keypoint_was() -> None:
    motion = settled(DenseMotion(2, 3, 2, 4, 8, 1, 2))
    torch.nn.init.zeros_(motion.mask.weight)
    motion.mask.bias.data = torch.tensor([-1e4, -1e4, 0.0])
    source, driving = torch.rand(1, 2, 3), torch.rand(1, 2, 3)
    with torch.no_grad():
        grid, _ = motion(torch.randn(1, 3, 2, 6, 8), source, driving)
    corner = torch.tensor([-1.0, -1.0, -1.0])
    torch.testing.assert_close(grid[0, 0, 0, 0], corner + source[0, 1] - driving[0, 1], rtol=0, atol=1e-6)


def test_keypoints_lie_inside_the_volume() -> None:
    detector = settled(KeypointDetector(5, width=4, largest=16, blocks=2, depth=3))
    with torch.no_grad():
        points = detector(images())
    assert points.shape == (2, 5, 3)
    assert points.abs().max() < 1


def test_reduction_keeps_a_flat_picture_and_removes_what_it_cannot_show() -> None:
    reduce = AntiAliasedReduction(1, 4)
    assert reduce.weight.shape == (1, 1, 13, 13)
    stripes = torch.zeros(1, 1, 64, 64)
    stripes[..., ::2] = 1
    small_stripes = reduce(stripes)
    assert small_stripes.shape == (1, 1, 16, 16)
    torch.testing.assert_close(small_stripes[..., 3:-3, 3:-3], torch.full((1, 1, 10, 10), 0.5), rtol=0, atol=1e-3)


def test_bins_become_degrees() -> None:
    scores = torch.full((2, 66), -1e4)
    scores[0, 33] = scores[1, 0] = 0
    torch.testing.assert_close(degrees(scores), torch.tensor([0.0, -99.0]))


@pytest.mark.parametrize(
    ("angles", "point", "turned"),
    [
        ((90.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
        ((0.0, 90.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        ((0.0, 0.0, 90.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
        # Roll first, then yaw, then pitch.
        ((0.0, 90.0, 90.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    ],
)
def test_rotation_sense_and_order(
    angles: tuple[float, ...], point: tuple[float, ...], turned: tuple[float, ...]
) -> None:
    yaw, pitch, roll = (torch.tensor([angle]) for angle in angles)
    result = rotation_matrix(yaw, pitch, roll)[0] @ torch.tensor(point)
    torch.testing.assert_close(result, torch.tensor(turned), rtol=0, atol=2e-3)


def test_pose_shifts_and_deforms_the_keypoints() -> None:
    straight = torch.full((1, 66), -1e4)
    straight[0, 33] = 0
    canonical, expression = torch.rand(1, 2, 3), torch.arange(6.0)[None]
    pose = HeadPose(straight, straight, straight, torch.tensor([[1.0, 2.0, 3.0]]), expression)
    expected = canonical + torch.tensor([[[1.0, 3.0, 5.0], [4.0, 6.0, 8.0]]])
    torch.testing.assert_close(posed_keypoints(canonical, pose), expected)


def test_folding_keeps_the_output() -> None:
    net = settled(small()).double()
    source, driving = images().double(), images().flip(-1).double()
    with torch.no_grad():
        torch.testing.assert_close(fold_batch_norm(net)(source, driving), net(source, driving), rtol=0, atol=1e-9)


def test_every_parameter_receives_a_gradient() -> None:
    net = settled(small()).train()
    net(images(), images().flip(-1)).square().mean().backward()
    without = {name for name, p in net.named_parameters() if p.grad is None}
    assert without == set()


def test_networks_for_different_keypoints_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[4, 15\]"):
        AdaSR(small(4).generator, KeypointDetector(15, 4, 8, 1, 2), small(4).he_estimator)


def parity_image(name: str, seed: int) -> torch.Tensor:
    noise = parity.random_input(f"adasr.{name}", [1, 3, 256, 256], seed)
    return F.interpolate(F.avg_pool2d(noise, 16), size=256, mode="bilinear", align_corners=False)


@pytest.mark.slow
@parity.needs_parity
def test_parity_with_the_authors_networks() -> None:
    spec = parity.description("adasr")
    net = AdaSR().eval()
    for part, entries in spec["state_dict"].items():
        net.get_submodule(part).load_state_dict(
            parity.state(entries, spec["seed"], spec["gain"], f"{part}."), strict=True
        )
    names = ("source", "driving0", "driving1")
    pictures = {name: parity_image(name, spec["seed"]) for name in names}
    expected = {key: torch.from_numpy(value) for key, value in parity.expected("adasr").items()}

    def same(ours: torch.Tensor, key: str) -> None:
        torch.testing.assert_close(ours, expected[key], rtol=0, atol=1e-4)

    with torch.no_grad():
        canonical = net.kp_detector(pictures["source"])
        same(canonical, "kp_canonical")
        keypoints = {}
        for name in names:
            pose = net.he_estimator(pictures[name])
            for part, scores in zip(("yaw", "pitch", "roll", "t", "exp"), pose, strict=True):
                same(scores, f"he.{name}.{part}")
            keypoints[name] = posed_keypoints(canonical, pose)
            same(keypoints[name], f"kp_{name}")
        scale = relative_scale(keypoints["source"][0].numpy(), keypoints["driving0"][0].numpy())
        driven = keypoints["source"] + scale * (keypoints["driving1"] - keypoints["driving0"])
        same(driven, "kp_relative_scaled")
        picture = net.generator(pictures["source"], keypoints["source"], driven)
    assert parity.largest_difference(picture, "adasr", "prediction") < 1e-4
