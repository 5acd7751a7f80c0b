from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from dubtool.cli.exit_codes import EXIT_CODES
from dubtool.errors import EXIT_INTERRUPTED, DubtoolError

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_what_the_commands_say() -> None:
    spec = importlib.util.spec_from_file_location("make_man", DOCS / "make_man.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert text == module.page(), "run python docs/make_man.py"
    for part in (".TH DUBTOOL 1", ".SH EXIT STATUS", "dubtool train adapt", "\\-\\-dry\\-run"):
        assert part in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say_against_it() -> None:
    command = ["groff", "-man", "-Tascii", "-ww", str(DOCS / "dubtool.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_every_error_has_its_exit_code_told() -> None:
    kinds = [DubtoolError, *DubtoolError.__subclasses__()]
    assert {kind.exit_code for kind in kinds} | {0, EXIT_INTERRUPTED} <= set(EXIT_CODES)
