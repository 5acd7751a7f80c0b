"""The channels of a sound: their names, and how they are mixed to one or put into a layout that an encoder takes.

PyAV's own objects of a sound are kept out of reach of inputs: version 18 reads past the eighth plane of a planar frame,
and frees a layout that names its channels in an order of its own twice. Either ends the process.
"""

from __future__ import annotations

import re

import av

# What libswresample mixes at most.
MOST_CHANNELS = 64
UNKNOWN_LAYOUT = "unknown"
_SOUND = re.compile(r"[^\n]*?: Audio: [^\n]*?, (?:\d+ Hz, )?([^,\n]+)")
_COUNTED = re.compile(r"(\d+) channels")

# How loud each speaker counts in the mono sum: dialogue sits in the centre; the low-frequency effects are left out.
_WEIGHTS = {"FL": 0.7071, "FR": 0.7071, "FC": 1.0, "LFE": 0.0, "LFE2": 0.0}
_SURROUND_WEIGHT = 0.5
# Layouts that every player knows, by their number of channels.
_USUAL = {
    1: ("mono",),
    2: ("stereo",),
    3: ("3.0",),
    4: ("quad", "4.0"),
    5: ("5.0",),
    6: ("5.1",),
    7: ("6.1", "7.0"),
    8: ("7.1",),
}
# Pairs at the side are played by those at the back where there are only these, and the other way round.
_ALIASES = {"SL": "BL", "SR": "BR", "BL": "SL", "BR": "SR"}
_NO_NAME = "NONE"
_HALF_POWER = 0.7071


def layout_of_sound(description: str) -> str:
    """libavformat's name of a sound's layout, of what `described` says of the stream: "5.1(side)", "16 channels",
    "2 channels (FR+FL)"; UNKNOWN_LAYOUT where that is nothing.
    """
    told = _SOUND.match(description)
    return told[1].strip() if told else UNKNOWN_LAYOUT


def channel_names(layout: str) -> tuple[str, ...]:
    """A name for each channel of a layout; "NONE" where nothing is known of it."""
    try:
        return tuple(channel.name for channel in av.AudioLayout(layout).channels)
    except ValueError:
        counted = _COUNTED.match(layout)
        return (_NO_NAME,) * (int(counted[1]) if counted else 0)


def mono_pan(layout: str) -> str:
    """The `pan` filter that mixes a layout to mono without making it louder."""
    names = channel_names(layout)
    weights = [_weight(name) for name in names]
    if not any(weights):
        weights = [1.0] * len(names)
    terms = [f"{weight / sum(weights):.6f}*c{number}" for number, weight in enumerate(weights) if weight]
    return f"pan=mono|c0={'+'.join(terms)}"


def relabelled(layout: str) -> list[str]:
    """Filters that give the channels of a layout the places of a usual one, without mixing; none if they do not fit."""
    names, filters = channel_names(layout), []
    for usual in _USUAL.get(len(names), ()):
        places = _places(names, channel_names(usual))
        if places is not None:
            filters.append(f"channelmap=map={'|'.join(map(str, places))}:channel_layout={usual}")
    return filters


def mixed(layout: str) -> list[tuple[str, int]]:
    """Filters that mix a layout into usual ones, the widest first, each with its number of channels."""
    names = channel_names(layout)
    if all(name == _NO_NAME for name in names):
        targets = ["stereo", "mono"]
    else:
        targets = ["7.1", "5.1", "stereo", "mono"][0 if len(names) > 7 else 1 if len(names) > 2 else 2 :]
    return [(_mix(names, target), len(channel_names(target))) for target in targets]


def placed_in(layout: str, target: str) -> str:
    """The filter that puts a layout into a usual one that is at least as wide, or mixes what is wider; "" where they
    are the same. One channel is heard from both sides as loud as it is."""
    names, speakers = channel_names(layout), channel_names(target)
    if names == speakers:
        return ""
    if len(names) == 1 and target == "stereo":
        return "pan=stereo|c0=c0|c1=c0"
    same = next((filter_ for filter_ in relabelled(layout) if filter_.endswith(f"channel_layout={target}")), None)
    return same or _mix(names, target)


def _places(names: tuple[str, ...], usual: tuple[str, ...]) -> list[int] | None:
    """Which channel goes to each place of a usual layout of as many; None where one has no place there."""
    if len(names) == 1:
        return [0]
    if len(set(names)) < len(names):
        # Names that do not tell the channels apart tell nothing.
        return list(range(len(names)))
    found: dict[str, int] = {}
    for number, name in enumerate(names):
        place = name if name in usual else _ALIASES.get(name, "")
        if place not in usual or place in found:
            return None
        found[place] = number
    return [found[name] for name in usual]


def _mix(names: tuple[str, ...], target: str) -> str:
    """The `pan` filter that plays each channel by those speakers of a usual layout that stand nearest to it."""
    speakers = channel_names(target)
    gains = [dict[int, float]() for _ in speakers]
    for number, name in enumerate(names):
        for speaker, gain in _nearest(name, speakers).items():
            gains[speakers.index(speaker)][number] = gain
    # Gains of exactly 1 would make ffmpeg move channels without mixing, which it cannot do for every layout.
    loudest = max(1.00001, *(sum(row.values()) for row in gains))
    rows = [
        f"c{place}={'+'.join(f'{gain / loudest:.6f}*c{number}' for number, gain in row.items())}"
        for place, row in enumerate(gains)
        if row
    ]
    return f"pan={target}|{'|'.join(rows)}"


def _nearest(name: str, speakers: tuple[str, ...]) -> dict[str, float]:
    """The speakers that play a channel, and how loud."""
    if name in speakers:
        return {name: 1.0}
    if name.startswith("LFE"):
        return {"LFE": 1.0} if "LFE" in speakers else {}
    if speakers == ("FC",):
        return {"FC": _weight(name)} if _weight(name) else {}
    side = name[-1:]
    if side in ("L", "R"):
        rows = {"B": ("BL", "SL"), "S": ("SL", "BL")}.get(name.removeprefix("T")[:1], ())
        wanted = [row[0] + side for row in rows if name[:2] != "BF"]
        found = next((speaker for speaker in wanted if speaker in speakers), "F" + side)
        return {found: 1.0}
    pair = ("BL", "BR") if name in ("BC", "TBC") and "BL" in speakers else ("FL", "FR")
    if pair == ("FL", "FR") and "FC" in speakers and name != _NO_NAME:
        return {"FC": 1.0}
    return dict.fromkeys(pair, _HALF_POWER)


def _weight(name: str) -> float:
    if name.startswith("AMBI"):
        # The first ambisonic channel is the sound from everywhere, the others differences between directions.
        return float(name == "AMBI0")
    return _WEIGHTS.get(name, _SURROUND_WEIGHT)
