"""What is free in the heap goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Small blocks below others that stay: free, but not at the heap's end, where glibc would give them back by itself.
_SCATTERED = """
from pathlib import Path
from dubtool.engine.malloc import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

blocks = [bytearray(60_000) for _ in range(2000)]
kept = blocks[::50]
del blocks
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists() or sys.platform != "linux", reason="no /proc")
def test_free_blocks_between_others_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _SCATTERED], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 50e6
