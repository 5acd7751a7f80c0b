"""Several sounds at their times in one file: sample by sample, of any rates and layouts, and never clipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile

from dubtool.errors import OutputError
from dubtool.media.audio import SoundDecoder, reason, require_channels
from dubtool.media.channels import channel_names, placed_in
from dubtool.media.ffmpeg import has_filter
from dubtool.media.probe import AudioInfo, probe

_BLOCK = 1 << 16
# The layouts of a mix, by how many channels the widest sound has: those that every encoder takes.
_LAYOUTS = ((1, "mono"), (2, "stereo"), (6, "5.1"), (8, "7.1"))
# A mix that would clip is turned down so that its peak lies here.
_PEAK = 0.99


@dataclass(frozen=True)
class MixFormat:
    """Samples a second, and the layout."""

    rate: int
    layout: str

    @property
    def channels(self) -> int:
        return len(channel_names(self.layout))


@dataclass(frozen=True)
class Placed:
    """A sound in its place. path: what `decoded` wrote. start, stop: seconds of the mix; it is cut at `stop`. offset:
    the second of the sound that is heard at `start`."""

    path: Path
    start: Fraction
    stop: Fraction
    offset: Fraction = Fraction(0)


def mix_format(paths: Sequence[Path]) -> MixFormat:
    """What loses nothing of these sounds: the highest rate and the widest layout.

    Raises:
        InputError: one holds no sound, or too many channels.
    """
    sounds = [_sound(path) for path in paths]
    widest = max(sound.channels for sound in sounds)
    layout = next((name for channels, name in _LAYOUTS if widest <= channels), _LAYOUTS[-1][1])
    return MixFormat(max(sound.sample_rate for sound in sounds), layout)


def decoded(path: Path, target: Path, wanted: MixFormat, tempo: Fraction = Fraction(1)) -> Path:
    """The sound of a file as float WAV in the mix's format, `tempo` times as fast at the same pitch.

    Raises:
        InputError: it cannot be decoded. OutputError: there is no room for it.
    """
    sound = _sound(path)
    after = "" if tempo == 1 else _at_tempo(tempo)
    placing = placed_in(sound.layout, wanted.layout) if sound.channels else f"aformat=channel_layouts={wanted.layout}"
    decoder = SoundDecoder(path, sound, wanted.rate, placing, wanted.channels, after)
    _write(target, wanted, "FLOAT", decoder.blocks())
    return target


def mix(placed: Sequence[Placed], target: Path, wanted: MixFormat, duration: Fraction) -> float:
    """Write the sum of sounds into a WAV file of `duration` seconds; tells by what factor all were turned down so that
    nothing clips (1.0: they were not).

    Raises:
        OutputError: there is no room for it.
    """
    peak = max((float(np.abs(block).max()) for block in _sums(placed, wanted, duration)), default=0.0)
    gain = 1.0 if peak <= 1 else _PEAK / peak
    blocks = _sums(placed, wanted, duration)
    # 24 bits hold each sample of 16 as it is.
    _write(target, wanted, "PCM_24", blocks if gain == 1 else (block * np.float32(gain) for block in blocks))
    return gain


def _at_tempo(tempo: Fraction) -> str:
    """The filter that plays a sound so much faster at its pitch."""
    # Rubber Band keeps each sound within 10 ms of its time, where atempo has it up to 40 ms early.
    name = "rubberband=pitchq=quality:tempo" if has_filter("rubberband") else "atempo"
    return f"{name}={float(tempo):.9f}"


def _sums(placed: Sequence[Placed], wanted: MixFormat, duration: Fraction) -> Iterator[np.ndarray]:
    """The mix float32 [n, channels], block by block."""
    total = round(duration * wanted.rate)
    for start in range(0, total, _BLOCK):
        stop = min(start + _BLOCK, total)
        block = np.zeros((stop - start, wanted.channels), np.float32)
        for one in placed:
            begin, end = round(one.start * wanted.rate), round(one.stop * wanted.rate)
            low, high = max(begin, start), min(end, stop)
            if low < high:
                # Rows that go on where another ended must not lose or repeat a sample.
                first = round(one.offset * wanted.rate) + low - begin
                found = _read(one.path, first, high - low)
                block[low - start : low - start + len(found)] += found
        yield block


def _read(path: Path, first: int, count: int) -> np.ndarray:
    """Samples of a WAV file float32 [at most count, channels], none behind its end."""
    with soundfile.SoundFile(path) as file:
        if first >= file.frames:
            return np.zeros((0, file.channels), np.float32)
        file.seek(first)
        return np.asarray(file.read(count, dtype="float32", always_2d=True))


def _write(target: Path, wanted: MixFormat, subtype: str, blocks: Iterator[np.ndarray]) -> None:
    try:
        with soundfile.SoundFile(target, "w", wanted.rate, wanted.channels, format="RF64", subtype=subtype) as file:
            for block in blocks:
                file.write(block)
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"{target} cannot be written: {reason(error, target.parent)}") from error


def _sound(path: Path) -> AudioInfo:
    sound = probe(path).require_audio()
    require_channels(path, sound)
    return sound
