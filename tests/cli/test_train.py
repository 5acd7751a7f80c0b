from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dubtool.cli.app import main
from dubtool.face.crop import CropSize
from dubtool.face.shape import MOUTH, ShapeModel
from dubtool.face.topology import TRACKED

STAGE = """network = "generator"
mouth = 64
width = 8
modes = 3
batch = 2
steps = 3
min_natural = 0
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Prepared data of two people, of noise."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    for number, split in enumerate(("train", "val")):
        clip = folder / "clips" / f"clip{number}"
        clip.mkdir(parents=True)
        np.save(clip / "crops.npy", rng.integers(0, 255, (30, CropSize(64).height, CropSize(64).width, 3), np.uint8))
        np.savez(
            clip / "meta.npz",
            mouth=rng.normal((0, 1.2), 0.3, (30, len(MOUTH), 2)),
            coef=rng.normal(0, 1, (30, 3)).astype(np.float32),
            rest=np.zeros((len(MOUTH), 3)),
            frames=np.arange(30),
            times=np.arange(30) / 25,
            angles=np.zeros((30, 3)),
            size=64,
            pad=0,
            natural=np.full(30, 64.0),
            identity=f"person{number}",
            split=split,
            use="sync",
            lag=0.0,
        )
    basis = rng.normal(0, 0.02, (3, len(MOUTH), 3)).astype(np.float32)
    ShapeModel(np.zeros((len(TRACKED), 3), np.float32), basis).save(folder / "face_shape.npz")
    return folder


def test_without_torch_one_line_says_what_to_install(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else found(name, *rest)
    )
    for command in (
        ["generator", str(data), "run"],
        ["predictor", str(data), "run"],
        ["syncnet", str(data), "run"],
        ["hdtr", str(data), "run"],
    ):
        assert main(["train", *command]) == 1
        assert capsys.readouterr().err == 'dubtool: training needs torch: pip install "dubtool[train]"\n'


def test_a_generator_is_trained_gone_on_with_and_drawn(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage, run = tmp_path / "stage.toml", tmp_path / "run"
    stage.write_text(STAGE)
    command = ["train", "generator", str(data), str(run), "--stage", str(stage), "--device", "cpu"]
    assert main([*command, "--minutes", "0"]) == 0
    assert "0 steps of 3; run the same again to go on" in capsys.readouterr().err
    assert main(command) == 0
    told = capsys.readouterr()
    assert told.out == f"{run}\n"
    assert told.err.count("without perception loss") == 1
    assert [path.name for path in sorted((run / "pictures").iterdir())] == ["0000000.png", "0000003.png"]
    assert json.loads((run / "validation.jsonl").read_text().splitlines()[-1])["step"] == 3
    assert main(["train", "plot", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'plot.png'}\n"
    stage.write_text(STAGE + "seed = 1\n")
    assert main(command) == 2
    assert "was begun with another seed" in capsys.readouterr().err


def test_data_that_is_not_prepared_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("generator", "predictor"):
        assert main(["train", command, str(tmp_path), str(tmp_path / "run")]) == 3
        assert "run 'dubtool train prepare'" in capsys.readouterr().err
    assert main(["train", "prepare", str(tmp_path / "nothing"), str(tmp_path / "out")]) == 3
    assert "no such folder" in capsys.readouterr().err
    assert main(["train", "export", str(tmp_path), str(tmp_path / "out")]) == 3
    assert "is no training run" in capsys.readouterr().err


def test_every_network_has_a_command_that_takes_what_it_can_use(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {"generator": {"--vgg", "--from", "--sync"}, "predictor": set(), "syncnet": set(), "shapesync": set()}
    for command, options in wanted.items():
        assert main(["train", command, "--help"]) == 0
        told = capsys.readouterr().out
        assert {option for option in ("--vgg", "--from", "--sync") if f"{option} " in told} == options
        assert "--minutes M" in told and "[default: " in told
    assert main(["train", "predictor", "data", "run", "--vgg", "file"]) == 2
    assert "--vgg" in capsys.readouterr().err


def test_the_clip_stage_asks_for_its_expert(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = tmp_path / "stage.toml"
    stage.write_text(STAGE + "frames = 5\nsync = 0.1\n")
    assert main(["train", "generator", str(data), str(tmp_path / "run"), "--stage", str(stage)]) == 2
    assert "name the run of a sync expert with --sync" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("network", "command"),
    [
        ("generator", "dub ... --model mine"),
        ("hdtr", "restore-teeth ... --model mine"),
        ("adasr", "reenact ... --model mine"),
    ],
)
def test_export_names_the_command_that_uses_it(
    network: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "mine_frame.onnx"
    monkeypatch.setattr("dubtool.training.core.export.export_run", lambda run, out, name, *, sharpen: [made])
    monkeypatch.setattr("dubtool.training.core.config.stage_of_run", lambda run: SimpleNamespace(network=network))
    assert main(["train", "export", "run", "own", "--name", "mine"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{made}\n"
    assert err == f"to use what is there: DUBTOOL_WEIGHTS=own dubtool {command}\n"
