"""Files whose headers were changed at random are read, or refused in one line; benchmarks/fuzz.py tries thousands."""

from __future__ import annotations

import os
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
