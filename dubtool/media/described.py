"""What libavformat says of an opened file in words: the one place that tells of things PyAV has no name for."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping

import av

_log_level = threading.Lock()
# Without a handler of its own, Python would print what other threads' decoders say meanwhile.
logging.getLogger("libav").addHandler(logging.NullHandler())
_STREAM = re.compile(r"^ {2,4}Stream #0:(\d+)", re.MULTILINE)


def described(container: av.container.InputContainer) -> Mapping[int, str]:
    """The text on each stream, by its index: its own line, then its metadata and side data."""
    with _log_level:
        before = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        try:
            text: str = container.dumps_format()  # type: ignore[attr-defined]  # missing in PyAV's stubs
        finally:
            av.logging.set_level(before)
    _, *parts = _STREAM.split(text)
    return {int(index): words for index, words in zip(parts[::2], parts[1::2], strict=True)}
