"""The exit codes, which help, the reference and the man page show."""

from __future__ import annotations

EXIT_CODES = {
    0: "done",
    1: "anything else",
    2: "usage",
    3: "an input cannot be read or used",
    4: "no usable face",
    5: "weights missing or not as registered",
    6: "no such device",
    7: "ffmpeg or disk failed",
    129: "ended by SIGHUP",
    130: "interrupted",
    143: "ended by SIGTERM",
}
TOLD = "Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."
