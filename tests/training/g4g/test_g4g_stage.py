from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dubtool.errors import UsageError
from dubtool.face.shape import ShapeModel
from dubtool.models.registry import open_generator
from dubtool.networks.dinet import DINet
from dubtool.networks.g4g import G4G
from dubtool.training.core.config import load_stage, stage_names
from dubtool.training.core.export import export_run
from dubtool.training.core.runs import Effort, train
from dubtool.training.g4g.stage import G4GStage
from dubtool.training.g4g.trainer import G4GTrainer, new_g4g

TINY = G4GStage(width=8, min_natural=0.0, batch=2, steps=3, judge_width=8, adversarial=0.1, learning_rate=1e-3)


def trainer(data: Path, stage: G4GStage, run: Path | None = None) -> G4GTrainer:
    return G4GTrainer(stage, data / "clips", ShapeModel.load(data / "face_shape.npz"), None, run)


def test_stages_that_come_along_can_be_loaded() -> None:
    names = {name for name in stage_names() if name.startswith("g4g")}
    ablations = {
        "no_alignment": {"alignment": False},
        "one_scale": {"multi_scale": False},
        "no_fusion": {"fusion": False},
    }
    drawn = {"g4g_64_drawn", *(f"g4g_64_drawn_{name}" for name in ablations)}
    assert names == {"g4g_64", "g4g_96", "g4g_128", "g4g_128_clip", "g4g_128_drawn", *drawn}
    usual = load_stage("g4g_64_drawn", G4GStage)
    for name, change in ablations.items():
        assert load_stage(f"g4g_64_drawn_{name}", G4GStage) == replace(usual, **change)


def test_the_first_stage_trains_the_alignment_alone(data: Path) -> None:
    made = trainer(data, replace(TINY, align_steps=1, align_batch=4, align_group=2))
    before = {name: value.clone() for name, value in made.net.state_dict().items()}
    first = made.learn(made.make(0))
    assert set(first) == {"attribute", "contrast"}
    changed = {
        name.split(".")[0] for name, value in made.net.named_parameters() if not torch.equal(value, before[name])
    }
    assert "alignment" in changed and not changed & {"adaat", "decoder", "blend", "before", "after"}
    made.step = 1
    assert {"pixel", "attribute", "contrast", "fooled", "judge"} == set(made.learn(made.make(1)))


@pytest.mark.parametrize(
    ("change", "gone"), [({"alignment": False}, {"attribute", "contrast"}), ({"fusion": False}, set())]
)
def test_ablations_train_without_their_part(data: Path, change: dict[str, bool], gone: set[str]) -> None:
    made = trainer(data, replace(TINY, **change))  # type: ignore[arg-type]
    assert {"pixel", "attribute", "contrast", "fooled", "judge"} - gone == set(made.learn(made.make(0)))


def test_without_alignment_landmarks_do_not_matter_and_without_fusion_the_composite_is_shown(data: Path) -> None:
    batch = trainer(data, TINY).make(0)
    hidden = torch.zeros(1, 1, 104, 80)
    plain = new_g4g(replace(TINY, alignment=False, fusion=False)).eval()
    with torch.no_grad():
        one = plain.stages(batch.source, batch.landmarks, batch.reference, batch.mel, hidden)
        other = plain(batch.source, 1 - batch.landmarks, batch.reference, batch.mel, hidden)
    assert torch.equal(one.picture, other) and one.picture is one.composite
    assert torch.equal(one.embeddings.align, one.embeddings.fused)


def test_one_scale_counts_lips_no_more_than_cheeks(data: Path) -> None:
    made = trainer(data, TINY)
    batch = made.make(0)
    with torch.no_grad():
        stages = made.net.stages(*made.inputs(batch), made.hidden)
    everywhere = torch.ones_like(batch.lips)
    usual = made.pixel(stages, batch.picture, batch.lips)
    assert not torch.isclose(usual, made.pixel(stages, batch.picture, everywhere))
    made.stage = replace(TINY, multi_scale=False)
    assert torch.equal(made.pixel(stages, batch.picture, batch.lips), made.pixel(stages, batch.picture, everywhere))


