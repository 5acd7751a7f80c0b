"""Every graph that dubtool ships, and a whole dub, on a GPU beside the CPU: what differs and how fast, as tables.

    python benchmarks/gpu.py [--device cuda] [--graphs NAME ...] [--repeats 50] [--seconds 7] [--out FOLDER]

Each graph is run as the product runs it, copies to the device and back included, and compared with the CPU in full
precision. The dubs are of the example scaled to 720p, without a cache. What this machine lacks is said in its row.
Writes gpu.md and gpu.json into FOLDER, anew after every row; exit code 1 if a graph differs by more than is allowed.
With `--device cpu` the same runs without a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort

from dubtool.engine.device import cuda_names, cuda_problem, resolve, usable_threads
from dubtool.engine.session import Session
from dubtool.weights.locate import find
from dubtool.weights.registry import registry

BATCHES = (1, 4, 16)
# Largest difference from the CPU, as `difference` tells it. "auto" lets matrix products drop to 10 bits of fraction.
ALLOWED = {"fp32": 1e-3, "auto": 1e-2, "fp16": 2e-2}
# What the graphs call sizes that are left to the caller, and what is put there: sides in px, 10 s of speech.
BATCH_NAMES = ("batch", "pictures", "mouths", "sounds")
SIZES = {"height": 256, "width": 256, "frames": 1000, "steps": 500}
HEIGHT = 720
_WARM_UPS = 3
# Seconds after which a graph is not run again at one batch size.
_ENOUGH = 1.0
# Random pictures are patches of so many px: noise of single pixels is nothing that a network was made for.
_PATCH = 8


@dataclass
class GraphRow:
    """One graph on one device. milliseconds: median of one run, by batch size. difference: from the CPU, see
    `difference`; None where it was not measured. note: why something is missing."""

    graph: str
    device: str
    precision: str
    difference: float | None = None
    milliseconds: dict[int, float] = field(default_factory=dict)
    note: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it is as near to the CPU as it has to be; a row that could not be measured is not wrong."""
        return self.difference is None or self.difference <= ALLOWED[self.precision]


@dataclass
class DubRow:
    """One whole dub. rate: frames a second; again: without following the face. psnr: of its pictures against the first
    row's, dB."""

    name: str
    frames: int = 0
    rate: float = 0.0
    again: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    psnr: float | None = None
    note: str = ""


