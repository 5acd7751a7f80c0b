"""Files whose headers were changed at random are read, or refused in one line; benchmarks/fuzz.py tries thousands."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "avi", "ts"])
def test_changed_headers_are_read_or_refused(container: str) -> None:
    command = [sys.executable, str(BENCHMARK), "--runs", "60", "--container", container]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_decoder_that_fails_when_it_is_emptied_ends_nothing(tmp_path: Path) -> None:
    """This one of 800 changed files reads badly to the end, and its decoder then has something to complain of."""
    spec = importlib.util.spec_from_file_location("fuzz", BENCHMARK)
    assert spec is not None and spec.loader is not None
    fuzz = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    path = tmp_path / "changed.mp4"
    path.write_bytes(fuzz.changed(fuzz.made(tmp_path, "mp4"), fuzz.CONTAINERS["mp4"][1], random.Random("mp4 999 787")))
    assert fuzz.read(path) in ("read", "refused")
