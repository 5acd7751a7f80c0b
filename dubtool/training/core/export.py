"""Trained networks to the files that `weights/` ships."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dubtool.errors import OutputError, UsageError
from dubtool.training.core.config import stage_of_run
from dubtool.training.core.export_job import ExportedFile, ExportJob
from dubtool.training.core.recipe import SHAPE_FILE
from dubtool.training.recipes import recipe_of
from dubtool.weights.locate import find
from dubtool.weights.registry import Entry, add_local, registry
from dubtool.weights.verify import sha256_of

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
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export.", dir=out) as work:
            made = recipe.export(ExportJob(run, stage, Path(work), name, sharpen))
            shape = run / SHAPE_FILE
            if shape.is_file() and shape.read_bytes() != find("face_shape").read_bytes():
                shutil.copyfile(shape, Path(work) / shape.name)
                made.append(_SHAPES)
            for file, _, _ in made:
                _check_free(file)
            entries = [_entry(Path(work) / file, kind, purpose) for file, kind, purpose in made]
            for entry in entries:
                (Path(work) / entry.file).replace(out / entry.file)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from error
    add_local(out, *entries)
    return [out / entry.file for entry in entries]


def _check_free(file: str) -> None:
    """Raise UsageError if dubtool knows `file` as another network's: what lies in its place would never pass for it."""
    for entry in registry().values():
        if entry.file == file and entry.name != Path(file).stem:
            raise UsageError(f"{file} is what dubtool calls {entry.name}; choose another --name")


def _entry(file: Path, kind: str, purpose: str) -> Entry:
    return Entry(
        file.stem,
        file.name,
        kind,
        purpose,
        author="trained on this machine",
        licence="as its training data allows",
        size=file.stat().st_size,
        sha256=sha256_of(file),
    )
