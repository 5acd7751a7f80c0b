"""The benchmark of restored outputs: one set as it wants them, made of the example clip."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from dubbing_place import Cut

from dubtool.errors import UsageError

# 32 small frames: references a second away leave three at each end.
_STRETCH = ("-ss", 1, "-t", 2.6)


def _picture(*filters: str) -> tuple[object, ...]:
    chain = ",".join(("fps=25/2", "scale=320:-2", *filters))
    return (*_STRETCH, "-an", "-vf", chain, "-preset", "ultrafast", "-crf", 14)


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
        yield importlib.import_module("restore")


def test_a_soft_output_comes_nearer_to_the_truth(
    benchmark: ModuleType, cut: Cut, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "sets" / "self_talk"
    folder.mkdir(parents=True)
    shutil.copy(cut("source.mp4", *_picture()), folder / "source.mp4")
    shutil.copy(cut("blur.mp4", *_picture("gblur=sigma=2")), folder / "out_blur.mp4")
    shutil.copy(cut("speech.wav", *_STRETCH, "-ac", 1), folder / "speech.wav")
    benchmark.main([str(place / "sets"), "--source", "--every", "1", "--json", str(place / "found.json")])
    row = json.loads((place / "found.json").read_text())["self_talk | blur"]
    assert row["frames"] == 6
    assert row["lpips_after"] < row["lpips_before"] and row["lpips_ratio"] < 1
    assert row["sharpness_lips_before"] < 0.5 < row["sharpness_lips_after"] < 1.5
    # The blur is everywhere: where skin as it was filmed meets it, the edge lies between both.
    assert 0.9 < row["csim_after"] < 1 and 0.4 < row["seam_after"] < 1.05
    assert min(row["opening_r_0"], row["opening_r_1"]) > 0.95
    assert f"| {row['lpips_before']:.3f}, {row['lpips_after']:.3f} |" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no such sets"):
        benchmark.main([str(place / "sets"), "--set", "none"])
