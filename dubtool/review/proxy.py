"""Source and dub in one small video, so that nothing can part them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dubtool.errors import InputError
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.preview import side_by_side
from dubtool.media.probe import probe
from dubtool.review.dubbed import Dubbed, require_source
from dubtool.review.measures import other_frames

WIDTH = 640
_CRF, _PRESET = 24, "veryfast"


@dataclass(frozen=True)
class Proxy:
    """times, durations: seconds of its frames. brightness: mean of each frame of the source, 0..255. width, height: of
    one of the two pictures."""

    times: list[float]
    durations: list[float]
    brightness: list[float]
    width: int
    height: int


def make_proxy(
    dubbed: Dubbed, target: Path, sound: Path | None, progress: Callable[[float, float | None], None]
) -> Proxy:
    """Write the MP4 (H.264): source left, dub right, each at most 640 px wide, at the dub's times.

    Raises:
        InputError: source or dub cannot be read, or has other frames than the report. OutputError.
    """
    source_info, film_info = probe(require_source(dubbed)), probe(dubbed.film)
    wanted, total = dubbed.course.source, len(dubbed.course.source)
    made = Proxy([], [], [], 0, 0)
    # Nothing but the picture is of the film: tracks of all kinds would only be in a browser's way.
    bare = replace(film_info.drawn(), audio=(), other_streams=(), chapters=())
    before = VideoReader(source_info).frames(wanted)
    with VideoWriter(target, bare, codec="libx264", crf=_CRF, preset=_PRESET, soundtrack=sound) as writer:
        for number, after in enumerate(VideoReader(film_info)):
            if number == total:
                raise other_frames(dubbed, number + 1)
            frame = next(before, None)
            if frame is None:
                raise InputError(f"{dubbed.source} ends before {dubbed.film.name}: name the right file with --source")
            if (frame.width, frame.height) != (after.width, after.height):
                raise InputError(f"{dubbed.source} has another size than {dubbed.film.name}: is it the right --source?")
            pair = side_by_side(frame, after, WIDTH)
            made.brightness.append(float(frame.rgb(scale=min(1.0, 64 / frame.width)).mean()))
            made.times.append(float(after.time))
            made.durations.append(float(after.duration))
            writer.write(pair, after.time, after.duration)
            made = replace(made, width=pair.width // 2, height=pair.height)
            progress(number + 1, total)
    if len(made.times) != total:
        raise other_frames(dubbed, len(made.times))
    return made
