"""`dubtool train`: prepare videos, train the networks on them, look at the progress and export the result."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dubtool.cli.console import Tell
from dubtool.cli.options import Device, Json, Quiet, Verbose, console_of
from dubtool.errors import DubtoolError, UsageError

app = typer.Typer(help="Train the networks on videos of your own.", rich_markup_mode=None)

_NEEDED = ("torch", "onnx", "onnxscript", "safetensors")

Data = Annotated[Path, typer.Argument(metavar="DATA", help="A folder made by 'dubtool train prepare'.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; one that exists is gone on with.")]
Stage = Annotated[
    str, typer.Option("--stage", metavar="FILE", help="Settings: a .toml file, or the name of one of ours.")
]
Minutes = Annotated[
    float | None, typer.Option("--minutes", min=0.0, metavar="M", help="Stop after so long; run it again to go on.")
]
Workers = Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Threads that make batches ahead.")]
SaveEvery = Annotated[float, typer.Option("--save-every", min=0.0, metavar="M", help="Minutes between checkpoints.")]
LookEvery = Annotated[
    float, typer.Option("--look-every", min=0.0, metavar="M", help="Minutes between scores and pictures of validation.")
]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        sys.stderr.write(context.get_help() + "\n")
        raise typer.Exit(2)


@app.command()
def prepare(
    context: typer.Context,
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="A folder of videos of people who speak.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where the prepared data goes; what is there is kept.")],
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="CSV",
            help="Columns file, identity, and optionally id, use, split; by default CORPUS/manifest.csv, if there.",
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", metavar="FILE", help="People never to train on, one a line; else the manifest's."),
    ] = None,
    shape_model: Annotated[
        Literal["shipped", "corpus"],
        typer.Option("--shape-model", help="The shipped mouth shapes, or new ones made of this corpus."),
    ] = "shipped",
    device: Device = "cpu",
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Turn videos into face crops, mouth shapes and speech features."""
    from dubtool.training.prepare import prepare as run

    console = console_of(context)
    beside = corpus / "manifest.csv"
    if manifest is None and beside.is_file():
        manifest = beside
    with console.progress() as tell:
        found = run(corpus, out, manifest, validation=validation, shape=shape_model, device=device, progress=tell)
    clips = sum(each.what == "clip" for each in found.dropped)
    if as_json:
        console.json(
            {
                "out": str(out),
                "train": found.train,
                "validation": found.validation,
                "speech": found.spoken,
                "dropped": [{"name": each.name, "what": each.what, "reason": each.reason} for each in found.dropped],
            }
        )
        return
    console.note(
        f"{found.train} clips to train on, {found.validation} for validation, {found.spoken} of them with speech in "
        f"sync; left out: {clips} clips and the speech of {len(found.dropped) - clips}, see {out / 'dropped.csv'}"
    )
    console.result(str(out))


@app.command()
def generator(
    context: typer.Context,
    data: Data,
    run: Run,
    stage: Stage = "generator_64",
    start: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Begin with what this run, or checkpoint, learned.")
    ] = None,
    vgg: Annotated[
        Path | None,
        typer.Option(
            "--vgg", metavar="FILE", help="VGG-19 weights (vgg19_normalised.safetensors) for perception loss."
        ),
    ] = None,
    minutes: Minutes = None,
    save_every: SaveEvery = 3.0,
    look_every: LookEvery = 10.0,
    workers: Workers = 0,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train the network that draws mouths."""
    _require_train_extra()
    from dubtool.training.config import load_stage
    from dubtool.training.generator import GeneratorStage
    from dubtool.training.runs import train_generator

    settings = load_stage(stage, GeneratorStage)
    console = console_of(context)
    if vgg is None and settings.feature:
        console.note("training without perception loss, which costs sharpness: give VGG-19 weights with --vgg")
    effort = _effort(minutes, save_every, look_every, workers, device)
    with console.progress() as tell:
        progress = _Shown(tell, settings.steps)
        steps = train_generator(data, run, settings, effort, start=start, vgg=vgg, progress=progress)
    _told(context, run, steps, settings.steps)


@app.command()
def predictor(
    context: typer.Context,
    data: Data,
    run: Run,
    stage: Stage = "predictor",
    minutes: Minutes = None,
    save_every: SaveEvery = 3.0,
    look_every: LookEvery = 10.0,
    workers: Workers = 0,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train the network that turns speech into mouth shapes."""
    _require_train_extra()
    from dubtool.training.config import load_stage
    from dubtool.training.predictor import PredictorStage
    from dubtool.training.runs import train_predictor

    settings = load_stage(stage, PredictorStage)
    effort = _effort(minutes, save_every, look_every, workers, device)
    with console_of(context).progress() as tell:
        steps = train_predictor(data, run, settings, effort, progress=_Shown(tell, settings.steps))
    _told(context, run, steps, settings.steps)


@app.command()
def syncnet(
    context: typer.Context,
    data: Data,
    run: Run,
    stage: Stage = "syncnet",
    minutes: Minutes = None,
    save_every: SaveEvery = 3.0,
    look_every: LookEvery = 10.0,
    workers: Workers = 0,
    device: Device = "auto",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train the network that judges whether a mouth says a sound."""
    _require_train_extra()
    from dubtool.training.config import load_stage
    from dubtool.training.runs import train_syncnet
    from dubtool.training.syncnet import SyncStage

    settings = load_stage(stage, SyncStage)
    effort = _effort(minutes, save_every, look_every, workers, device)
    with console_of(context).progress() as tell:
        steps = train_syncnet(data, run, settings, effort, progress=_Shown(tell, settings.steps))
    _told(context, run, steps, settings.steps)


@app.command()
def plot(context: typer.Context, run: Run, quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Draw the losses and scores of a run as a PNG."""
    _require_train_extra()
    from dubtool.training.plots import plot_run

    console_of(context).result(str(plot_run(run)))


@app.command()
def export(
    context: typer.Context,
    run: Run,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files; it keeps a list of what it holds.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What a generator is to be called, for dub --model NAME.")
    ] = "own",
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write what a run has learned as files that dubtool can use."""
    _require_train_extra()
    from dubtool.training.export import export_run

    if not name.isidentifier():
        raise UsageError(f"--name {name!r}: use letters, digits and underscores")
    console = console_of(context)
    paths = export_run(run, out, name)
    for path in paths:
        console.result(str(path))
    model = f" ... --model {name}" if any(path.stem == f"{name}_frame" for path in paths) else ""
    console.note(f"to use what is there: DUBTOOL_WEIGHTS={out} dubtool dub{model}")


class _Shown:
    """Tells the steps of a training and its latest losses."""

    def __init__(self, tell: Tell, steps: int) -> None:
        self._tell, self._steps = tell, steps

    def __call__(self, step: int, losses: dict[str, float]) -> None:
        self._tell("steps", step, self._steps)


def _effort(minutes: float | None, save_every: float, look_every: float, workers: int, device: str) -> Any:
    from dubtool.training.runs import Effort

    return Effort(minutes, 60 * save_every, 60 * look_every, workers, device)


def _told(context: typer.Context, run: Path, steps: int, wanted: int) -> None:
    console = console_of(context)
    left = "" if steps >= wanted else f" of {wanted}; run the same again to go on"
    console.note(f"{steps} steps{left}")
    console.result(str(run))


def _require_train_extra() -> None:
    missing = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise DubtoolError(f'training needs {", ".join(missing)}: pip install "dubtool[train]"')
