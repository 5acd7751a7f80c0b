"""The channels of a sound: their names, and how they are mixed to one.

PyAV's own objects of a sound are kept out of reach of inputs: version 18 reads past the eighth plane of a planar frame,
and frees a layout that names its channels in an order of its own twice. Either ends the process.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping

import av

# What libswresample mixes at most.
MOST_CHANNELS = 64
UNKNOWN_LAYOUT = "unknown"
_STREAM = re.compile(r"^ {2,4}Stream #0:(\d+)[^\n]*?: Audio: [^\n]*?, (?:\d+ Hz, )?([^,\n]+)", re.MULTILINE)
_COUNTED = re.compile(r"(\d+) channels")

# How loud each speaker counts in the mono sum: dialogue sits in the centre; the low-frequency effects are left out.
_WEIGHTS = {"FL": 0.7071, "FR": 0.7071, "FC": 1.0, "LFE": 0.0, "LFE2": 0.0}
_SURROUND_WEIGHT = 0.5

_log_level = threading.Lock()
# Without a handler of its own, Python would print what other threads' decoders say meanwhile.
logging.getLogger("libav").addHandler(logging.NullHandler())


def layouts_of(container: av.container.InputContainer) -> Mapping[int, str]:
    """libavformat's names of the layouts of an opened file's sound, by index of the stream: "5.1(side)", "16 channels",
    "2 channels (FR+FL)".
    """
    with _log_level:
        before = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        try:
            described: str = container.dumps_format()  # type: ignore[attr-defined]  # missing in PyAV's stubs
        finally:
            av.logging.set_level(before)
    return {int(index): layout.strip() for index, layout in _STREAM.findall(described)}


def channel_names(layout: str) -> tuple[str, ...]:
    """A name for each channel of a layout; "NONE" where nothing is known of it."""
    try:
        return tuple(channel.name for channel in av.AudioLayout(layout).channels)
    except ValueError:
        counted = _COUNTED.match(layout)
        return ("NONE",) * (int(counted[1]) if counted else 0)


def mono_pan(layout: str) -> str:
    """The `pan` filter that mixes a layout to mono without making it louder."""
    names = channel_names(layout)
    weights = [_weight(name) for name in names]
    if not any(weights):
        weights = [1.0] * len(names)
    terms = [f"{weight / sum(weights):.6f}*c{number}" for number, weight in enumerate(weights) if weight]
    return f"pan=mono|c0={'+'.join(terms)}"


def _weight(name: str) -> float:
    if name.startswith("AMBI"):
        # The first ambisonic channel is the sound from everywhere, the others differences between directions.
        return float(name == "AMBI0")
    return _WEIGHTS.get(name, _SURROUND_WEIGHT)
