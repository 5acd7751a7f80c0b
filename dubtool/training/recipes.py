"""The networks that dubtool trains, listed once; read without torch."""

from __future__ import annotations

from typing import Any

from dubtool.training.adasr.recipe import RECIPE as ADASR
from dubtool.training.core.recipe import Recipe
from dubtool.training.g4g.recipe import RECIPE as G4G
from dubtool.training.generator.recipe import RECIPE as GENERATOR
from dubtool.training.hdtr.recipe import RECIPE as HDTR
from dubtool.training.predictor.recipe import RECIPE as PREDICTOR
from dubtool.training.shapesync.recipe import RECIPE as SHAPESYNC
from dubtool.training.syncnet.recipe import RECIPE as SYNCNET
from dubtool.training.warp_painter.recipe import RECIPE as WARP_PAINTER

# In the order of the command line.
RECIPES: tuple[Recipe[Any], ...] = (GENERATOR, G4G, PREDICTOR, SYNCNET, SHAPESYNC, HDTR, ADASR, WARP_PAINTER)


def recipe_of(network: str) -> Recipe[Any]:
    """The recipe of a network, by the name that stage files and commands know it by."""
    return next(recipe for recipe in RECIPES if recipe.network == network)
