"""The command `dubtool`: its sub-commands, and the one place where errors become text and exit codes."""

from __future__ import annotations

import itertools
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from dubtool import __version__
from dubtool.cli import (
    batch,
    bench,
    doctor,
    dub,
    evaluate,
    faces,
    reenact,
    report,
    restore_teeth,
    review,
    train,
    verify,
    weights,
)
from dubtool.cli.command import App, require_command
from dubtool.cli.console import Console
from dubtool.cli.signals import Stopped, stopping
from dubtool.engine.malloc import share_heap
from dubtool.errors import EXIT_INTERRUPTED, DubtoolError

app = App(
    name="dubtool",
    help="Make the mouth in a video say a new speech.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("dub")(dub.dub)
app.command("faces", short_help="List the people of a film.")(faces.faces)
app.command("reenact")(reenact.reenact)
app.command("restore-teeth")(restore_teeth.restore_teeth)
app.command("batch", short_help="Do many jobs in a row.")(batch.batch)
app.command("review", short_help="A page to look at a dub.")(review.review)
app.command("report", short_help="Draw how a dub went.")(report.report)
app.command("evaluate", short_help="How well a model dubs.")(evaluate.evaluate)
app.command("bench", short_help="How fast this machine dubs.")(bench.bench)
app.add_typer(train.app, name="train", short_help="Train the networks on videos.")
app.add_typer(weights.app, name="weights")
app.command("verify", short_help="What a file says of its making.")(verify.verify)
app.command("doctor", short_help="What this machine can do.")(doctor.doctor)


def _print_version(value: bool) -> None:
    if value:
        sys.stdout.write(f"dubtool {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    require_command(context)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    console = Console(as_lines=_asks_for_lines(arguments))
    _keep_foreign_bytes()
    share_heap()
    try:
        code = _run(arguments, console)
        # A reader that has gone away shows here, not when the interpreter shuts down.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        console.close()
    return code


def _run(arguments: list[str], console: Console) -> int:
    command = typer.main.get_command(app)
    try:
        with stopping() as stop:
            console.heed = stop.check
            try:
                code = command.main(arguments, prog_name="dubtool", standalone_mode=False, obj=console)
            except Exception:
                stop.check()
                raise
        if code == EXIT_INTERRUPTED:
            # What typer makes of a KeyboardInterrupt.
            raise Abort
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        raise
    except DubtoolError as error:
        return _fail(console, str(error), error.exit_code)
    except Stopped as stopped:
        return _fail(console, str(stopped), stopped.exit_code)
    except (KeyboardInterrupt, Abort):
        return _fail(console, "interrupted", EXIT_INTERRUPTED)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "dubtool"
        return _fail(console, f"{error.format_message()} See '{path} --help'.", error.exit_code)
    except Exception as error:
        what = f"unexpected {type(error).__name__}: {error}"
        return _fail(console, what if console.verbose else f"{what}; run with --verbose for the traceback", 1)


def _fail(console: Console, message: str, code: int) -> int:
    if console.verbose:
        traceback.print_exc()
    console.error(" ".join(message.split()), code)
    return code


def _asks_for_lines(arguments: list[str]) -> bool:
    """Whether programs read stderr: asked before the command line is understood, so that its errors are such lines."""
    pairs = itertools.pairwise(arguments)
    return "--progress=json" in arguments or ("--progress", "json") in pairs


def _keep_foreign_bytes() -> None:
    """A file name that is not UTF-8 is printed as the bytes it has, so that a shell script can use it."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape")
