"""`dubtool dub`: make the mouth in a video say a speech."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dubtool.cli.adapting import adapted_to
from dubtool.cli.from_options import from_options
from dubtool.cli.options import Devices, DryRun, Json, Output, Progress, Rate, console_of, names_in
from dubtool.cli.review import add_review, check_review
from dubtool.cli.summary import tell_rehearsal, tell_report
from dubtool.errors import UsageError
from dubtool.jobs.shared.cast import cast_of_speakers
from dubtool.jobs.shared.options import DubOptions, check_adaptable


@from_options
def dub(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Video whose mouth is to speak, or frames_%06d.png.")],
    speech: Annotated[
        Path | None,
        typer.Argument(metavar="SPEECH", help="A file with the sound of the speech; not with --cast or --speaker."),
    ] = None,
    output: Output = None,
    *,
    options: DubOptions,
    speaker: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="WHO=SPEECH", help="Who says what from the start, WHO as for --face. Again."),
    ] = None,
    adapt: Annotated[
        float | None,
        typer.Option(
            "--adapt",
            min=0.5,
            metavar="MINUTES",
            help="First fine-tune on this person for so long; kept for the next time. Needs dubtool[train].",
        ),
    ] = None,
    devices: Devices = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            metavar="N",
            help="Draw this one file by N processes side by side, for several GPUs; on a CPU one alone is quicker.",
        ),
    ] = None,
    review: Annotated[
        bool, typer.Option("--review", help="Also write a page to look at the result; see 'dubtool review -h'.")
    ] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    progress: Progress = "auto",
) -> None:
    """Make the mouth in a video say a speech."""
    from dubtool.jobs.dub.job import dub as run

    console = console_of(context)
    if speaker and options.cast is not None:
        raise UsageError("a cast has all speakers: leave out --speaker, or --cast")
    if speaker:
        options = replace(options, cast=cast_of_speakers(speaker, to_end=options.fit != "none"))
    if adapt is not None and not options.cache:
        raise UsageError("--adapt keeps what it learns in the cache; leave out --no-cache")
    if adapt is not None:
        check_adaptable(options.model)
    if adapt is not None and (options.cast is not None or options.cues is not None):
        raise UsageError("--adapt learns one person: leave it out, or --cast, --speaker and --cues")
    if review:
        check_review(video, output, options)
    if dry_run:
        if adapt is not None:
            from dubtool.training.core.extra import require_extra

            require_extra()
        inputs = {"video": video, "speech": speech}
        pool = {"devices": names_in(devices), "workers": workers}
        tell_rehearsal(console, "dub", inputs, output, options, as_json, rate=rate, **pool)
        return
    if adapt is not None:
        adapted = adapted_to(console, video, adapt, face=options.face, device=options.device, model=options.model)
        options = replace(options, adapted=adapted)
    with console.progress() as tell:
        report = run(
            video, speech, output, options, progress=tell, frame_rate=rate, devices=names_in(devices), workers=workers
        )
    if review:
        add_review(console, report, overwrite=options.overwrite)
    tell_report(console, report, as_json)
