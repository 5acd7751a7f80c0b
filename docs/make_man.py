"""Writes docs/dubtool.1, the man page, from the code: `python docs/make_man.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperOption

from dubtool import __version__
from dubtool.cli.app import app
from dubtool.cli.exit_codes import EXIT_CODES

PAGE = Path(__file__).with_name("dubtool.1")
_ENVIRONMENT = {
    "DUBTOOL_CONFIG": "The settings file, instead of dubtool.toml of the current folder.",
    "DUBTOOL_FFMPEG": "The ffmpeg to use; else the system's from 6.0 on, or the one of imageio-ffmpeg.",
    "DUBTOOL_WEIGHTS": "The folder of fetched, imported and own weights.",
    "DUBTOOL_SIGN_CERT, DUBTOOL_SIGN_KEY": "Certificate chain and private key, as --sign and --key name them.",
    "TMPDIR, XDG_CACHE_HOME": "Where temporary files, and what is kept of faces, go.",
}
_FILES = {"dubtool.toml": "Settings: defaults of options of all commands or of one, and presets."}


def page() -> str:
    """The page in man's own format, all commands in one."""
    command = typer.main.get_command(app)
    lines = [
        f'.TH DUBTOOL 1 "" "dubtool {__version__}" "User Commands"',
        ".SH NAME",
        "dubtool \\- " + _escaped("make the mouth in a video say a new speech; restore teeth; reenact portraits"),
        ".SH SYNOPSIS",
        ".B dubtool",
        "COMMAND [OPTIONS] [ARGS]",
        ".SH DESCRIPTION",
        _escaped(
            "Results go to standard output: the output's path, or with --json a report. Progress and remarks go to "
            "standard error. An output appears whole or not at all, and no file that exists is replaced without "
            "--overwrite. Options may also stand in a settings file; the command line goes first, then the file, then "
            "the preset."
        ),
        ".SH COMMANDS",
    ]
    for path, one in _commands(command, "dubtool"):
        lines += _told(path, one)
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES.items():
        lines += [".TP", f".B {code}", _escaped(meaning)]
    for title, entries in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        lines.append(f".SH {title}")
        for name, text in entries.items():
            lines += [".TP", f".B {_escaped(name)}", _escaped(text)]
    return "\n".join(lines) + "\n"


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The commands that do something, with the words that call them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from _commands(one, f"{path} {name}")


def _told(path: str, command: Any) -> list[str]:
    with command.context_class(command, info_name=path) as context:
        usage = " ".join(command.collect_usage_pieces(context))
        lines = [f".SS {_escaped(f'{path} {usage}')}", *map(_escaped, (command.help or "").strip().splitlines())]
        for kind in (TyperArgument, TyperOption):
            for one in command.get_params(context):
                record = one.get_help_record(context) if isinstance(one, kind) else None
                if record is not None:
                    lines += [".TP", f".B {_escaped(record[0])}", _escaped(" ".join(record[1].split()))]
    return [line or ".PP" for line in lines]


def _escaped(text: str) -> str:
    """Text that troff shows as it is."""
    text = text.strip().replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
