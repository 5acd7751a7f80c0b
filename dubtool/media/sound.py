"""How a stream of sound goes into a container: as it is, encoded, or mixed; what is refused is known before any work.

Rules of rates, layouts and codecs differ between containers, encoders and versions of ffmpeg: it is asked, by an
attempt at the stream's first packets.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dubtool.errors import InputError, OutputError
from dubtool.media.channels import mixed, relabelled
from dubtool.media.codecs import Arguments, Container, sound_arguments
from dubtool.media.ffmpeg import file_url, find_ffmpeg, run_ffmpeg
from dubtool.media.probe import AudioInfo

_PACKETS = 20
_SECONDS = 60.0
_PCM = "pcm_s24le"


@dataclass(frozen=True)
class SoundPlan:
    """What becomes of a stream: its codec ("copy", or an encoder), options of the output with the suffix `:a:0`, the
    filter that puts its channels in place ("" for none), and how many it is mixed to (None where each is kept).
    """

    codec: str
    options: Arguments
    placing: str = ""
    mixed_to: int | None = None

    def warning(self, path: Path, sound: AudioInfo, container: Container) -> str | None:
        """What is lost, in one line."""
        if self.mixed_to is None or self.mixed_to >= sound.channels:
            return None
        return (
            f"{path}: {sound.channels} channels of sound are mixed to {self.mixed_to}: {container.name} takes no more"
        )


def plan_sound(path: Path, sound: AudioInfo, container: Container) -> SoundPlan:
    """The way into the container that loses least.

    Raises:
        InputError: there is none. OutputError: no ffmpeg is found.
    """
    status = path.stat()
    return _plan(path, sound, container, find_ffmpeg().path, (status.st_mtime_ns, status.st_size, os.fspath(path)))


@functools.lru_cache(maxsize=256)
def _plan(path: Path, sound: AudioInfo, container: Container, program: str, identity: object) -> SoundPlan:
    reason, tried = "", list[SoundPlan]()
    for plan in _plans(sound, container):
        if plan in tried:
            continue
        tried.append(plan)
        try:
            _attempt(program, path, sound, container, plan)
        except OutputError as error:
            reason = reason or str(error)
        else:
            return plan
    what = f"{sound.codec}, {sound.layout}, {sound.sample_rate} Hz"
    raise InputError(f"{path}: its sound ({what}) does not go into {container.name}: export it as WAV. {reason}")


def _plans(sound: AudioInfo, container: Container) -> Iterator[SoundPlan]:
    """The ways to try, best first."""
    yield SoundPlan(*sound_arguments(container, sound))
    placings = ["", *relabelled(sound.layout)] if sound.channels else ["aformat=channel_layouts=mono"]
    for placing in placings:
        yield SoundPlan(*sound_arguments(container, sound, encoded=True), placing)
    if _PCM in container.pcm:
        yield SoundPlan(_PCM, {})
    for placing, channels in mixed(sound.layout) if sound.channels else ():
        arguments = sound_arguments(container, sound, encoded=True, channels=channels)
        yield SoundPlan(arguments[0], arguments[1], placing, channels)


def _tried_as(container: Container) -> str:
    """A muxer that takes sound alone, which MXF's does not."""
    return "matroska" if container.name == "mxf" else container.name


def _attempt(program: str, path: Path, sound: AudioInfo, container: Container, plan: SoundPlan) -> None:
    options = [word for name, value in plan.options.items() for word in (f"-{name}", str(value))]
    placing = ["-filter:a:0", plan.placing] if plan.placing else []
    command = [program, "-hide_banner", "-nostdin", "-loglevel", "error", "-y", "-protocol_whitelist", "file"]
    command += ["-i", file_url(path), "-map", f"0:{sound.index}", "-c:a:0", plan.codec, *placing, *options]
    run_ffmpeg([*command, "-frames:a:0", str(_PACKETS), "-f", _tried_as(container), os.devnull], timeout=_SECONDS)
