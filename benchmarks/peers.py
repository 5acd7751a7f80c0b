"""Our dubs beside those that other tools made of the same footage, measured by the same code, as a table.

python benchmarks/peers.py FOLDER [--set NAME ...] [--model NAME ...] [--true-shapes] [--sface FILE] [--json FILE]

FOLDER has one folder for each set of footage, all starting together and of one frame size:
  self_*   source.mp4, speech.wav (its own sound), out_TOOL.mp4 (source dubbed with it): source is the truth
  cross_*  source.mp4, speech.wav (another person's), driving.mp4 (that person saying it), out_TOOL.mp4

What is fair, and what is not: in self_* other tools may have seen every frame of the source, the true mouth included;
ours takes its references from at least a second away, in two passes, and only what these make is compared, for all
tools; --true-shapes adds our dubs of the true mouth's shapes, as a tool that has seen it might. A source whose picture
is not in sync with its sound spoils all who go by the sound alike: look at the lag of the best r. Pictures are compared
by their luma, as many files do not say by which matrix their colours were made. Other tools' outputs are compressed,
ours is not; sharpness and flicker are over the source's. Only frames that all have count.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubtool.errors import InputError, UsageError
from dubtool.evaluation.analysed import Lips, TrackedSpeaker
from dubtool.evaluation.clips import Clip
from dubtool.evaluation.context import EvaluationContext, load_context
from dubtool.evaluation.frame_view import grey
from dubtool.evaluation.likeness import Likeness
from dubtool.evaluation.pictures import Pictures
from dubtool.evaluation.segment import open_recording
from dubtool.evaluation.selfdub import dub_pass, dub_passes
from dubtool.jobs.shared.options import DEFAULT_MODEL
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.probe import probe
from dubtool.metrics.lips import compare

OURS = "dubtool "
# Neighbouring frames show the same person.
_CSIM_EVERY = 5
_COLUMNS = {
    "lpips_lips": ("LPIPS lips", 3),
    "lpips": ("LPIPS box", 3),
    "psnr_lips": ("PSNR lips", 1),
    "sharpness_lips": ("sharpness lips", 2),
    "sharpness": ("sharpness box", 2),
    "flicker": ("flicker", 2),
    "opening_r": ("opening r", 2),
    "opening_best": ("best r", 2),
    "opening_lag": ("at lag", 0),
    "width_r": ("width r", 2),
    "width_best": ("best r", 2),
    "csim": ("CSIM", 3),
    "frames": ("frames", 0),
}

Numbers = dict[str, float]


@dataclass(frozen=True)
class Made:
    """One tool's dub: files, and the frames that count of each, at the places of the source's frames."""

    parts: list[tuple[Path, range]]

    def until(self, count: int) -> Made:
        return Made([(path, range(frames.start, min(frames.stop, count))) for path, frames in self.parts])


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Our dubs beside other tools'.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", action="append", help="only these of the folder's sets")
    parser.add_argument("--model", action="append", help="of ours; several are set beside each other")
    parser.add_argument("--true-shapes", action="store_true", help="also dub with the shapes of the true mouth")
    parser.add_argument("--sface", type=Path, help="face_recognition_sface_2021dec.onnx, for CSIM")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args(words)
    kits = {
        model: load_context(
            model,
            sface=arguments.sface,
            device=arguments.device,
            precision="auto",
            batch_size=4,
            cache=True,
            done=lambda: None,
        )
        for model in arguments.model or [DEFAULT_MODEL]
    }
    found: dict[str, dict[str, Numbers]] = {}
    for folder in sorted(path.parent for path in arguments.folder.glob("*/source.mp4")):
        if arguments.set and folder.name not in arguments.set:
            continue
        print(f"{folder.name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="dubtool-") as place:
            if folder.name.startswith("self_"):
                found[folder.name] = of_self(folder, kits, Path(place), arguments.true_shapes)
            else:
                found[folder.name] = of_cross(folder, kits, Path(place))
        print(f"### {folder.name}\n\n{table(found[folder.name])}\n", flush=True)
    if not found:
        raise UsageError(f"{arguments.folder} has no such sets: no NAME/source.mp4")
    if arguments.json is not None:
        plain = {
            name: {tool: {key: v if math.isfinite(v) else None for key, v in row.items()} for tool, row in rows.items()}
            for name, rows in found.items()
        }
        arguments.json.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def of_self(folder: Path, kits: dict[str, EvaluationContext], place: Path, true_shapes: bool) -> dict[str, Numbers]:
    """Dubs of a video with its own sound against its own frames, by the tool's name."""
    context = next(iter(kits.values()))
    source = folder / "source.mp4"
    recording = open_recording(Clip(source, folder.name), place, folder / "speech.wav")
    passes = dub_passes(recording)
    if passes is None:
        raise InputError(f"{source}: too short to take references from a second away")
    every = {
        name: Made([(path, part.made) for part in passes]) for name, path in others(folder, recording.info.path).items()
    }
    seen = context.analyse(source)
    for model, own in kits.items():
        for shapes in (None, seen.shapes) if true_shapes else (None,):
            name = f"{OURS}{model}{', true shapes' if shapes else ''}"
            made = [
                dub_pass(own, recording, folder / "speech.wav", part, place / f"{name}-{number}.mp4", shapes=shapes)
                for number, part in enumerate(passes)
            ]
            every[name] = Made([(path, part.made) for path, part in zip(made, passes, strict=True)])
    common = min(length(path) for made in every.values() for path, _ in made.parts)
    found = {}
    for name, made in every.items():
        made = made.until(min(common, len(seen.times)))
        likeness = Likeness(context.lpips, context.identity, seen, grey)
        for path, frames in made.parts:
            wanted = [frame for frame in frames if seen.rows[frame] >= 0]
            pairs = (VideoReader(info).frames(wanted) for info in (probe(path), seen.info))
            for number, dub, real in zip(wanted, *pairs, strict=True):
                likeness.add(number, dub, real)
        numbers = {key: number.value for key, number in likeness.numbers().items()}
        found[name] = numbers | pictures(made, seen) | lips(context, made, seen.lips)
    return found


