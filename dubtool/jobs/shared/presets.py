"""Presets: settings of the result that go together, by name. Names of settings are those of the command line."""

from __future__ import annotations

from collections.abc import Mapping

from dubtool.media.efforts import EFFORTS

Settings = Mapping[str, object]

# The encoder's own words were all that --preset took once; each still means the effort.
PRESETS: Mapping[str, Settings] = {
    "draft": {"effort": "ultrafast", "crf": 28},
    "broadcast": {"codec": "prores_ks", "container": "mov", "sidecar": True},
    "web": {"codec": "h264-web", "effort": "slow", "crf": 21, "container": "mp4"},
} | {effort: {"effort": effort} for effort in EFFORTS}

# Those that are offered by name; the encoder's words are listed with --effort.
OFFERED = ("draft", "broadcast", "web")
