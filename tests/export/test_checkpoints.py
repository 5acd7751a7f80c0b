from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from dubtool.errors import WeightsError
from dubtool.export.checkpoints import load, recognise, unwrap
from dubtool.networks import DINet, SyncNet

STATE = {"a.weight": torch.ones(2), "b.bias": torch.zeros(3)}
MODULE = {f"module.{key}": value for key, value in STATE.items()}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        MODULE,
        {"state_dict": MODULE},
        {"epoch": 3, "state_dict": {"net_g": MODULE}, "optimizer": {"net_g": {"a.weight": torch.ones(1)}}},
        {"state_dict": {"net": STATE}},
    ],
    ids=["bare", "module.", "state_dict", "net_g", "net"],
)
def test_every_layout_gives_the_bare_state(content: dict[str, Any]) -> None:
    state = unwrap(content)
    assert list(state) == list(STATE)
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


def test_three_networks_in_one_file_keep_their_names() -> None:
    content = {"generator": MODULE, "kp_detector": STATE, "he_estimator": {"c": torch.ones(1)}, "epoch": 9}
    state = unwrap(content)
    assert set(state) == {f"{part}.{key}" for part in ("generator", "kp_detector") for key in STATE} | {
        "he_estimator.c"
    }


def test_what_is_no_state_dict_is_empty() -> None:
    assert unwrap([1, 2]) == {}
    assert unwrap({"epoch": 3}) == {}


def test_networks_are_recognised_by_their_tensors() -> None:
    assert recognise(DINet(width=8).state_dict()) == "dinet"
    assert recognise(SyncNet(15, 29, 128).state_dict()) == "syncnet_dinet"
    assert (
        recognise(
            {
                "encoder.mask_model.conv1.weight": torch.ones(64, 6, 7, 7),
                "decoder.deconv1_1_new.weight": torch.ones(2, 2, 3, 3),
            }
        )
        == "hdtr"
    )
    assert (
        recognise(
            {"kp_detector.kp.weight": torch.ones(15, 32, 3, 3, 3), "he_estimator.fc_roll.weight": torch.ones(66, 2048)}
        )
        == "adasr"
    )
    assert recognise(STATE) is None


def test_a_checkpoint_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "holiday photo.jpg"
    network = DINet(width=8)
    torch.save({"state_dict": {"net_g": {f"module.{k}": v for k, v in network.state_dict().items()}}}, path)
    checkpoint = load(path)
    assert checkpoint.architecture == "dinet"
    DINet(width=8).load_state_dict(checkpoint.state, strict=True)


class _Command:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": _Command()}, "evil.pth")
    with pytest.raises(WeightsError, match=r"evil\.pth"):
        load(Path("evil.pth"))
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    "content", [b"", b"text", pickle.dumps({"a": 1}), b"PK\x03\x04broken"], ids=["empty", "text", "pickle", "zip"]
)
def test_what_is_no_checkpoint_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.pth"):
        load(path)


def test_an_unknown_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(STATE, path)
    with pytest.raises(WeightsError, match="none that dubtool knows"):
        load(path)
