"""The command line: one file per command. Nothing outside this folder prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from dubtool import __version__
from dubtool.cli.signals import Stopped, stopping

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code."""
    if list(sys.argv[1:] if arguments is None else arguments) == ["--version"]:
        # Scripts ask often: nothing needs to be loaded for that.
        sys.stdout.write(f"dubtool {__version__}\n")
        return 0
    # Set before numpy is loaded: threads of its library wait for work by spinning, and its matrices here are small.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        # Libraries take a while to load, on a busy machine seconds: signals are heard meanwhile, too.
        with stopping() as stop:
            try:
                from dubtool.cli.app import main as run
            except Exception:
                stop.check()
                raise
            stop.check()
    except Stopped as stopped:
        sys.stderr.write(f"dubtool: {stopped}\n")
        return stopped.exit_code
    return run(arguments)
