"""The command line: one file per command. Nothing outside this folder prints."""

from __future__ import annotations

from dubtool.cli.app import main

__all__ = ["main"]
