"""What cannot be written is refused before any work: container, codec, folder, frame times, sounds."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path

from dubtool.errors import InputError, OutputError, UsageError
from dubtool.media.codecs import Container, container_for, usual_codec, video_arguments
from dubtool.media.packets import evenly_timed
from dubtool.media.probe import MediaInfo, VideoInfo
from dubtool.media.sound import plan_sound

_MXF_RATES = tuple(Fraction(one) for one in ("24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"))
_RATE_TOLERANCE = Fraction(1, 5000)
_DNX_SIDES = (256, 120)


def check_target(
    output: Path, codec: str | None, preset: str, video: VideoInfo | None = None, *, lossless: bool = False
) -> tuple[Container, str]:
    """Container and codec of an output, refused before any work where they cannot be written.

    video: the source's, which the choice of a codec depends on where none is asked for.

    Raises UsageError for a suffix, codec or preset that is not known or does not fit, OutputError for the folder.
    """
    container = container_for(output)
    codec = codec or usual_codec(container, video)
    video_arguments(codec, 0, preset, lossless=lossless)
    if codec not in container.videos:
        raise UsageError(f"{container.name} does not take {codec} video: change one of them")
    if codec.startswith("dnx") and video is not None and (video.width < _DNX_SIDES[0] or video.height < _DNX_SIDES[1]):
        raise UsageError(f"DNxHR takes pictures from {_DNX_SIDES[0]}x{_DNX_SIDES[1]} on: choose another --codec")
    folder = output.absolute().parent
    check_place(output, folder.parent if container.sequence and not folder.exists() else folder)
    return container, codec


def check_place(output: Path, folder: Path | None = None) -> None:
    """Refuse a file, before any work, that cannot be made. folder: that is to hold it, by default its own.

    Raises OutputError.
    """
    folder = folder or output.absolute().parent
    if output.is_dir():
        raise OutputError(f"{output} is a folder: name a file")
    if not folder.is_dir():
        raise OutputError(f"{output} cannot be written: the folder {folder} does not exist")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{output} cannot be written: no right to write into {folder}")


def check_times(output: Path, info: MediaInfo) -> None:
    """Refuse, before any work, frames at uneven times, or a rate, that the output's container cannot hold.

    Raises:
        UsageError.
    """
    container, video = container_for(output), info.require_video()
    if not container.even:
        return
    rate = video.average_rate
    if container.name == "mxf" and not any(abs(rate / known - 1) < _RATE_TOLERANCE for known in _MXF_RATES):
        raise UsageError(f"{output}: MXF holds no {float(rate):.3f} frames a second: write .mov")
    if not evenly_timed(info):
        what = "MXF" if container.name == "mxf" else "an image sequence"
        raise UsageError(
            f"{output}: the frames of {info.path} come at uneven times, which {what} cannot tell: "
            "write .mov, or make them even first"
        )


def check_sounds(output: Path, info: MediaInfo, soundtrack: MediaInfo | None) -> None:
    """Refuse, before any work, a soundtrack that the output's container takes in no way, and look at the other sounds.

    Raises InputError.
    """
    container = container_for(output)
    if container.sequence:
        return
    if soundtrack is not None:
        plan_sound(soundtrack.path, soundtrack.require_audio(), container)
    for sound in info.audio:
        if soundtrack is None or sound is not info.main_audio:
            with contextlib.suppress(InputError):  # it is left out, with a warning
                plan_sound(info.path, sound, container)
