"""Container files and the workflow of the three systems, as linters read them: no builder runs here.

hadolint, which the extra `dev` brings, reads the container files; the rules beside it are those that it cannot know. Of
actionlint's rules those are here that concern the workflow.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from wheel_tools import REPOSITORY, needed

CONTAINERS = sorted((REPOSITORY / "docker").iterdir())
WORKFLOW = REPOSITORY / ".github" / "workflows" / "tests.yml"
# What each action takes.
ACTIONS = {
    "actions/checkout@v4": set(),
    "actions/setup-python@v5": {"python-version"},
    "actions/upload-artifact@v4": {"name", "path"},
}
EXTRAS = set(
    tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
)


def _instructions(file: Path) -> list[tuple[str, str]]:
    text = "\n".join(line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    lines = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def _is_shell(script: str) -> bool:
    bash = shutil.which("bash")
    return bash is None or subprocess.run([bash, "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize("file", CONTAINERS, ids=lambda file: file.name)
def test_stages_and_files_of_a_container_are_there(file: Path) -> None:
    told = _instructions(file)
    assert {name for name, _ in told} <= {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "SHELL"}
    assert told[0][0] == "FROM"
    stages: list[str] = []
    for name, rest in told:
        words = rest.split()
        if name == "FROM":
            assert re.fullmatch(r"[\w./-]+:(?!latest)[\w.-]+", words[0]), "an image has a version"
            stages.append(words[2] if words[1:2] == ["AS"] else "")
        elif name == "WORKDIR":
            assert rest.startswith("/")
        elif name == "COPY" and words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in stages[:-1], "of a stage before"
        elif name == "COPY":
            assert all((REPOSITORY / source).exists() for source in words[:-1]), rest
    assert len([stage for stage in stages if stage]) == len({stage for stage in stages if stage})


@pytest.mark.parametrize("file", CONTAINERS, ids=lambda file: file.name)
def test_what_a_container_runs_is_sound(file: Path) -> None:
    told = _instructions(file)
    for _, script in (one for one in told if one[0] == "RUN"):
        assert _is_shell(script), script
        for command in re.split(r"&&|;|\|", script):
            words = command.split()
            assert words[0] not in ("sudo", "cd"), command
            if words[:2] == ["apt-get", "install"]:
                assert {"-y", "--no-install-recommends"} <= set(words)
                assert "apt-get update" in script and "rm -rf /var/lib/apt/lists/*" in script
            if words[:2] in (["pip", "install"], ["pip", "wheel"]):
                assert "--no-cache-dir" in words, command
            assert all(extra in EXTRAS for extra in re.findall(r"\$\{wheel\}\[(\w+)\]", command)), command
    users = [rest for name, rest in told if name == "USER"]
    assert users and any(name == "RUN" and f"useradd --create-home --uid {users[-1]} " in rest for name, rest in told)
    name, rest = told[-1]
    assert name == "ENTRYPOINT" and json.loads(rest) == ["dubtool"], "signals reach it: no shell stands between"


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel of hadolint is for Linux")
def test_hadolint_has_nothing_to_say_of_containers() -> None:
    words = [needed("hadolint"), "--no-color", *map(str, CONTAINERS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def workflow() -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml", reason="the extra dev brings it")
    told: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return told


def test_the_workflow_is_off_and_names_all_three_systems(workflow: dict[Any, Any]) -> None:
    # YAML 1.1 takes `on` for a truth value.
    assert set(workflow) == {"name", True, "permissions", "jobs"} and set(workflow[True]) == {"workflow_dispatch"}
    for job in workflow["jobs"].values():
        assert job["strategy"]["matrix"]["system"] == ["ubuntu-latest", "windows-latest", "macos-latest"]


def test_steps_of_the_workflow_are_sound(workflow: dict[Any, Any]) -> None:
    for job in workflow["jobs"].values():
        assert set(job) <= {"strategy", "runs-on", "timeout-minutes", "steps", "needs"}
        assert set([*job.get("needs", [])]) <= set(workflow["jobs"])
        matrix = job.get("strategy", {}).get("matrix", {})
        for expression in re.findall(r"\$\{\{\s*(.*?)\s*\}\}", json.dumps(job)):
            assert expression.removeprefix("matrix.") in matrix, expression
        assert job["runs-on"] in ("ubuntu-latest", "${{ matrix.system }}")
        for step in job["steps"]:
            assert set(step) <= {"name", "if", "uses", "with", "run"} and ("uses" in step) != ("run" in step), step
            if "uses" in step:
                assert set(step.get("with", {})) <= ACTIONS[step["uses"]], step
            if "if" in step:
                assert re.fullmatch(r"runner\.os (==|!=) '(Linux|Windows|macOS)'", step["if"]), step
            script = step.get("run", "")
            assert _is_shell(script), script
            for named in re.findall(r"-c (\S+)|(examples/\S+)", script):
                assert all((REPOSITORY / each).exists() for each in named if each), script
            assert all(extra in EXTRAS for extra in re.findall(r'"?\.\[(\w+)\]', script)), script


def test_the_workflow_checks_what_every_change_is_checked_for(workflow: dict[Any, Any]) -> None:
    said = [step.get("run", "") for step in workflow["jobs"]["checks"]["steps"]]
    ours = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {line for line in ours if line.startswith(("ruff", "mypy"))} <= set(said)
    assert "python -m pytest" in said


def test_the_workflow_installs_the_wheel_in_every_way(workflow: dict[Any, Any]) -> None:
    said = [step.get("run", "") for step in workflow["jobs"]["wheel"]["steps"]]
    (tested,) = [line for line in said if "pytest" in line]
    assert (REPOSITORY / shlex.split(tested)[3]).is_file() and '-m "slow or not slow"' in tested
