"""Stretches of a clip as files of their own: the picture without loss, and the sound that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from dubtool.errors import InputError
from dubtool.evaluation.clips import Clip
from dubtool.media.audio import RATE, Speech, load_speech
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.encode import VideoWriter
from dubtool.media.probe import MediaInfo, probe


@dataclass(frozen=True)
class Recording:
    """An opened clip with its own sound.

    times: N + 1 seconds from the first frame, of all frames and of the end. frames: those whose sound is there, too.
    """

    clip: Clip
    info: MediaInfo
    sound: Speech
    times: list[Fraction]
    frames: range

    @property
    def late(self) -> Fraction:
        """What is seen at t is heard so many seconds later in the sound file."""
        return self.clip.lag + self.info.require_video().start

    @property
    def seconds(self) -> float:
        """How long picture and sound last together."""
        return float(self.times[self.frames.stop] - self.times[self.frames.start])

    @property
    def rate(self) -> float:
        """Frames a second."""
        return len(self.frames) / self.seconds

    def halves(self) -> tuple[range, range]:
        middle = self.frames.start + len(self.frames) // 2
        return range(self.frames.start, middle), range(middle, self.frames.stop)


def open_recording(clip: Clip, folder: Path, speech: Path | None = None) -> Recording:
    """Decode the clip's sound into `folder` and find where picture and sound go together.

    speech: a file whose sound belongs to the clip from its first frame on, instead of the clip's own.

    Raises:
        InputError: one of them is missing, or they never do.
    """
    info = probe(clip.path)
    info.require_video()
    if speech is not None:
        clip = replace(clip, lag=clip.lag - info.require_video().start)
    sound = load_speech(speech or clip.path, folder)
    stands = scan_times(info)
    times = [time for time, _ in stands]
    if not times:
        raise InputError(f"{clip.path}: not one frame of its video can be decoded")
    times.append(times[-1] + stands[-1][1])
    whole = Recording(clip, info, sound, times, range(len(stands)))
    end = Fraction(sound.samples, RATE) - whole.late
    inside = [number for number in whole.frames if times[number] + whole.late >= 0 and times[number + 1] <= end]
    if len(inside) < 2:
        raise InputError(f"{clip.path}: picture and sound have no time in common")
    return replace(whole, frames=range(inside[0], inside[-1] + 1))


def cut_video(recording: Recording, frames: range, target: Path) -> Path:
    """Write these frames and nothing else, without loss, from time 0 on."""
    bare = replace(recording.info, audio=(), other_streams=(), chapters=(), metadata={})
    start = recording.times[frames.start]
    with VideoWriter(target, bare, lossless=True, preset="ultrafast") as writer:
        for frame in VideoReader(recording.info).frames(frames):
            writer.write(frame, frame.time - start, frame.duration)
    return target


def cut_sound(recording: Recording, frames: range, target: Path) -> Path:
    """Write what is heard while these frames are seen; silence where the recording has nothing."""
    edges = [recording.times[frames.start], recording.times[frames.stop]]
    first, last = (round((edge + recording.late) * RATE) for edge in edges)
    samples = np.zeros(last - first, np.float32)
    there = range(max(first, 0), min(last, recording.sound.samples))
    if there:
        known, _ = soundfile.read(recording.sound.path, len(there), there.start, dtype="float32")
        samples[there.start - first : there.stop - first] = known
    return write_sound(samples, target)


def write_sound(samples: Sequence[float] | np.ndarray, target: Path) -> Path:
    """A 16 kHz mono WAV of float samples."""
    soundfile.write(target, np.asarray(samples, np.float32), RATE, subtype="FLOAT")
    return target
