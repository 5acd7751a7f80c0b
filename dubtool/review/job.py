"""`dubtool report` and `dubtool review`: a finished dub measured, drawn and laid out to be looked at."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dubtool.errors import OutputError, UsageError
from dubtool.folders import temporary_folder
from dubtool.jobs.shared.calls import Progress
from dubtool.jobs.shared.outputs import PAGE, PLOTS, beside, check_name, save_text
from dubtool.media.encode import same_file, save, taken
from dubtool.review.dubbed import Dubbed, as_files, open_dubbed, require_source
from dubtool.review.measures import light_changes, loudness, rendered_opening, sound_of
from dubtool.review.page import is_page, page_text
from dubtool.review.plots import draw_plots, measured, save_plots
from dubtool.review.proxy import make_proxy

# The page's own video, where it stands beside it.
FILM = ".mp4"


def draw_report(
    film: Path,
    output: Path | None = None,
    *,
    report: Path | None = None,
    quick: bool = False,
    overwrite: bool = False,
    progress: Progress,
) -> Path:
    """Draw the plots of a dub as PNG, by default beside it; where they are.

    report: of the dub, by default what `--sidecar` wrote. quick: do not look for the mouth in the dub.

    Raises:
        InputError, UsageError, OutputError, WeightsError: one line each says what.
    """
    dubbed = open_dubbed(film, report)
    target = output or beside(film, PLOTS)
    if target.suffix.lower() != ".png":
        raise UsageError(f"{target} is no name of a PNG file: plots are written as .png")
    _check(target, [film, report], overwrite=overwrite)
    with temporary_folder() as folder, as_files(dubbed, folder) as files:
        _, levels, rendered = _measures(files, folder, quick, progress)
    save_plots(draw_plots(measured(dubbed, rendered, levels)), target, overwrite=overwrite)
    return target


def make_page(
    film: Path,
    output: Path | None = None,
    *,
    report: Path | None = None,
    source: Path | None = None,
    beside_page: bool = False,
    quick: bool = False,
    overwrite: bool = False,
    progress: Progress,
) -> Path:
    """Make the page to look at a dub, by default beside it; where it is.

    report, quick: as for `draw_report`. source: of the dub, where it is not where the report says. beside_page: the
    page's video stands beside it, not in it. An earlier page is replaced.

    Raises:
        InputError, UsageError, OutputError, WeightsError: one line each says what.
    """
    return page_of(
        open_dubbed(film, report, source),
        output,
        used=[report],
        beside_page=beside_page,
        quick=quick,
        overwrite=overwrite,
        progress=progress,
    )


def page_of(
    dubbed: Dubbed,
    output: Path | None = None,
    *,
    used: list[Path | None],
    beside_page: bool = False,
    quick: bool = False,
    overwrite: bool = False,
    progress: Progress,
) -> Path:
    """The page of a dub that is open; see `make_page`. used: further files that it must not replace."""
    target = output or beside(dubbed.film, PAGE)
    inputs = [dubbed.film, require_source(dubbed), dubbed.speech, *used]
    replaced = check_page(target, inputs, overwrite=overwrite)
    video = target.with_suffix(FILM)
    if beside_page:
        _check(video, inputs, overwrite=overwrite)
    with temporary_folder() as folder, as_files(dubbed, folder) as files:
        sound, levels, rendered = _measures(files, folder, quick, progress)
        small = folder / "proxy.mp4"
        proxy = make_proxy(files, small, sound, lambda done, total: progress("page", done, total))
        content = small.read_bytes()
    plots = draw_plots(measured(dubbed, rendered, levels))
    light = light_changes(proxy.brightness, proxy.times, dubbed.course.shots)
    if beside_page:
        save(video, content, overwrite=overwrite)
    held = video.name if beside_page else content
    text = page_text(dubbed, proxy, held, plots, light=light, levels=levels, rendered=rendered)
    save_text(target, text, overwrite=replaced)
    return target


def check_page(target: Path, inputs: list[Path | None], *, overwrite: bool) -> bool:
    """Whether what stands at the page's place may be replaced: with `overwrite`, or an earlier page.

    Raises:
        UsageError, OutputError: the page cannot or must not be written there.
    """
    if target.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{target} is no name of a page: give one that ends in .html")
    replaced = overwrite or is_page(target)
    _check(target, inputs, overwrite=replaced)
    return replaced


def _measures(
    dubbed: Dubbed, folder: Path, quick: bool, progress: Progress
) -> tuple[Path | None, np.ndarray | None, np.ndarray | None]:
    """The dub's sound, its level and the mouth's opening by frame."""
    rendered = None if quick else rendered_opening(dubbed, lambda done, total: progress("track", done, total))
    sound = sound_of(dubbed.film, folder)
    return sound, None if sound is None else loudness(sound, dubbed.course.times), rendered


def _check(target: Path, inputs: list[Path | None], *, overwrite: bool) -> None:
    """Refuse, before any work, a file that cannot or must not be written."""
    check_name(target)
    for used in inputs:
        if used is not None and same_file(target, used):
            raise UsageError(f"{target} is also an input: choose another output")
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise OutputError(f"{target} cannot be written: name a file in a folder that exists")
    if os.path.lexists(target) and not overwrite:
        raise taken(target)
