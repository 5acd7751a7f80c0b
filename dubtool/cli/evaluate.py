"""`dubtool evaluate`: how well a model dubs, measured on clips of one person in sync with their own sound."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubtool.cli.console import Console
from dubtool.cli.options import BatchSize, Device, Json, Overwrite, Precision, Progress, console_of
from dubtool.errors import UsageError
from dubtool.jobs.shared.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from dubtool.evaluation.clips import Clip
    from dubtool.evaluation.results import Evaluation, Outcome

# What the table of clips has room for; the summary and the JSON have everything.
_COLUMNS = {
    "opening_r": "opening r",
    "opening_r_voiced": "voiced",
    "opening_lag": "lag",
    "opening_range": "range",
    "width_r": "width r",
    "closure_f1": "closed",
    "bilabials": "p, b, m",
    "sync_confidence": "sync",
    "silence_deviation": "silence",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "csim": "CSIM",
    "true_lpips": "true LPIPS",
    "true_lpips_lips": "its lips",
    "true_sharpness_lips": "sharp",
    "sharpness": "sharp",
    "sharpness_lips": "lips",
    "seam": "seam",
    "flicker": "flicker",
    "outside": "outside",
}


def evaluate(
    context: typer.Context,
    clips: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CLIP...", help="Videos with their own sound; with --manifest its ids, or patterns like 'grid_*'."
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", metavar="CSV", help="A corpus: file, id, identity, split, sync_lag_frames."),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Only the manifest's rows of this split.")
    ] = None,
    lag: Annotated[
        float, typer.Option("--lag", metavar="FRAMES", help="How late the clips' sound is, in frames of 1/25 s.")
    ] = 0.0,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The generator; see 'dubtool weights list'.")
    ] = DEFAULT_MODEL,
    tests: Annotated[
        str | None,
        typer.Option(
            "--tests",
            metavar="LIST",
            help="Of swapped, sync, silence, self, true-shapes, sharpness, seam, flicker, outside; all by default. "
            "And phones, for English speech: whether lips meet at p, b and m.",
        ),
    ] = None,
    sface: Annotated[
        Path | None,
        typer.Option("--sface", metavar="FILE", help="SFace, for CSIM: face_recognition_sface_2021dec.onnx."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write numbers (JSON) and a picture sheet here.")
    ] = None,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    batch_size: BatchSize = 4,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Look for faces anew, and keep nothing of them.")
    ] = False,
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """How well a model dubs: lips, silence, pictures, measured so that the model cannot cheat."""
    from dubtool.evaluation.evaluate import evaluate as run
    from dubtool.evaluation.results import DEFAULT_TESTS

    console = console_of(context)
    chosen = _clips(clips or [], manifest, split, lag)
    with console.progress() as tell:
        result = run(
            chosen,
            model=model,
            tests=DEFAULT_TESTS if tests is None else [test.strip() for test in tests.split(",")],
            sface=sface,
            out=out,
            overwrite=overwrite,
            device=device,
            precision=precision,
            batch_size=batch_size,
            cache=not no_cache,
            progress=tell,
        )
    if as_json:
        console.json(result.as_dict())
    else:
        _show(console, result)
    _remark(console, result)


def _clips(names: list[str], manifest: Path | None, split: str | None, lag: float) -> list[Clip]:
    from dubtool.evaluation.clips import clips_from_files, clips_from_manifest

    if manifest is not None:
        if lag:
            raise UsageError("--lag does not go with --manifest, whose column sync_lag_frames says it clip by clip")
        return clips_from_manifest(manifest, split, names)
    if split is not None:
        raise UsageError("--split needs --manifest")
    if not names:
        raise UsageError("name a clip, or a corpus with --manifest")
    return clips_from_files([Path(name) for name in names], lag)


def _show(console: Console, result: Evaluation) -> None:
    from dubtool.evaluation.results import MEASURES

    good = [outcome for outcome in result.outcomes if outcome.numbers]
    columns = [name for name in _COLUMNS if any(name in outcome.numbers for outcome in good)]
    rows = [(outcome.name, _eyes(outcome), *(_cell(outcome, name) for name in columns)) for outcome in good]
    console.table(("clip", "eyes", *(_COLUMNS[name] for name in columns)), rows)
    if not console.quiet:
        console.result("")
    rows, large = [], result.summary(result.large_faces)
    for name, found in result.summary().items():
        measure = MEASURES[name]
        baseline = measure.text(found.baseline)
        beside = f"{baseline} ({measure.baseline})" if measure.baseline and baseline != "-" else "-"
        of_large = [measure.text(large[name].median) if name in large else "-"] if large else []
        middle = (measure.text(found.median), *of_large, beside)
        rows.append((measure.title, *middle, measure.text(found.worst), found.worst_clip))
    titles = ("median", *([f"large faces ({len(result.large_faces)})"] if large else []), "baseline")
    console.table(("measure", *titles, "worst", "worst clip"), rows)


def _eyes(outcome: Outcome) -> str:
    """How large the face is, px from eye to eye."""
    return "-" if math.isnan(outcome.eyes) else f"{outcome.eyes:.0f}"


def _cell(outcome: Outcome, name: str) -> str:
    """The value, and in brackets its baseline where that is measured, too."""
    from dubtool.evaluation.results import MEASURES

    number, measure = outcome.numbers.get(name), MEASURES[name]
    if number is None:
        return "-"
    baseline = measure.text(number.baseline)
    fixed = measure.test in ("sharpness", "seam", "flicker", "outside") or baseline == "-"
    return measure.text(number.value) + ("" if fixed else f" ({baseline})")


def _remark(console: Console, result: Evaluation) -> None:
    for outcome in result.outcomes:
        for note in dict.fromkeys([*([outcome.error] if outcome.error else []), *outcome.notes]):
            console.note(f"{outcome.name}: {note}")
    for warning in result.warnings:
        console.note(f"warning: {warning}")
    for sheet in result.sheets:
        console.note(f"sheet: {sheet}")
    failed = f", {len(result.failed)} could not be" if result.failed else ""
    console.note(f"{len(result.outcomes) - len(result.failed)} measured{failed}, {result.seconds:.0f} s")
