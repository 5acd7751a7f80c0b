"""How hard encoders try, from quick to small: the words of x264, which every encoder here understands."""

from __future__ import annotations

EFFORTS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
