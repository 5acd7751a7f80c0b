"""`dubtool train`: prepare videos, train the networks on them, look at the progress and export the result."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dubtool.cli.adapting import adapted_to
from dubtool.cli.command import App, require_command
from dubtool.cli.options import Device, Face, Json, Progress, console_of
from dubtool.errors import UsageError
from dubtool.training.core.extra import require_extra
from dubtool.training.core.recipe import Given, Recipe
from dubtool.training.recipes import RECIPES, recipe_of

app = App(help="Train the networks on videos of your own.")

Data = Annotated[Path, typer.Argument(metavar="DATA", help="A folder made by 'dubtool train prepare'.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; one that exists is gone on with.")]
Stage = Annotated[
    str, typer.Option("--stage", metavar="FILE", help="Settings: a .toml file, or the name of one of ours.")
]


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    require_command(context)


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
    faces: Annotated[
        bool, typer.Option("--faces", help="Also whole heads with all landmarks, which 'train adasr' learns from.")
    ] = False,
    cutouts: Annotated[
        bool,
        typer.Option("--cutouts", help="Also mouths at the source's size, which 'train warp-painter' learns from."),
    ] = False,
    device: Device = "cpu",
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """Turn videos into face crops, mouth shapes and speech features."""
    from dubtool.training.data.cutouts import prepare_cutouts
    from dubtool.training.data.faces import prepare_faces
    from dubtool.training.data.prepare import prepare as run

    console = console_of(context)
    beside = corpus / "manifest.csv"
    if manifest is None and beside.is_file():
        manifest = beside
    with console.progress() as tell:
        found = run(corpus, out, manifest, validation=validation, shape=shape_model, device=device, progress=tell)
        heads = prepare_faces(corpus, out, manifest, validation=validation, progress=tell) if faces else None
        cut = prepare_cutouts(corpus, out, manifest, validation=validation, progress=tell) if cutouts else None
    clips = sum(each.what == "clip" for each in found.dropped)
    if as_json:
        console.json(
            {
                "out": str(out),
                "train": found.train,
                "validation": found.validation,
                "speech": found.spoken,
                **({} if heads is None else {"faces": heads}),
                **({} if cut is None else {"cutouts": cut}),
                "dropped": [{"name": each.name, "what": each.what, "reason": each.reason} for each in found.dropped],
            }
        )
        return
    if heads is not None:
        console.note(f"{heads} clips of whole heads")
    if cut is not None:
        console.note(f"{cut} clips of mouths at their own size")
    console.note(
        f"{found.train} clips to train on, {found.validation} for validation, {found.spoken} of them with speech in "
        f"sync; left out: {clips} clips and the speech of {len(found.dropped) - clips}, see {out / 'dropped.csv'}"
    )
    console.result(str(out))


def _train(
    recipe: Recipe[Any],
    context: typer.Context,
    data: Data,
    run: Run,
    stage: Stage,
    start: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Begin with what this run, or checkpoint, learned.")
    ] = None,
    vgg: Annotated[
        Path | None,
        typer.Option(
            "--vgg", metavar="FILE", help="VGG-19 weights (vgg19_normalised.safetensors) for perception loss."
        ),
    ] = None,
    sync: Annotated[
        Path | None,
        typer.Option("--sync", metavar="RUN", help="A sync expert's run, for stages with a sync loss."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.0, metavar="M", help="Stop after so long; run it again to go on.")
    ] = None,
    save_every: Annotated[
        float, typer.Option("--save-every", min=0.0, metavar="M", help="Minutes between checkpoints.")
    ] = 3.0,
    look_every: Annotated[
        float,
        typer.Option("--look-every", min=0.0, metavar="M", help="Minutes between scores and pictures of validation."),
    ] = 10.0,
    workers: Annotated[int, typer.Option("--workers", min=0, metavar="N", help="Threads that make batches ahead.")] = 0,
    device: Device = "auto",
    progress: Progress = "auto",
) -> None:
    """What all commands that train do; each shows those of these parameters that its network knows."""
    require_extra()
    from dubtool.training.core.config import load_stage
    from dubtool.training.core.runs import Effort, train

    settings = load_stage(stage, recipe.stage)
    console = console_of(context)
    if "vgg" in recipe.options and vgg is None and getattr(settings, "feature", None):
        console.note("training without perception loss, which costs sharpness: give VGG-19 weights with --vgg")
    effort = Effort(minutes, 60 * save_every, 60 * look_every, workers, device)
    with console.progress() as tell:
        steps = train(
            data,
            run,
            settings,
            effort,
            Given(start, vgg, sync),
            progress=lambda step, losses: tell("steps", step, settings.steps),
        )
    left = "" if steps >= settings.steps else f" of {settings.steps}; run the same again to go on"
    console.note(f"{steps} steps{left}")
    console.result(str(run))


_OPTIONAL = {field.name for field in fields(Given)}


def _command(recipe: Recipe[Any]) -> Callable[..., None]:
    """`_train` for one network; its signature, which Typer reads, has what this network takes."""

    def command(**given: Any) -> None:
        _train(recipe, **given)

    _, *parameters = inspect.signature(_train, eval_str=True).parameters.values()
    shown = [
        parameter.replace(default=recipe.first_stage) if parameter.name == "stage" else parameter
        for parameter in parameters
        if parameter.name not in _OPTIONAL or parameter.name in recipe.options
    ]
    command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return command


for _recipe in RECIPES:
    app.command(_recipe.network, help=_recipe.help)(_command(_recipe))


@app.command()
def adapt(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The video that is to be dubbed.")],
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.5, metavar="M", help="How long; what an earlier run did counts.")
    ] = 3.0,
    face: Face = "largest",
    vgg: Annotated[
        Path | None, typer.Option("--vgg", metavar="FILE", help="VGG-19 weights for a further perception loss.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """Adapt the default to the person in one video, for 'dub --adapt' of that video."""
    console = console_of(context)
    found = adapted_to(console, video, minutes, face=face, device=device, vgg=vgg)
    if as_json:
        console.json(found.as_dict())
    else:
        console.result(str(found.folder))


@app.command()
def plot(context: typer.Context, run: Run) -> None:
    """Draw the losses and scores of a run as a PNG."""
    require_extra()
    from dubtool.training.core.plots import plot_run

    console_of(context).result(str(plot_run(run)))


@app.command()
def export(
    context: typer.Context,
    run: Run,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the files; it keeps a list of what it holds.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What a network is to be called, for --model NAME.")
    ] = "own",
    sharpen: Annotated[
        float, typer.Option("--sharpen", min=0.0, max=2.0, metavar="X", help="Unsharp masking of every mouth drawn.")
    ] = 0.0,
) -> None:
    """Write what a run has learned as files that dubtool can use."""
    require_extra()
    from dubtool.training.core.config import stage_of_run
    from dubtool.training.core.export import export_run

    if not name.isidentifier():
        raise UsageError(f"--name {name!r}: use letters, digits and underscores")
    console = console_of(context)
    paths = export_run(run, out, name, sharpen=sharpen)
    for path in paths:
        console.result(str(path))
    model = f" ... --model {name}" if any(path.stem == f"{name}_frame" for path in paths) else ""
    command = recipe_of(stage_of_run(run).network).used_by
    if command is not None:
        console.note(f"to use what is there: DUBTOOL_WEIGHTS={out} dubtool {command}{model}")
