"""dubtool makes the mouth in a video say a new speech.

The Python API mirrors the commands: `dub`, `restore_teeth` and `reenact` do one job, `faces` lists who is in a film,
`review_page`, `report_plots` and `verify` look at a result; `Dubber`, `TeethRestorer` and `Reenactor` load their
networks once, do many, and give frames as they are drawn. Names are loaded when they are first used, so that
`import dubtool` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dubtool.adaptation import adapt as adapt
    from dubtool.errors import CancelledError as CancelledError
    from dubtool.errors import DeviceError as DeviceError
    from dubtool.errors import DubtoolError as DubtoolError
    from dubtool.errors import InputError as InputError
    from dubtool.errors import NoFaceError as NoFaceError
    from dubtool.errors import OutputError as OutputError
    from dubtool.errors import UsageError as UsageError
    from dubtool.errors import WeightsError as WeightsError
    from dubtool.jobs.dub.job import Dubber as Dubber
    from dubtool.jobs.dub.job import dub as dub
    from dubtool.jobs.faces.job import FaceList as FaceList
    from dubtool.jobs.faces.job import FoundPerson as FoundPerson
    from dubtool.jobs.faces.job import faces as faces
    from dubtool.jobs.reenact.job import Reenactor as Reenactor
    from dubtool.jobs.reenact.job import reenact as reenact
    from dubtool.jobs.restore_teeth.job import TeethRestorer as TeethRestorer
    from dubtool.jobs.restore_teeth.job import restore_teeth as restore_teeth
    from dubtool.jobs.shared.adapted import Adapted as Adapted
    from dubtool.jobs.shared.calls import Progress as Progress
    from dubtool.jobs.shared.cast import Cast as Cast
    from dubtool.jobs.shared.cast import CastRow as CastRow
    from dubtool.jobs.shared.known_shapes import MouthShapes as MouthShapes
    from dubtool.jobs.shared.options import DubOptions as DubOptions
    from dubtool.jobs.shared.options import ReenactOptions as ReenactOptions
    from dubtool.jobs.shared.options import RestoreOptions as RestoreOptions
    from dubtool.jobs.shared.report import Report as Report
    from dubtool.provenance.verify import Provenance as Provenance
    from dubtool.provenance.verify import verify as verify
    from dubtool.review.job import report_plots as report_plots
    from dubtool.review.job import review_page as review_page

__version__ = "0.2.0"

_HOMES = {
    "dubtool.adaptation": ("adapt",),
    "dubtool.errors": (
        "CancelledError", "DeviceError", "DubtoolError", "InputError", "NoFaceError", "OutputError", "UsageError",
        "WeightsError",
    ),
    "dubtool.jobs.dub.job": ("Dubber", "dub"),
    "dubtool.jobs.faces.job": ("FaceList", "FoundPerson", "faces"),
    "dubtool.jobs.reenact.job": ("Reenactor", "reenact"),
    "dubtool.jobs.restore_teeth.job": ("TeethRestorer", "restore_teeth"),
    "dubtool.jobs.shared.adapted": ("Adapted",),
    "dubtool.jobs.shared.calls": ("Progress",),
    "dubtool.jobs.shared.cast": ("Cast", "CastRow"),
    "dubtool.jobs.shared.known_shapes": ("MouthShapes",),
    "dubtool.jobs.shared.options": ("DubOptions", "ReenactOptions", "RestoreOptions"),
    "dubtool.jobs.shared.report": ("Report",),
    "dubtool.provenance.verify": ("Provenance", "verify"),
    "dubtool.review.job": ("report_plots", "review_page"),
}  # fmt: skip
_MODULE = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE)]


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE})
