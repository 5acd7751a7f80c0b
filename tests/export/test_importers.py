from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learned_adasr import pictures, small_adasr

from dubtool.engine.session import Session
from dubtool.errors import InputError, WeightsError
from dubtool.export.importers import import_checkpoint
from dubtool.networks import AdaSR, DINet, HDTRNet, SyncNet, Wav2Lip
from dubtool.weights.locate import find, find_graphs


def _save(network: torch.nn.Module, path: Path) -> Path:
    torch.save({"state_dict": {"net_g": {f"module.{k}": v for k, v in network.state_dict().items()}}}, path)
    return path


def test_the_authors_layout_of_dinet_becomes_three_graphs(user_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = DINet(width=8).eval()
    written = import_checkpoint("dinet", _save(network, tmp_path / "theirs.pth"), mouth=64)
    assert tuple(written[:2]) == find_graphs("dinet")
    assert (written[0], written[2]) == find_graphs("dinet", on_cpu=True)
    assert {path.name for path in user_folder.iterdir()} == {*(path.name for path in written), "registry.json"}

    source, reference, audio = torch.rand(2, 3, 104, 80), torch.rand(1, 15, 104, 80), torch.randn(2, 29, 5)
    once, *frames = (Session(path, device="cpu", threads=1) for path in written)
    feeds = once.run({"reference": reference.numpy()}) | {"source": source.numpy(), "audio": audio.numpy()}
    with torch.no_grad():
        expected = network(source, reference.expand(2, -1, -1, -1), audio)[:, :, 32:96, 8:72]
    for frame in frames:
        assert (frame.metadata["speech"], frame.metadata["graph"]) == ("deepspeech", "frame")
        np.testing.assert_allclose(frame.run(feeds)["mouth"], expected.numpy(), atol=1e-4)


def test_the_authors_layout_of_hdtr_becomes_two_graphs(user_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = HDTRNet(width=8).eval()
    torch.save({f"module.{name}": value for name, value in network.state_dict().items()}, tmp_path / "theirs.pth")
    written = import_checkpoint("hdtr", tmp_path / "theirs.pth")
    assert tuple(written) == find_graphs("hdtr")
    mask, contour, reference = torch.rand(3, 2, 3, 96, 96)
    once, frame = (Session(path, device="cpu", threads=1) for path in written)
    assert (frame.metadata["network"], frame.metadata["side"]) == ("hdtr", 96)
    feeds = once.run({"reference": reference.numpy()}) | {"mask": mask.numpy(), "contour": contour.numpy()}
    with torch.no_grad():
        expected = network(mask, contour, reference)
    np.testing.assert_allclose(frame.run(feeds)["mouth"], expected.numpy(), atol=1e-4)


@pytest.mark.slow
def test_hdtr_of_the_authors_own_width(user_folder: Path, tmp_path: Path) -> None:
    state = {f"module.{name}": value for name, value in HDTRNet().state_dict().items()}
    torch.save(state, tmp_path / "lip-clarity-model.pth")
    once, frame = import_checkpoint("hdtr", tmp_path / "lip-clarity-model.pth")
    assert Session(once, device="cpu").metadata["width"] == Session(frame, device="cpu").metadata["width"] == 64


def test_an_incomplete_hdtr_is_refused(user_folder: Path, tmp_path: Path) -> None:
    state = HDTRNet(width=8).state_dict()
    del state["decoder.conv4_2.bias"]
    torch.save(state, tmp_path / "theirs.pth")
    with pytest.raises(WeightsError, match=r"theirs\.pth.*conv4_2\.bias"):
        import_checkpoint("hdtr", tmp_path / "theirs.pth")


def _parts(network: torch.nn.Module) -> dict[str, Any]:
    """As AdaSR's authors save it, with what their training keeps beside the networks."""
    parts = ("generator", "kp_detector", "he_estimator")
    optimizer = torch.optim.Adam(network.parameters()).state_dict()
    states: dict[str, Any] = {part: dict(network.get_submodule(part).state_dict()) for part in parts}
    return {**states, "discriminator": {"conv.weight": torch.ones(1)}, "optimizer_generator": optimizer, "epoch": 99}


def test_the_authors_layout_of_adasr_becomes_three_graphs(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dubtool.networks.AdaSR", small_adasr)
    network = small_adasr()
    torch.nn.init.normal_(network.generator.decoder.conv_img.weight)
    torch.save(_parts(network), tmp_path / "mix-train.pth.tar")
    written = import_checkpoint("adasr", tmp_path / "mix-train.pth.tar")
    assert [path.name for path in written] == ["adasr_keypoints.onnx", "adasr_once.onnx", "adasr_frame.onnx"]
    assert find_graphs("adasr") == tuple(written) and find("adasr_keypoints") == written[0]
    picture = torch.nn.functional.interpolate(pictures(1), size=256, mode="bilinear")
    keypoints, once, frame = (Session(path, device="cpu", threads=1) for path in written)
    portrait = once.run({"image": picture.numpy(), **keypoints.run({"image": picture.numpy()})})
    portrait.pop("canonical")
    with torch.no_grad():
        expected = network(picture, picture).numpy()
    found = frame.run({**portrait, "driven": portrait["source"]})["picture"]
    # Processors without AVX-512 add in another order: 1.5e-4 was seen there.
    np.testing.assert_allclose(found, expected, atol=3e-4)


def test_an_incomplete_adasr_is_refused(user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubtool.networks.AdaSR", small_adasr)
    content = _parts(small_adasr())
    del content["generator"]["fourth.bias"]
    content["he_estimator"]["fc_more.weight"] = torch.ones(1)
    torch.save(content, tmp_path / "theirs.pth.tar")
    with pytest.raises(WeightsError, match=r"theirs\.pth\.tar: an AdaSR .*fourth\.bias.*fc_more\.weight"):
        import_checkpoint("adasr", tmp_path / "theirs.pth.tar")
    torch.save(DINet(width=8).state_dict(), tmp_path / "dinet.pth")
    with pytest.raises(WeightsError, match=r"dinet\.pth: holds the network 'dinet', not 'adasr'"):
        import_checkpoint("adasr", tmp_path / "dinet.pth")
    assert list(user_folder.iterdir()) == []


def test_the_authors_layout_of_wav2lip_becomes_one_graph(user_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = Wav2Lip(width=4)
    source, reference, mel = torch.rand(2, 3, 96, 96), torch.rand(1, 3, 96, 96), torch.randn(2, 1, 80, 16)
    network.train()(source, reference.expand(2, -1, -1, -1), mel)
    state = {f"module.{name}": value for name, value in network.eval().state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters()).state_dict()
    torch.save({"state_dict": state, "optimizer": optimizer, "global_epoch": 9}, tmp_path / "theirs.pth")
    written = import_checkpoint("wav2lip", tmp_path / "theirs.pth")
    assert tuple(written) == find_graphs("wav2lip") and [path.name for path in written] == ["wav2lip_frame.onnx"]
    frame = Session(written[0], device="cpu", threads=1)
    with torch.no_grad():
        expected = network(source, reference.expand(2, -1, -1, -1), mel).numpy()
    feeds = {"source": source.numpy(), "reference": reference.numpy(), "mel": mel.numpy()}
    np.testing.assert_allclose(frame.run(feeds)["face"], expected, atol=1e-4)


def test_a_wav2lip_for_larger_faces_is_refused(user_folder: Path, tmp_path: Path) -> None:
    state = Wav2Lip(width=4).state_dict()
    state["face_encoder_blocks.7.0.conv_block.0.weight"] = torch.ones(2, 2, 3, 3)
    torch.save({"state_dict": state}, tmp_path / "theirs.pth")
    with pytest.raises(WeightsError, match=r"theirs\.pth: a Wav2Lip .*face_encoder_blocks\.7"):
        import_checkpoint("wav2lip", tmp_path / "theirs.pth")


@pytest.mark.slow
def test_adasr_at_its_published_sizes(user_folder: Path, tmp_path: Path) -> None:
    torch.save(_parts(AdaSR()), tmp_path / "mix-train.pth.tar")
    for path in import_checkpoint("adasr", tmp_path / "mix-train.pth.tar"):
        told = Session(path, device="cpu").metadata
        assert (told["network"], told["side"], told["keypoints"]) == ("adasr-learned", 256, 15)


def test_another_network_is_refused_by_name(user_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    torch.save({"state_dict": {"net": SyncNet(15, 29, 128).state_dict()}}, path)
    with pytest.raises(WeightsError, match=r"theirs\.pth.*'syncnet_dinet', not 'dinet'"):
        import_checkpoint("dinet", path)
    assert list(user_folder.iterdir()) == []


def test_an_incomplete_state_is_refused(user_folder: Path, tmp_path: Path) -> None:
    network = DINet(width=8)
    del network.out_conv[4]
    with pytest.raises(WeightsError, match=r"theirs\.pth.*out_conv\.4"):
        import_checkpoint("dinet", _save(network, tmp_path / "theirs.pth"))


def test_a_missing_file_is_an_input_error(user_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.pth"):
        import_checkpoint("dinet", tmp_path / "nothing.pth")


def test_weights_that_have_no_importer_are_refused(user_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="dinet, hdtr, adasr, deepspeech, wav2lip"):
        import_checkpoint("yunet", tmp_path / "x")


def test_without_torch_one_line_says_what_to_install(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec

    def without_torch(name: str, *rest: Any) -> Any:
        return None if name == "torch" else real(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without_torch)
    path = tmp_path / "theirs.pth"
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match=r'needs torch: pip install "dubtool\[train\]"'):
        import_checkpoint("dinet", path)