@dataclass
class Results:
    """All that was measured, written into `folder` whenever a row is added."""

    folder: Path
    machine: dict[str, str]
    graphs: list[GraphRow] = field(default_factory=list)
    decoding: list[DubRow] = field(default_factory=list)
    dubs: list[DubRow] = field(default_factory=list)

    def add(self, row: GraphRow | DubRow, rows: list[Any]) -> None:
        rows.append(row)
        table = {"graphs": self.graphs, "decoding": self.decoding, "dubs": self.dubs}
        content = {"machine": self.machine} | {name: [asdict(row) for row in rows] for name, rows in table.items()}
        (self.folder / "gpu.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        (self.folder / "gpu.md").write_text(self.markdown(), encoding="utf-8")
        print(row, flush=True)

    def markdown(self) -> str:
        lines = [", ".join(f"{name} {value}" for name, value in self.machine.items()), ""]
        heads = [f"batch {batch}, ms" for batch in BATCHES]
        lines += _table_head(["graph", "device", "precision", "difference", *heads, "note"])
        for row in self.graphs:
            difference = "" if row.difference is None else f"{row.difference:.1e}" + ("" if row.is_right else " WRONG")
            cells = [f"{row.milliseconds[batch]:.2f}" if batch in row.milliseconds else "" for batch in BATCHES]
            lines.append(_table_row([row.graph, row.device, row.precision, difference, *cells, row.note]))
        lines += ["", *_table_head(["decoding", "frames", "frames/s", "dB", "note"])]
        for dub in self.decoding:
            lines.append(_table_row([dub.name, str(dub.frames), f"{dub.rate:.1f}", _decibels(dub.psnr), dub.note]))
        stages = list(dict.fromkeys(stage for dub in self.dubs for stage in dub.seconds))
        heads = [f"{stage}, s" for stage in stages]
        lines += ["", *_table_head(["dub", "frames", "frames/s", "again", "dB", *heads, "note"])]
        for dub in self.dubs:
            cells = [f"{dub.seconds[stage]:.2f}" if stage in dub.seconds else "" for stage in stages]
            rates = [f"{dub.rate:.1f}", f"{dub.again:.1f}"] if dub.frames else ["", ""]
            lines.append(_table_row([dub.name, str(dub.frames), *rates, _decibels(dub.psnr), *cells, dub.note]))
        return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Graphs and a whole dub on a GPU beside the CPU.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--graphs", nargs="*", help="names of weights; all that are shipped if left out")
    parser.add_argument("--repeats", type=int, default=50, help="runs that are timed; fewer of slow ones")
    parser.add_argument("--seconds", type=float, default=7.0, help="of the example that are dubbed; 0: no dub")
    parser.add_argument("--out", type=Path, default=Path())
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    try:
        device, problem = str(resolve(chosen.device)), ""
    except Exception as error:
        device, problem = chosen.device, one_line(error)
    results = Results(chosen.out, machine(problem))
    for name in graphs() if chosen.graphs is None else chosen.graphs:
        measure_graph(name, device, chosen.repeats, results)
    if chosen.seconds > 0:
        measure_film(device, chosen.seconds, results)
    print(results.markdown())
    return 0 if all(row.is_right for row in results.graphs) else 1


def graphs() -> list[str]:
    """Names of the shipped weights that are graphs."""
    return [entry.name for entry in registry().values() if entry.shipped and entry.file.endswith(".onnx")]


def machine(problem: str) -> dict[str, str]:
    """What the numbers hang on."""
    problem = problem or cuda_problem() or ""
    return {
        "card": ", ".join(cuda_names()) or "none",
        "cores": str(usable_threads()),
        "processor": platform.processor() or platform.machine(),
        "ONNX Runtime": ort.__version__,
        "CUDA": str(getattr(ort, "cuda_version", "")) or "none",
        "Python": platform.python_version(),
    } | ({"CUDA's problem": problem} if problem else {})


def measure_graph(name: str, device: str, repeats: int, results: Results) -> None:
    """The rows of one graph: the CPU's, and the device's in each precision."""
    try:
        model = find(name)
        reference = Session(model, "cpu", "fp32")
        feeds = {batch: feeds_for(reference, name, batch) for batch in batches_of(reference)}
        middle = sorted(feeds)[len(feeds) // 2]
        truth = reference.run(feeds[middle])
    except Exception as error:
        results.add(GraphRow(name, "cpu", "fp32", note=one_line(error)), results.graphs)
        return
    others = [] if device == "cpu" else [(device, precision) for precision in ALLOWED]
    for where, precision in [("cpu", "fp32"), *others]:
        row = GraphRow(name, where, precision)
        try:
            session = reference if where == "cpu" else Session(model, where, precision)
            row.difference = difference(session.run(feeds[middle]), truth)
            for batch, fed in feeds.items():
                row.milliseconds[batch] = timed(session, fed, repeats)
        except Exception as error:
            row.note = one_line(error)
        results.add(row, results.graphs)


def batches_of(session: Session) -> tuple[int, ...]:
    """Batch sizes that a graph takes."""
    named = {size for shape in session.shapes.values() for size in shape}
    return BATCHES if named & set(BATCH_NAMES) else BATCHES[:1]


def feeds_for(session: Session, name: str, batch: int) -> dict[str, np.ndarray]:
    """Seeded inputs: pictures of random patches, other numbers normal, and what the graph run before this one gives."""
    rng = np.random.default_rng(batch)
    given: Mapping[str, np.ndarray] = {}
    before = name.removesuffix("_int8").removesuffix("_cpu").replace("_frame", "_once")
    if before != name:
        earlier = Session(find(before), "cpu", "fp32")
        given = earlier.run(feeds_for(earlier, before, batch))
    feeds = {}
    for put, sizes in session.shapes.items():
        shape = [batch if size in BATCH_NAMES else SIZES[size] if isinstance(size, str) else size for size in sizes]
        made = given.get(put)
        feeds[put] = made if made is not None and list(made.shape) == shape else random_values(rng, shape)
    return feeds


def random_values(rng: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """float32: patches in 0..1 for pictures [N, C, H, W] or [N, H, W, C], else normal with deviation 0.5."""
    if len(shape) < 4:
        return rng.normal(0, 0.5, shape).astype(np.float32)
    large = [size >= 2 * _PATCH for size in shape]
    values = rng.random([-(-size // _PATCH) if is_large else size for size, is_large in zip(shape, large, strict=True)])
    for axis, is_large in enumerate(large):
        values = values.repeat(_PATCH, axis).take(range(shape[axis]), axis) if is_large else values
    return values.astype(np.float32)


def difference(made: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
    """||made - truth|| / ||truth|| of the worst output; of whole numbers the share that differ. NaN counts as 1e9."""
    worst = 0.0
    for name, expected in truth.items():
        got = made[name]
        if np.issubdtype(expected.dtype, np.integer):
            one = float(np.mean(got != expected))
        else:
            exact = expected.astype(np.float64)
            one = float(np.linalg.norm(got - exact) / max(float(np.linalg.norm(exact)), 1e-12))
        worst = max(worst, one if np.isfinite(one) else 1e9)
    return worst


def timed(session: Session, feeds: Mapping[str, np.ndarray], repeats: int) -> float:
    """Median milliseconds of one run; what takes seconds is run but twice."""
    took: list[float] = []
    began = time.perf_counter()
    while len(took) < 2 or (len(took) < repeats + _WARM_UPS and time.perf_counter() - began < _ENOUGH):
        start = time.perf_counter()
        session.run(feeds)
        took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took[min(_WARM_UPS, len(took) // 2) :])


def measure_film(device: str, seconds: float, results: Results) -> None:
    """Decoding, then whole dubs: CPU, device, device with its own decoder and encoder."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            from speed import widened

            video = widened(Path(folder) / "film.mp4", HEIGHT, seconds)
        except Exception as error:
            results.add(DubRow("the film", note=one_line(error)), results.dubs)
            return
        truth: list[np.ndarray] = []
        for name, decoder in (("CPU", contextlib.nullcontext), ("NVDEC", nvdec)):
            results.add(decoded(name, decoder, video, truth), results.decoding)
        ways: list[tuple[str, dict[str, Any], Any]] = [("cpu", {"device": "cpu"}, contextlib.nullcontext)]
        if device != "cpu":
            ways += [
                (device, {"device": device}, contextlib.nullcontext),
                (f"{device}, fp16", {"device": device, "precision": "fp16"}, contextlib.nullcontext),
            ]
        ways += [
            (f"{device}, NVENC", {"device": device, "codec": "h264_nvenc"}, contextlib.nullcontext),
            (f"{device}, NVDEC", {"device": device}, nvdec),
            (f"{device}, NVDEC and NVENC", {"device": device, "codec": "h264_nvenc"}, nvdec),
        ]
        truth = []
        for name, options, decoder in ways:
            results.add(dubbed(name, options, decoder, video, Path(folder) / "out.mp4", truth), results.dubs)


def decoded(name: str, decoder: Any, video: Path, truth: list[np.ndarray]) -> DubRow:
    """How fast the film is decoded, and how near its pictures are to those in `truth`, which the first call fills."""
    row = DubRow(name)
    try:
        with decoder():
            start = time.perf_counter()
            row.frames = sum(1 for _ in _pictures(video))
            row.rate = row.frames / (time.perf_counter() - start)
            row.psnr = _likeness(video, truth)
    except Exception as error:
        row.note = one_line(error)
    return row


def dubbed(
    name: str, options: Mapping[str, Any], decoder: Any, video: Path, output: Path, truth: list[np.ndarray]
) -> DubRow:
    """One dub; its pictures are compared with those in `truth`, which the first call fills."""
    row = DubRow(name)
    try:
        from speed import EXAMPLES

        import dubtool

        with decoder():
            start = time.perf_counter()
            report = dubtool.dub(
                video, EXAMPLES / "speech.wav", output, length="shortest", overwrite=True, cache=False, **options
            )
            total = time.perf_counter() - start
        row.frames, row.seconds = report.frames, dict(report.seconds)
        row.rate, row.again = row.frames / total, row.frames / (total - row.seconds["track"])
        row.psnr = _likeness(output, truth)
    except Exception as error:
        row.note = one_line(error)
    return row


@contextlib.contextmanager
def nvdec() -> Iterator[None]:
    """Within the block videos are decoded by the card, or not at all; the product itself decodes on the CPU."""
    import av
    from av.codec.hwaccel import HWAccel

    if not cuda_names():
        raise RuntimeError("no CUDA device or driver found")
    opened = av.open

    def by_the_card(*arguments: Any, **named: Any) -> Any:
        if "w" not in arguments:
            named["hwaccel"] = HWAccel(device_type="cuda", allow_software_fallback=False)
        return opened(*arguments, **named)

    with mock.patch("av.open", by_the_card):
        yield


def _pictures(video: Path) -> Iterator[np.ndarray]:
    from dubtool.media.decode import VideoReader
    from dubtool.media.probe import probe

    for frame in VideoReader(probe(video)):
        yield frame.rgb()


def _likeness(video: Path, truth: list[np.ndarray]) -> float | None:
    """PSNR of every tenth picture against `truth`, dB; None where this call fills it."""
    from dubtool.metrics.quality import psnr

    kept = [picture for number, picture in enumerate(_pictures(video)) if number % 10 == 0]
    if not truth:
        truth += kept
        return None
    return statistics.mean(min(psnr(one, true), 99.0) for one, true in zip(kept, truth, strict=True))


def one_line(error: Exception) -> str:
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}".replace("|", "/")


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _table_head(names: Sequence[str]) -> list[str]:
    return [_table_row(names), "|---" * len(names) + "|"]


def _table_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
