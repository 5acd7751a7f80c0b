"""Trained networks to the files that `weights/` ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from dubtool.errors import UsageError
from dubtool.training.core.config import stage_of_run
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.core.recipe import SHAPE_FILE
from dubtool.training.recipes import recipe_of
from dubtool.weights.locate import find
from dubtool.weights.made import add_made
from dubtool.weights.registry import Entry, registry

_SHAPES = ExportedFile(SHAPE_FILE, "shape model", "mean head and modes of mouth movement of one's own corpus")


def export_run(run: Path, out: Path, name: str, *, sharpen: float = 0.0) -> list[Path]:
    """Export what a training run has learned so far into `out`, and register it there.

    The files are those that `export` of the network's folder writes; what is in two parts is called NAME. With
    $DUBTOOL_WEIGHTS naming `out`, dubtool uses them. The run's shape model goes along if it is not the shipped one.

    sharpen: amount of unsharp masking of every mouth that the network draws, where its recipe can.

    Raises:
        InputError: the folder is no training run, or its checkpoint is missing or damaged.
        OutputError: `out` cannot be written. UsageError: `sharpen` of something else, or the files'
        names are taken.
    """
    stage = stage_of_run(run)
    recipe = recipe_of(stage.network)
    if sharpen and not recipe.sharpens:
        raise UsageError(f"{run}: only what draws mouths can sharpen them, and this is a {stage.network}")

    def make(work: Path) -> list[Entry]:
        made = recipe.export(ExportJob(run, stage, work, name, sharpen))
        shape = run / SHAPE_FILE
        if shape.is_file() and shape.read_bytes() != find("face_shape").read_bytes():
            shutil.copyfile(shape, work / shape.name)
            made.append(_SHAPES)
        return [_entry(*each) for each in made]

    return add_made(out, make)


def _entry(file: str, kind: str, purpose: str) -> Entry:
    """The entry of `file`. Raises UsageError if dubtool knows it as another network's: what lies in its place would
    never pass for it."""
    name = Path(file).stem
    for entry in registry().values():
        if entry.file == file and entry.name != name:
            raise UsageError(f"{file} is what dubtool calls {entry.name}; choose another --name")
    return Entry(name, file, kind, purpose, author="trained on this machine", licence="as its training data allows")
