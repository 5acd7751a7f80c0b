"""dubtool makes the mouth in a video say a new speech.

The Python API mirrors the commands; names are loaded when they are first used, so that `import dubtool` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dubtool.adaptation import adapt as adapt
    from dubtool.jobs.dub.job import dub as dub
    from dubtool.jobs.reenact.job import reenact as reenact
    from dubtool.jobs.restore_teeth.job import restore_teeth as restore_teeth

__version__ = "0.1.0"

_HOMES = {
    "adapt": "dubtool.adaptation",
    "dub": "dubtool.jobs.dub.job",
    "reenact": "dubtool.jobs.reenact.job",
    "restore_teeth": "dubtool.jobs.restore_teeth.job",
}

__all__ = ["__version__", "adapt", "dub", "reenact", "restore_teeth"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
