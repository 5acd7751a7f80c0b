"""The review page: one HTML file with everything in it."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from dubtool.review.dubbed import Dubbed
from dubtool.review.found import Found
from dubtool.review.plots import color_of, draw_plots, png
from dubtool.review.proxy import Proxy
from dubtool.tracking.face_words import SPEAKING

GENERATOR = '<meta name="generator" content="dubtool review">'
_DECIMALS = 4


def page_text(found: Found, proxy: Proxy, film: bytes | str) -> str:
    """The page. film: the proxy's bytes, or the name of the file beside the page."""
    dubbed = found.dubbed
    told, course = dubbed.told, dubbed.course
    data = {
        "film": _shown(str(dubbed.film.absolute())),
        "stem": _shown(dubbed.film.stem),
        "made": told.get("duration", 0),
        "width": proxy.width,
        "height": proxy.height,
        "times": [round(each, 6) for each in proxy.times],
        "durations": [round(each, 6) for each in proxy.durations],
        "passed": course.passed,
        "shots": course.shots,
        "people": [_person(found, number) for number in range(len(course.people))],
        "light": found.light(),
        "loudness": _listed(found.levels),
        "expression": course.settings.get("expression", 1.0),
        "speaking": str(course.settings.get("face", "")).strip().lower() == SPEAKING,
        # Whose mouth is whose stands in the table of a cast.
        "cast": "speech" not in dubbed.inputs,
        "overrides": course.settings.get("overrides", []),
    }
    parts = {
        "title": html.escape(f"Review of {_shown(dubbed.film.name)}"),
        "style": _part("page.css"),
        "summary": html.escape(_summary(told)),
        "plots": _picture(draw_plots(found.plotted())),
        "report": _details(dubbed),
        # What ends a script in HTML cannot stand in it as it is.
        "data": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        "film": _film(film),
        "script": _part("page.js"),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _part("page.html"))


def _person(found: Found, number: int) -> dict[str, Any]:
    """One person for the page's script."""
    person, mouths = found.dubbed.course.people[number], found.compared.people[number]
    return {
        "face": _shown(person.face),
        "color": "#{:02x}{:02x}{:02x}".format(*color_of(number)),
        "passed": person.passed,
        "switches": person.switches,
        "asked": _listed(found.asked(person)),
        "rendered": _listed(found.rendering(number)),
        "sharpness": _listed(mouths.sharpness),
        "missed": found.missed(number),
        "doubts": [(doubt.first, doubt.stop, doubt.why) for doubt in found.doubts(number)],
    }


def _part(name: str) -> str:
    return files("dubtool.review").joinpath(name).read_text(encoding="utf-8").rstrip()


def _film(film: bytes | str) -> str:
    if isinstance(film, str):
        # The dot keeps a name like "javascript:x.mp4" from being an address.
        return f'<script type="text/plain" id="film" data-beside="./{quote(os.fsencode(film))}"></script>'
    return f'<script type="text/plain" id="film">{base64.b64encode(film).decode()}</script>'


def _picture(plots: np.ndarray) -> str:
    data = base64.b64encode(png(plots)).decode()
    return (
        f'<h2>Plots</h2>\n<div class="scrolled"><img alt="plots of the dub" src="data:image/png;base64,{data}"></div>'
    )


def _summary(told: Mapping[str, Any]) -> str:
    passed = "".join(f", {why} {count}" for why, count in told["passed"].items())
    return f"{told.get('dubbed', 0)} of {told.get('frames', 0)} frames dubbed{passed}; model {told.get('model', '?')}"


def _details(dubbed: Dubbed) -> str:
    told = dubbed.told
    rows = [("source", str(dubbed.source)), *((name, str(path)) for name, path in dubbed.inputs.items())]
    rows += [("device", str(told.get("device", "")))]
    rows += [("stages", ", ".join(f"{stage} {each:.1f} s" for stage, each in told["seconds"].items()))]
    rows += [("warning", str(each)) for each in told["warnings"]]
    rows += [(str(name), f"{digest}"[:16]) for name, digest in told["weights"].items()]
    terms = "\n".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in rows)
    return f"<dl>\n{terms}\n</dl>"


def _text(text: str) -> str:
    return html.escape(_shown(text))


def _shown(text: str) -> str:
    """Bytes of names that are no UTF-8 are shown as question marks."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _listed(values: np.ndarray | None) -> list[float | None] | None:
    if values is None:
        return None
    return [round(float(each), _DECIMALS) if np.isfinite(each) else None for each in values]


def is_page(path: Path) -> bool:
    """Whether an earlier page stands there."""
    try:
        with path.open("rb") as file:
            return GENERATOR in file.read(1000).decode("utf-8", "replace")
    except OSError:
        return False