def of_cross(folder: Path, kits: dict[str, EvaluationContext], place: Path) -> dict[str, Numbers]:
    """Dubs of a video with another person's sound: lips against those of that person, pictures against the source."""
    context = next(iter(kits.values()))
    source = folder / "source.mp4"
    files = {"not dubbed": source} | others(folder, source)
    for model, own in kits.items():
        target = place / f"{model}.mp4"
        own.dub(source, folder / "speech.wav", target, length="video")
        files[OURS + model] = target
    seen, driving = context.analyse(source), context.analyse(folder / "driving.mp4")
    common = min(len(driving.times), *(length(path) for path in files.values()))
    found = {}
    for name, path in files.items():
        made = Made([(path, range(common))])
        found[name] = pictures(made, seen) | lips(context, made, driving.lips)
        if context.identity is not None:
            likeness = Likeness(context.lpips, context.identity, seen, grey)
            wanted = [frame for frame in range(0, common, _CSIM_EVERY) if seen.rows[frame] >= 0]
            pairs = (VideoReader(info).frames(wanted) for info in (probe(path), seen.info))
            for number, dub, real in zip(wanted, *pairs, strict=True):
                likeness.add(number, dub, real)
            found[name]["csim"] = likeness.numbers()["csim"].value
    return found


def others(folder: Path, source: Path) -> dict[str, Path]:
    """Other tools' outputs by the tool's name."""
    found = {path.stem.removeprefix("out_"): path for path in sorted(folder.glob("out_*.mp4"))}
    size = frame_size(source)
    for path in found.values():
        if frame_size(path) != size:
            raise InputError(f"{path}: its frames are not as large as the source's; leave it out, or scale it")
    return found


def frame_size(path: Path) -> tuple[int, int]:
    video = probe(path).require_video()
    return video.upright_width, video.upright_height


def length(path: Path) -> int:
    return len(scan_times(probe(path)))


def pictures(made: Made, seen: TrackedSpeaker) -> Numbers:
    """Sharpness and flicker over the source's."""
    found = Pictures(grey)
    for path, frames in made.parts:
        found.measure(path, seen, None, frames)
    numbers = {name: number.value for name, number in found.numbers().items()}
    return {name: numbers[name] for name in ("sharpness_lips", "sharpness", "flicker")} | {
        "frames": float(sum(len(frames) for _, frames in made.parts))
    }


def lips(context: EvaluationContext, made: Made, real: Lips) -> Numbers:
    """How the lips follow the true speaker's, over the frames that count."""
    dub = {name: np.full(len(real.times), np.nan) for name in ("opening", "width")}
    for path, frames in made.parts:
        seen = context.analyse_anew(path).lips
        for name, series in dub.items():
            series[frames] = getattr(seen, name)[frames]
    rate = float(1 / np.median(np.diff(real.times)))
    found: Numbers = {}
    for name, series in dub.items():
        # What the drift is taken from shall be the same of both.
        true = np.where(np.isfinite(series), getattr(real, name), np.nan)
        agreement = compare(series, true, rate)
        found |= {f"{name}_r": agreement.r, f"{name}_best": agreement.best, f"{name}_lag": float(agreement.lag)}
    return found


def table(rows: dict[str, Numbers]) -> str:
    """Markdown, a row for each tool."""
    columns = [name for name in _COLUMNS if any(math.isfinite(row.get(name, math.nan)) for row in rows.values())]
    lines = [["tool", *(_COLUMNS[name][0] for name in columns)], ["---"] * (len(columns) + 1)]
    for tool, row in rows.items():
        values = [row.get(name, math.nan) for name in columns]
        cells = [
            f"{value:.{_COLUMNS[name][1]}f}" if math.isfinite(value) else ""
            for name, value in zip(columns, values, strict=True)
        ]
        lines.append([tool, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
