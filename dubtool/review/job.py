"""`dubtool report` and `dubtool review`: a finished dub measured, drawn and laid out to be looked at."""

from __future__ import annotations

import os
from pathlib import Path

from dubtool.errors import OutputError, UsageError
from dubtool.folders import temporary_folder
from dubtool.jobs.shared.calls import Progress, heeding
from dubtool.jobs.shared.outputs import PAGE, PLOTS, beside, check_name, save_text
from dubtool.media.encode import same_file, save, taken
from dubtool.review.compared import Compared, pairs
from dubtool.review.dubbed import Dubbed, as_files, open_dubbed, require_source
from dubtool.review.found import Found
from dubtool.review.measures import loudness, rendered_openings, sound_of
from dubtool.review.page import is_page, page_text
from dubtool.review.plots import draw_plots, save_plots
from dubtool.review.proxy import writing_proxy

# The page's own video, where it stands beside it.
FILM = ".mp4"


def report_plots(
    film: Path | str,
    output: Path | str | None = None,
    *,
    report: Path | str | None = None,
    source: Path | str | None = None,
    quick: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Draw the plots of a dub as PNG, by default beside it; where they are.

    report: of the dub, by default what `--sidecar` wrote. source: of the dub, where it is not where the report says;
    sharpness and light are drawn where it is there. quick: do not look for mouths in the dub.

    Raises:
        InputError, UsageError, OutputError, WeightsError: one line each says what.
    """
    film, output, report, source = Path(film), _path(output), _path(report), _path(source)
    tell = heeding(progress, None)
    dubbed = open_dubbed(film, report, source)
    target = output or beside(film, PLOTS)
    if target.suffix.lower() != ".png":
        raise UsageError(f"{target} is no name of a PNG file: plots are written as .png")
    _check(target, [film, report, source], overwrite=overwrite)
    # Without the source there is nothing to compare with; one that is named must be there.
    if source is not None:
        require_source(dubbed)
    with temporary_folder() as folder, as_files(dubbed, folder) as files:
        found = _measures(files, folder, quick, tell)
        if files.source.is_file():
            for number, pair in enumerate(pairs(files), 1):
                found.compared.see(*pair)
                tell("compare", number, len(dubbed.course.times))
    save_plots(draw_plots(found.plotted()), target, overwrite=overwrite)
    return target


def review_page(
    film: Path | str,
    output: Path | str | None = None,
    *,
    report: Path | str | None = None,
    source: Path | str | None = None,
    beside_page: bool = False,
    quick: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Make the page to look at a dub, by default beside it; where it is.

    report, quick: as for `report_plots`. source: of the dub, where it is not where the report says. beside_page: the
    page's video stands beside it, not in it. An earlier page is replaced.

    Raises:
        InputError, UsageError, OutputError, WeightsError: one line each says what.
    """
    return page_of(
        open_dubbed(Path(film), _path(report), _path(source)),
        _path(output),
        used=[_path(report)],
        beside_page=beside_page,
        quick=quick,
        overwrite=overwrite,
        progress=heeding(progress, None),
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
    """The page of a dub that is open; see `review_page`. used: further files that it must not replace."""
    target = output or beside(dubbed.film, PAGE)
    inputs = [dubbed.film, require_source(dubbed), *dubbed.inputs.values(), *used]
    replaced = check_page(target, inputs, overwrite=overwrite)
    video = target.with_suffix(FILM)
    if beside_page:
        _check(video, inputs, overwrite=overwrite)
    with temporary_folder() as folder, as_files(dubbed, folder) as files:
        found = _measures(files, folder, quick, progress)
        small = folder / "proxy.mp4"
        with writing_proxy(files, small, found.sound) as proxy:
            for number, pair in enumerate(pairs(files), 1):
                found.compared.see(*pair)
                proxy.add(*pair)
                progress("page", number, len(dubbed.course.times))
        content = small.read_bytes()
    if beside_page:
        save(video, content, overwrite=overwrite)
    held = video.name if beside_page else content
    text = page_text(found, proxy, held)
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


def _measures(dubbed: Dubbed, folder: Path, quick: bool, progress: Progress) -> Found:
    """What is measured of the dub alone."""
    rendered = None if quick else rendered_openings(dubbed, lambda done, total: progress("track", done, total))
    sound = sound_of(dubbed.film, folder)
    levels = None if sound is None else loudness(sound, dubbed.course.times)
    return Found(dubbed, Compared(dubbed), sound, levels, rendered)


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


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given)
