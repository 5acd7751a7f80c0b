from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dubtool.errors import InputError, UsageError
from dubtool.training.core.config import check_same, load_stage, stage_names, stage_of_run
from dubtool.training.generator.stage import GeneratorStage
from dubtool.training.predictor.stage import PredictorStage
from dubtool.training.recipes import RECIPES
from dubtool.training.shapesync.stage import ShapeSyncStage
from dubtool.training.syncnet.stage import SyncStage


def test_every_stage_that_comes_with_dubtool_loads() -> None:
    names = stage_names()
    assert {"predictor", "syncnet", "generator_64", "generator_96", "generator_128"} <= set(names)
    for name in names:
        (recipe,) = (each for each in RECIPES if name.replace("_", "-").startswith(each.network))
        stage = load_stage(name, recipe.stage)
        if isinstance(stage, GeneratorStage):
            assert name.split("_")[1] == str(stage.mouth)
            assert len(stage.mask) == 4


def test_a_number_without_a_point_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('network = "generator"\npixel = 5\nmask = [0, 2, -1, 1]\n')
    stage = load_stage(path, GeneratorStage)
    assert stage.pixel == 5.0 and stage.mask == (0.0, 2.0, -1.0, 1.0)
    assert isinstance(stage.mask[0], float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('network = "generator"\nwidht = 32', "unknown key widht"),
        ('network = "generator"\nwidth = "32"', "width must be of type int"),
        ('network = "generator"\nwidth = true', "width must be of type int"),
        ('network = "generator"\nmask = [0.5, 2.0]', "mask must be a list of 4 numbers"),
        ('network = "syncnet"', "'generator' is needed"),
        ("width = 32", "'generator' is needed"),
        ("width = ", "cannot be read as TOML"),
        ('base = "own.toml"', "own.toml: its base own.toml builds upon itself"),
        ('base = "generator_65"', "own.toml: its base is generator_65: no such stage; give .* generator_64"),
        ('base = "syncnet"', "'generator' is needed"),
        ("base = 64", "base must be the name"),
        ('base = "generator_64"\nwidht = 32', "unknown key widht"),
    ],
)
def test_a_wrong_stage_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_stage(path, GeneratorStage)


def test_a_stage_takes_from_its_base_what_it_does_not_say(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('base = "generator_96"\nsteps = 7\n')
    (tmp_path / "heir.toml").write_text('base = "own.toml"\nseed = 3\n')
    wanted = replace(load_stage("generator_96", GeneratorStage), steps=7, seed=3)
    assert load_stage(tmp_path / "heir.toml", GeneratorStage) == wanted


def test_stages_that_build_upon_one_another_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('base = "b.toml"\n')
    (tmp_path / "b.toml").write_text('base = "a.toml"\n')
    with pytest.raises(UsageError, match=r"b\.toml: its base a\.toml builds upon itself"):
        load_stage(tmp_path / "a.toml", GeneratorStage)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="generator_64"):
        load_stage("generator_1000", GeneratorStage)


def test_a_run_tells_its_stage(tmp_path: Path) -> None:
    for stage in (GeneratorStage(mouth=96), PredictorStage(steps=3), SyncStage(batch=2), ShapeSyncStage()):
        (tmp_path / "stage.json").write_text(json.dumps(asdict(stage)))
        assert stage_of_run(tmp_path) == stage


def test_a_run_is_not_gone_on_with_under_other_settings(tmp_path: Path) -> None:
    (tmp_path / "stage.json").write_text(json.dumps(asdict(GeneratorStage())))
    check_same(GeneratorStage(batch=3), tmp_path)  # no checkpoint yet: nothing to spoil
    (tmp_path / "checkpoint.pt").touch()
    check_same(GeneratorStage(), tmp_path)
    with pytest.raises(UsageError, match="another batch, seed"):
        check_same(GeneratorStage(batch=3, seed=1), tmp_path)


def test_a_folder_without_a_stage_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training run"):
        stage_of_run(tmp_path)
