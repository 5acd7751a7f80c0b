"""Whether the package of the extra `sign` is there."""

from __future__ import annotations

import importlib.util

from dubtool.errors import UsageError


def require_extra(what: str) -> None:
    """Raise UsageError if it is missing. what: that needs it."""
    if importlib.util.find_spec("c2pa") is None:
        raise UsageError(f'{what} needs c2pa-python: pip install "dubtool[sign]"')
