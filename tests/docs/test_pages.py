"""What the pages for people say: commands run as they stand there, files are there, messages are those of the code."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from page_commands import DOCS, REPOSITORY, commands, follow

from dubtool.cli import main
from dubtool.cli.app import app
from dubtool.cli.console import Console
from dubtool.evaluation.results import MEASURES
from dubtool.metrics.closures import CLOSED
from dubtool.review import doubts

# What is run elsewhere, or by nobody: see tests/docs/test_wheel.py, and what docs/install.md says of builders.
_NOT_RUN = {"pip", "pipx", "docker"}
# Anything that an f-string puts in.
_HOLE = "\0"


@pytest.fixture
def examples(place: Path, clip: Path, speech: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to follow the pages in."""
    monkeypatch.chdir(place)
    Path("examples").mkdir()
    shutil.copy(clip, "examples/portrait.mp4")
    shutil.copy(speech, "examples/speech.wav")
    shutil.copy(clip, "film.mp4")
    shutil.copy(speech, "french.wav")
    return place


# The clip of the tests is shorter than the example.
_SHORTER = {"0:00.5": "0:00.1"}


def test_the_first_dub_goes_as_told(examples: Path) -> None:
    for name in ("film.mp4", "french.wav"):
        (examples / name).unlink()
    follow(DOCS / "first-dub.md", _SHORTER)
    for name in re.findall(r"^- `(\S+)`:", (DOCS / "first-dub.md").read_text(encoding="utf-8"), re.M):
        assert Path(name).is_file(), name
    assert Path("film.dubbed.plots.png").is_file() and Path("again.mp4").is_file()


def test_a_dub_is_looked_at_and_made_again_as_told(examples: Path) -> None:
    (table,) = re.findall(r"```csv\n(.*?)```", (DOCS / "review.md").read_text(encoding="utf-8"), re.S)
    Path("film.dubbed.overrides.csv").write_text(table, encoding="utf-8")
    follow(DOCS / "review.md")
    told = json.loads(Path("film.dubbed.json").read_text(encoding="utf-8"))
    assert told["passed"] == {"skipped": 3} and told["course"]["settings"]["overrides"][1]["note"] == "too lively"
    assert Path("film.dubbed.review.html").is_file() and Path("film.dubbed.plots.png").is_file()


def test_reasons_and_limits_are_those_of_the_code() -> None:
    page = (DOCS / "review.md").read_text(encoding="utf-8")
    limits = CLOSED, doubts.APART, doubts.TURNED, doubts.SMALL, doubts.FEW, doubts.SOFT, doubts.CRISP
    for limit in limits:
        assert f"{limit:g}" in page, limit


@pytest.mark.slow
def test_numbers_are_had_as_told(examples: Path, cut: Any) -> None:
    follow(DOCS / "quality.md", without=("evaluate",))
    shutil.copy(cut("anna.mp4", "-t", 2.4, "-vf", "scale=256:-2", "-preset", "ultrafast"), "anna.mp4")
    (evaluate,) = [words for words in commands(DOCS / "quality.md") if words[1] == "evaluate"]
    assert main([*evaluate[1:], "--quiet"]) == 0


def test_every_number_of_an_evaluation_is_explained() -> None:
    page = (DOCS / "quality.md").read_text(encoding="utf-8").lower()
    for measure in MEASURES.values():
        name = measure.title.removeprefix("true shapes: ").split(",")[0].removesuffix(" best r").removesuffix(" r")
        assert name.lower() in page, measure.title


def test_commands_of_the_installation_are_understood() -> None:
    for words in commands(DOCS / "install.md"):
        if words[0] == "dubtool":
            assert main(words[1:]) == 0, words
        else:
            assert words[0] in _NOT_RUN, words
        for word in words:
            if word.endswith((".txt", ".Dockerfile")):
                assert (REPOSITORY / word).is_file(), word


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), REPOSITORY / "README.md"]), ids=lambda page: page.name)
def test_commands_of_a_page_are_understood(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are parsed to the last option, and not run."""
    monkeypatch.chdir(tmp_path)
    for words in commands(page):
        for part in " ".join(map(shlex.quote, words)).split(" '&&' "):
            name, *arguments = shlex.split(part)
            if name == "dubtool":
                _understand(arguments)


def _understand(arguments: list[str]) -> None:
    """Raises what the command line would."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context("dubtool", arguments, obj=Console())


def test_every_link_of_a_page_leads_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert link.startswith("https://") or (page.parent / link).exists(), f"{page.name}: {link}"


def _texts() -> Iterator[str]:
    """Every text in the code, with holes for what is put in."""
    for file in (REPOSITORY / "dubtool").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else _HOLE for part in node.values)


def _messages() -> list[str]:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^### `(.*)`$", text, re.M)


def test_messages_are_those_of_the_code() -> None:
    texts = set(_texts())
    messages = _messages()
    assert len(messages) > 15
    for message in messages:
        parts = [re.escape(part) for part in message.split("...")]
        wanted = re.compile(f"[^{_HOLE}]*{_HOLE}.*".join(parts) + f"{_HOLE}?", re.S)
        assert any(wanted.fullmatch(text) for text in texts), message
