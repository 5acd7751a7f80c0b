"""Writes docs/commands.md, the reference of the command line, from the code: `python docs/make_commands.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from dubtool.cli.app import app

PAGE = Path(__file__).with_name("commands.md")
_WIDTH = 100
_HEAD = """# Commands

Made by `python docs/make_commands.py`; a test checks that it is what `-h` says. Results go to stdout, all else to
stderr. Exit codes: 0 done, 2 usage, 3 an input cannot be read or used, 4 no usable face, 5 weights missing or not as
registered, 6 no such device, 7 ffmpeg or disk failed, 130 interrupted (143 SIGTERM, 129 SIGHUP).
"""


def reference() -> str:
    """The page: every command's help, as `-h` shows it."""
    text = _HEAD
    runner = CliRunner()
    for path in _commands(typer.main.get_command(app), "dubtool"):
        told = runner.invoke(app, [*path.split()[1:], "--help"], prog_name="dubtool", terminal_width=_WIDTH)
        text += f"\n## {path}\n\n```text\n{told.stdout.strip()}\n```\n"
    return text


def _commands(command: Any, path: str) -> Iterator[str]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
