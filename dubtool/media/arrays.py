"""Pictures and sound in memory as files, so that jobs take them like any other input: nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from dubtool.errors import InputError, OutputError


def write_pictures(path: Path, pictures: Iterable[np.ndarray], rate: Fraction) -> Path:
    """Write RGB pictures uint8 [H, W, 3], `rate` a second, as FFV1 in Matroska; they are read one after the other.

    Raises:
        InputError: there is none, or one has another shape or kind than the first. OutputError: there is no room.
    """
    size: tuple[int, ...] = ()
    try:
        with av.open(str(path), "w", format="matroska") as container:
            stream = container.add_stream("ffv1", rate=rate)
            stream.pix_fmt = "bgr0"
            for number, picture in enumerate(pictures):
                picture = np.asarray(picture)
                if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                    raise InputError(f"frame {number} is {picture.dtype} {list(picture.shape)}, not uint8 [H, W, 3]")
                if size and picture.shape != size:
                    raise InputError(f"frame {number} is {list(picture.shape)}, those before it {list(size)}")
                if not size:
                    stream.height, stream.width = picture.shape[:2]
                size = picture.shape
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")))
            if not size:
                raise InputError("there is no frame in what was given for a video")
            container.mux(stream.encode())
    except (OSError, av.FFmpegError) as error:
        raise _no_room("frames", error) from error
    return path


def write_samples(path: Path, samples: np.ndarray, rate: int) -> Path:
    """Write samples in -1..1, float [N] or [N, channels], as a WAV of float32.

    Raises:
        InputError: they are nothing of this kind. OutputError: there is no room.
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or len(samples) == 0 or not np.issubdtype(samples.dtype, np.floating):
        raise InputError(f"a sound is {samples.dtype} {list(samples.shape)}, not float [N] or [N, channels]")
    try:
        soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT", format="WAV")
    except (OSError, soundfile.SoundFileError) as error:
        raise _no_room("a sound", error) from error
    return path


def _no_room(what: str, error: Exception) -> OutputError:
    return OutputError(f"{what} cannot be kept in a temporary file ({error}): set TMPDIR to a larger folder")
