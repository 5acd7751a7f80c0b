"""Codecs as those who order films call them: an encoder, with the layouts and arguments that the name stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dubtool.media.pixels import PixelLayout, layout_of

_422 = (layout_of("422", 10),)
_444 = (layout_of("444", 10), layout_of("444", 10, alpha=True))


@dataclass(frozen=True)
class Delivery:
    """encoder: ffmpeg's name. layouts: that are coded, the nearest to the frames' own. arguments: beside the usual."""

    encoder: str
    layouts: tuple[PixelLayout, ...]
    arguments: Mapping[str, str | int] = field(default_factory=dict)


DELIVERIES: Mapping[str, Delivery] = {
    "prores-proxy": Delivery("prores_ks", _422, {"profile": 0}),
    "prores-lt": Delivery("prores_ks", _422, {"profile": 1}),
    "prores-422": Delivery("prores_ks", _422, {"profile": 2}),
    "prores-hq": Delivery("prores_ks", _422, {"profile": 3}),
    "prores-4444": Delivery("prores_ks", _444, {"profile": 4}),
    "dnxhr-lb": Delivery("dnxhd", (layout_of("422", 8),), {"profile": "dnxhr_lb"}),
    "dnxhr-sq": Delivery("dnxhd", (layout_of("422", 8),), {"profile": "dnxhr_sq"}),
    "dnxhr-hq": Delivery("dnxhd", (layout_of("422", 8),), {"profile": "dnxhr_hq"}),
    "dnxhr-hqx": Delivery("dnxhd", _422, {"profile": "dnxhr_hqx"}),
    "dnxhr-444": Delivery("dnxhd", (layout_of("444", 10), layout_of("rgb", 10)), {"profile": "dnxhr_444"}),
    "h264-web": Delivery("libx264", (layout_of("420", 8),)),
    "h265-10": Delivery("libx265", (layout_of("420", 10),)),
    "av1-10": Delivery("libsvtav1", (layout_of("420", 10),)),
}


def encoder_of(codec: str) -> str:
    """ffmpeg's encoder for a codec, which may be one already."""
    return DELIVERIES[codec].encoder if codec in DELIVERIES else codec


def called(*encoders: str) -> frozenset[str]:
    """These encoders, and every codec that is made by them."""
    return frozenset(encoders) | {name for name, one in DELIVERIES.items() if one.encoder in encoders}
