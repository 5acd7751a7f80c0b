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
stderr. Settings may also stand in a file, and in presets: [settings.md](settings.md).
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
