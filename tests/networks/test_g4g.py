from __future__ import annotations

import pytest
import torch
from random_network import settled
from torch.nn import functional as F

from dubtool.networks.g4g import G4G, smooth_mask


def inputs(batch: int = 2, height: int = 52, width: int = 40) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.zeros(batch, 1, height, width)
    mask[:, :, 16:48, 4:36] = 1
    return {
        "source": torch.rand(batch, 3, height, width, generator=generator) * (1 - mask),
        "landmarks": torch.rand(batch, 1, height, width, generator=generator).round(),
        "reference": torch.rand(batch, 15, height, width, generator=generator),
        "mel": torch.randn(batch, 16, 80, generator=generator),
        "mask": mask,
    }


@pytest.mark.parametrize(("height", "width"), [(52, 40), (104, 80)])
def test_picture_has_the_size_and_range_of_an_image(height: int, width: int) -> None:
    net = settled(G4G(width=8))
    with torch.no_grad():
        stages = net.stages(**inputs(2, height, width))
    for picture in (stages.decoded, stages.composite, stages.picture):
        assert picture.shape == (2, 3, height, width)
        assert 0 <= picture.min() < picture.max() <= 1
    assert all(vector.shape == (2, 32) for vector in stages.embeddings)


def test_composite_shows_the_source_outside_and_the_decoded_face_inside() -> None:
    net = settled(G4G(width=8))
    tensors = inputs()
    with torch.no_grad():
        stages = net.stages(**tensors)
    inside = tensors["mask"].bool().expand(-1, 3, -1, -1)
    torch.testing.assert_close(stages.composite[inside], stages.decoded[inside], rtol=0, atol=1e-5)
    torch.testing.assert_close(stages.composite[:, :, :12], tensors["source"][:, :, :12], rtol=0, atol=1e-5)


def test_an_untaught_blend_network_repeats_the_composite_and_a_taught_one_is_heard() -> None:
    net = G4G(width=8).eval()
    assert net.blend is not None
    with torch.no_grad():
        stages = net.stages(**inputs())
        torch.testing.assert_close(stages.picture, stages.composite, rtol=0, atol=1.1e-3)
        net.blend.last.bias.fill_(1.0)
        assert (net.stages(**inputs()).picture >= stages.picture).all()


@pytest.mark.parametrize("name", ["source", "landmarks", "reference", "mel"])
def test_each_input_matters(name: str) -> None:
    net = settled(G4G(width=8))
    tensors = inputs()
    changed = {**tensors, name: tensors[name].flip(-1)}
    with torch.no_grad():
        assert not torch.allclose(net(**tensors), net(**changed), atol=1e-5)


def test_landmarks_shape_the_aligned_embedding_but_not_the_fused_one() -> None:
    net = settled(G4G(width=8))
    tensors = inputs()
    del tensors["mask"]
    with torch.no_grad():
        before = net.embed(**tensors)
        after = net.embed(**{**tensors, "landmarks": 1 - tensors["landmarks"]})
    torch.testing.assert_close(after.fused, before.fused)
    assert not torch.allclose(after.align, before.align, atol=1e-4)


def test_similarities_are_cosines_over_the_temperature() -> None:
    net = settled(G4G(width=8))
    torch.nn.init.constant_(net.alignment.log_scale, 0.0)
    tensors = inputs(3)
    del tensors["mask"]
    with torch.no_grad():
        embeddings = net.embed(**tensors)
        matrix = net.alignment.similarities(embeddings)
    expected = F.cosine_similarity(embeddings.align[2], embeddings.speech[1], dim=0)
    assert matrix.shape == (3, 3)
    torch.testing.assert_close(matrix[2, 1], expected)


def test_every_parameter_receives_a_gradient() -> None:
    net = settled(G4G(width=8)).train()
    stages = net.stages(**inputs())
    attribute = F.cosine_similarity(stages.embeddings.fused, stages.embeddings.landmark).mean()
    contrast = F.cross_entropy(net.alignment.similarities(stages.embeddings), torch.arange(2))
    (stages.picture.square().mean() + attribute + contrast).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None] == []


def test_mask_stays_whole_where_it_was_and_falls_off_without_a_step() -> None:
    mask = torch.zeros(1, 1, 416, 320)
    mask[:, :, 128:384, 32:288] = 1
    soft = smooth_mask(mask)
    torch.testing.assert_close(soft[:, :, 128:384, 32:288], mask[:, :, 128:384, 32:288], rtol=0, atol=1e-5)
    assert soft[0, 0, 0].abs().max() < 1e-6
    assert (soft[:, :, 1:] - soft[:, :, :-1]).abs().max() < 0.15


def test_a_width_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        G4G(width=4)
