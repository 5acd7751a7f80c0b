"""How predicted lips behave in languages without pictures: `benchmarks/languages.py russian=a.wav english=b.wav`.

Without a true mouth nothing tells whether lips are right, but some things tell that they are wrong: lips that close
where the voice is loudest, or never; an opening that has nothing to do with loudness. Beside every number stands what
the same lips score on another of the recordings (chance). English is also asked at its p, b and m.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dubtool.face.shape import MOUTH, ShapeModel, inner_opening
from dubtool.face.topology import tracked
from dubtool.folders import temporary_folder
from dubtool.media.audio import RATE, load_speech
from dubtool.metrics.closures import CLOSED, hits_at
from dubtool.metrics.phones import PhoneRecogniser, bilabials
from dubtool.metrics.runs import runs
from dubtool.metrics.voice import levels_at, voiced_at
from dubtool.speech.shapes import speech_shapes
from dubtool.weights.locate import find

_FRAMES = 25.0
# A dip: so much quieter than the loudest within so many frames on both sides.
_DIP_DB, _AROUND = 8.0, 4


@dataclass(frozen=True)
class Said:
    """A speech at 25 moments a second. opening: of a mean mouth, in distances of the outer eye corners. level: dB."""

    language: str
    times: np.ndarray
    opening: np.ndarray
    level: np.ndarray
    voiced: np.ndarray
    bilabials: tuple[tuple[float, float], ...] = ()

    @property
    def dips(self) -> list[tuple[float, float]]:
        """Where the voice sinks for a moment, as it does behind closed lips: local lows between louder moments."""
        level, found = self.level, []
        for place in range(_AROUND, len(level) - _AROUND):
            before, after = level[place - _AROUND : place], level[place + 1 : place + 1 + _AROUND]
            low = level[place] <= min(before.min(), after.min())
            if low and min(before.max(), after.max()) - level[place] >= _DIP_DB:
                found.append((float(self.times[place]), float(self.times[place])))
        return found


def say(language: str, path: Path, model: ShapeModel, recogniser: PhoneRecogniser | None) -> Said:
    rest = model.mean[tracked(MOUTH)]
    with temporary_folder() as folder:
        speech = load_speech(path, folder)
        sound, _ = soundfile.read(speech.path, dtype="float32")
        times = np.arange(int(len(sound) / RATE * _FRAMES)) / _FRAMES
        shapes = speech_shapes(speech.path, find("whisper"), find("speech_shapes"), device="cpu").at(times)
    # The mean mouth is a little open; predicted shapes are of a mouth that rests closed.
    opening = np.maximum(inner_opening(model.mouths(shapes, rest)) - float(inner_opening(rest[None])[0]), 0)
    phones = () if recogniser is None else tuple(bilabials(recogniser.phones(sound)))
    return Said(language, times, opening, levels_at(sound, RATE, times), voiced_at(sound, RATE, times), phones)


def row(said: Said, other: Said) -> list[str]:
    """The numbers of one recording, and in brackets those of another's lips on its sound."""
    count = min(len(said.times), len(other.times))
    cells = [said.language, f"{len(said.times) / _FRAMES:.1f}"]
    shut = (said.opening < CLOSED) & said.voiced
    cells.append(f"{len(runs(shut)) / max(said.voiced.sum() / _FRAMES, 1e-9):.1f}")
    loud = [float(np.corrcoef(lips[:count], said.level[:count])[0, 1]) for lips in (said.opening, other.opening)]
    cells.append(f"{loud[0]:.2f} ({loud[1]:.2f})")
    for moments in (said.dips, said.bilabials):
        met = [hits_at(lips[:count], said.times[:count], moments) for lips in (said.opening, other.opening)]
        shares = [f"{hit / told:.2f}" if told else "-" for hit, told in met]
        cells.append(f"{shares[0]} ({shares[1]}), {met[0][1]}" if met[0][1] else "-")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", nargs="+", metavar="LANGUAGE=FILE")
    names = [each.split("=", 1) for each in parser.parse_args().speech]
    if any(len(each) != 2 for each in names):
        parser.error("name each recording as LANGUAGE=FILE")
    model = ShapeModel.load(find("face_shape"))
    recogniser = PhoneRecogniser()
    said = [say(name, Path(file), model, recogniser if name == "english" else None) for name, file in names]
    titles = ("language", "seconds", "closures / s", "r with loudness", "shut at dips, n", "shut at p, b, m, n")
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
    for place, one in enumerate(said):
        print("| " + " | ".join(row(one, said[place - 1])) + " |")


if __name__ == "__main__":
    main()
