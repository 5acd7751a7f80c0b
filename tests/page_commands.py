"""The commands of the pages for people, run as they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from dubtool.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
# These know an output that may stand there from the command before.
_WRITE = ("dub", "restore-teeth", "reenact", "faces")


def commands(page: Path) -> list[list[str]]:
    """Every line of a page's shell blocks, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def follow(page: Path, words_for: Mapping[str, str] | None = None, without: tuple[str, ...] = ()) -> int:
    """Run a page's commands in the current folder, and see each succeed; how many.

    words_for: what stands in the place of words, as films of tests are short. without: commands that have one of
    these words are run elsewhere.
    """
    count = 0
    for told in commands(page):
        if set(told) & set(without):
            continue
        words = [(words_for or {}).get(word, word) for word in told]
        if words[0] == "cp":
            shutil.copy(*words[1:])
            continue
        assert words[0] == "dubtool", words
        if words[1] in _WRITE and "--overwrite" not in words:
            words.append("--overwrite")
        assert main([*words[1:], "--quiet"]) == 0, words
        count += 1
    return count