def test_drawn_landmarks_go_beside_the_source(data: Path) -> None:
    made = trainer(data, replace(TINY, drawn=True))
    batch = made.make(0)
    assert batch.landmarks.shape == (2, 3, 104, 80) and "pixel" in made.learn(batch)
    net = made.net.eval()
    with torch.no_grad():
        one, other = (net.encode_source(batch.source, each) for each in (batch.landmarks, 0 * batch.landmarks))
    assert not torch.equal(one, other)


def test_five_frames_share_references_and_are_judged_together(data: Path) -> None:
    made = trainer(data, replace(TINY, frames=5, adversarial_clip=0.1))
    batch = made.make(0)
    assert len(batch.picture) == 10 and len(batch.reference) == 2
    assert {"judge", "clip_judge", "fooled", "clip_fooled"} <= set(made.learn(batch))


def test_a_sync_loss_asks_for_its_expert(data: Path) -> None:
    with pytest.raises(UsageError, match="--sync"):
        trainer(data, replace(TINY, frames=5, sync=5.0))


def test_what_dinet_learned_is_taken_over(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(4)
    dinet = DINet(6, 15, 12, 8)
    torch.save({"average": dinet.state_dict()}, tmp_path / "dinet.pt")
    made = trainer(data, TINY)
    made.start_from(tmp_path / "dinet.pt")
    net = made.net
    assert torch.equal(net.source_encoder[0].conv.weight, dinet.source_in_conv[0].conv.weight[:, :3])
    assert torch.equal(net.decoder[0].conv.weight, dinet.out_conv[0].conv.weight)
    assert torch.equal(net.adaat.rotation[0].weight, dinet.adaAT.rotation[0].weight)
    picture = torch.rand(1, 15, 104, 80)
    with torch.no_grad():
        wanted = dinet.eval().appearance_conv_list[0](dinet.ref_in_conv(picture))
        got = net.eval().before(net.reference_encoder(picture))
    torch.testing.assert_close(got, wanted)
    drawn = trainer(data, replace(TINY, drawn=True))
    drawn.start_from(tmp_path / "dinet.pt")
    assert torch.equal(drawn.net.source_encoder[0].conv.weight, dinet.source_in_conv[0].conv.weight)
    torch.save({"average": DINet(6, 15, 12, 16).state_dict()}, tmp_path / "wide.pt")
    torch.save({"average": {"layer.weight": torch.zeros(2)}}, tmp_path / "other.pt")
    for name in ("wide.pt", "other.pt"):
        with pytest.raises(UsageError, match="width 8"):
            made.start_from(tmp_path / name)


def test_a_run_goes_on_where_it_was_and_is_exported(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = replace(TINY, align_steps=1, align_batch=4, align_group=2, adversarial=0.0)
    run = tmp_path / "run"
    assert train(data, run, stage, Effort(minutes=0.0, device="cpu"), progress=lambda step, losses: None) == 0
    assert train(data, run, stage, Effort(device="cpu"), progress=lambda step, losses: None) == 3
    assert (run / "pictures" / "0000003.png").is_file() and "heard" in (run / "validation.jsonl").read_text()
    monkeypatch.setenv("DUBTOOL_WEIGHTS", str(tmp_path / "out"))
    once, frame = export_run(run, tmp_path / "out", "mine", sharpen=0.2)[:2]
    generator = open_generator(once, frame, device="cpu")
    assert generator.spec.conditioning == "mel" and generator.spec.steps == 16 and generator.spec.outlined
    assert generator.spec.sharpen == 0.2
    net = G4G(width=8)
    net.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=True)["average"])
    rng = np.random.default_rng(0)
    generator.set_references(rng.integers(0, 255, (5, 104, 80, 3), np.uint8))
    crops, drawings = rng.integers(0, 255, (2, 104, 80, 3), np.uint8), np.zeros((2, 3, 104, 80), np.uint8)
    mouths = generator.generate(crops, rng.normal(0, 1, (2, 80, 16)), drawings)
    assert mouths.shape == (2, 64, 64, 3) and 0 <= mouths.min() < mouths.max() <= 255
