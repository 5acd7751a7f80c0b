"""What every recipe says is there."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import Any

import pytest

from dubtool.training.core.config import load_stage
from dubtool.training.core.recipe import Given, Recipe
from dubtool.training.recipes import RECIPES, recipe_of


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.network)
def test_a_recipe_names_what_there_is(recipe: Recipe[Any]) -> None:
    assert recipe_of(recipe.network) is recipe
    assert load_stage(recipe.first_stage, recipe.stage).network == recipe.network
    assert callable(import_module(recipe.exporter).export)
    assert set(recipe.options) <= {field.name for field in fields(Given)}
