from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dubtool.networks.g4g import G4G
from dubtool.networks.g4g_alignment import Embeddings
from dubtool.training.core.adversary import Adversary, stacked
from dubtool.training.g4g.losses import attribute_loss, contrastive_loss, pixel_loss
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.syncnet.loss import out_of_sync


def embeddings(align: torch.Tensor, speech: torch.Tensor) -> Embeddings:
    return Embeddings(align, align, align, speech)


def test_attribute_loss_is_0_for_one_direction_1_for_right_angles_and_2_for_opposites() -> None:
    here = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    for other, expected in ((3 * here, 0.0), (here.flip(1), 1.0), (-here, 2.0)):
        assert attribute_loss(here, other).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("count", [2, 7])
def test_contrast_of_what_cannot_be_told_apart_is_log_n(count: int) -> None:
    net = G4G(width=8)
    same = torch.ones(count, 32)
    similar = net.alignment.similarities(embeddings(same, -same))
    assert contrastive_loss(similar).item() == pytest.approx(math.log(count), abs=1e-5)


def test_contrast_of_pairs_that_find_each_other_approaches_0() -> None:
    net = G4G(width=8)
    apart = torch.eye(8, 32)
    loose = contrastive_loss(net.alignment.similarities(embeddings(apart, apart))).item()
    with torch.no_grad():
        net.alignment.log_scale.fill_(math.log(50.0))
    tight = contrastive_loss(net.alignment.similarities(embeddings(apart, apart))).item()
    assert tight < 1e-6 < loose < math.log(8)
    # The target is the diagonal, not just any pairing.
    assert contrastive_loss(net.alignment.similarities(embeddings(apart, apart.roll(1, 0)))).item() > 10


def test_contrast_asks_in_both_directions() -> None:
    # Both images are nearest to their own sounds, but the first sound is as near to both of them.
    similar = torch.tensor([[100.0, 0.0], [100.0, 200.0]])
    assert contrastive_loss(similar).item() == pytest.approx(0.5 * (0.5 * math.log(2)), abs=1e-6)


def test_pixel_loss_counts_every_mask_alike() -> None:
    true, made = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    made[..., 0, 0] = 0.8
    whole, corner = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    corner[..., 0, 0] = 1
    assert pixel_loss(made, true, [whole]).item() == pytest.approx(0.8 / 16)
    assert pixel_loss(made, true, [whole, corner]).item() == pytest.approx((0.8 / 16 + 0.8) / 2)


@pytest.mark.parametrize("channels", [3, 15])
def test_least_squares_adversary_of_constant_opinion(channels: int) -> None:
    adversary = Adversary(channels, 8, 0.0, torch.device("cpu"), "judge")
    pictures = torch.rand(2, channels, 64, 64)
    with torch.no_grad():
        adversary.net.score.weight.zero_()
        for opinion, fooled, judged in ((1.0, 0.0, 0.5), (0.0, 1.0, 0.5), (0.5, 0.25, 0.25)):
            adversary.net.score.bias.fill_(opinion)
            assert adversary.fooled(pictures).item() == pytest.approx(fooled)
            with torch.enable_grad():
                assert adversary.learn(pictures, pictures).item() == pytest.approx(judged)


def test_features_match_where_pictures_do_and_teach_the_painter_alone() -> None:
    adversary = Adversary(3, 8, 0.0, torch.device("cpu"), "judge")
    made = torch.rand(2, 3, 64, 64).requires_grad_()
    assert adversary.fooled_and_matched(made, made.detach())[1].item() == 0.0
    fooled, matched = adversary.fooled_and_matched(made, 1 - made.detach())
    assert fooled.item() == pytest.approx(adversary.fooled(made).item())
    matched.backward()
    assert matched.item() > 0 and made.grad is not None and made.grad.abs().max() > 0
    assert all(each.grad is None and each.requires_grad for each in adversary.net.parameters())


class Opinion(nn.Module):
    """Scores every stack by its mean grey."""

    def forward(self, image: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
        assert image.shape[2:] == (32, 32)
        return image.mean(dim=(1, 2, 3)).view(-1, 1, 1, 1)


def test_the_expert_sees_five_frames_in_its_own_size_and_is_content_at_1() -> None:
    pictures = torch.cat([torch.ones(5, 3, 64, 64), torch.zeros(5, 3, 64, 64)])
    stacks = stacked(pictures)
    assert stacks.shape == (2, 15, 64, 64)
    assert out_of_sync(Opinion(), 32, stacks[:1], torch.zeros(1, 4, 11)).item() == pytest.approx(0.0, abs=1e-6)
    assert out_of_sync(Opinion(), 32, stacks, torch.zeros(2, 4, 11)).item() == pytest.approx(0.5, abs=1e-6)


def test_the_papers_weights_hold_where_a_stage_says_nothing() -> None:
    stage = G4GStage()
    assert (stage.attribute, stage.feature, stage.adversarial, stage.pixel, stage.contrast) == (1, 2, 3, 4, 5)
    assert (stage.learning_rate, stage.batch) == (1e-4, 3)
