"""Where dubtool keeps what it can make or fetch again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for dubtool, by the platform's custom; it may not exist yet."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) / "dubtool" / "Cache" if base else Path.home() / "AppData" / "Local" / "dubtool" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dubtool"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "dubtool"
