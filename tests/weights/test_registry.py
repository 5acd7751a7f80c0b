from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from dubtool.errors import UsageError, WeightsError
from dubtool.weights import registry as module
from dubtool.weights.registry import Entry, add_local, local_registry, lookup, package_folder, registry
from dubtool.weights.verify import check


def _entry(name: str, **changes: object) -> Entry:
    return Entry(
        **{"file": f"{name}.onnx", "kind": "k", "purpose": "p", "author": "a", "licence": "MIT", "name": name} | changes
    )


def test_shipped_files_are_those_of_the_registry() -> None:
    lying = {path.name for path in package_folder().iterdir() if path.suffix not in (".toml", ".md", ".part")}
    assert lying == {entry.file for entry in registry().values() if entry.shipped}


@pytest.mark.parametrize(
    "entry", [entry for entry in registry().values() if entry.shipped], ids=lambda entry: entry.name
)
def test_shipped_files_match_their_entry(entry: Entry) -> None:
    path = package_folder() / entry.file
    assert path.stat().st_size == entry.size
    check(path, entry)


def test_every_entry_tells_data_and_rights() -> None:
    rows = tomllib.loads((package_folder() / "registry.toml").read_text(encoding="utf-8"))["weights"]
    for row in rows:
        assert {"data", "licence", "commercial", "draws"} <= set(row), row["name"]
        unfit = any(word in row["licence"] + row["data"] for word in ("none stated", "research", "unclear"))
        assert not (unfit and row["commercial"] == "yes"), row["name"]


def test_names_and_files_are_unique() -> None:
    rows = tomllib.loads((package_folder() / "registry.toml").read_text(encoding="utf-8"))["weights"]
    assert len({row["name"] for row in rows}) == len({row["file"] for row in rows}) == len(rows)


def test_what_is_not_shipped_has_a_page_to_get_it_from() -> None:
    assert all(entry.page for entry in registry().values() if not entry.shipped)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "x"},
        {"name": "x", "file": "../x.onnx", "kind": "k", "purpose": "p", "author": "a", "licence": "MIT"},
        {"name": "x", "file": "x", "kind": "k", "purpose": "p", "author": "a", "licence": "MIT", "sha265": "00"},
        {"name": "x", "file": "x", "kind": "k", "purpose": "p", "author": "a", "licence": "MIT", "commercial": "maybe"},
    ],
    ids=["field missing", "file outside its folder", "field misspelt", "no such right"],
)
def test_a_damaged_registry_is_refused_by_name(tmp_path: Path, row: dict[str, str]) -> None:
    (tmp_path / "registry.json").write_text(json.dumps([row]), encoding="utf-8")
    with pytest.raises(WeightsError, match=r"registry\.json"):
        local_registry(tmp_path)


def test_a_missing_package_registry_is_a_weights_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "package_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="install dubtool again"):
        registry.__wrapped__()


def test_local_entries_are_kept_and_replaced(tmp_path: Path) -> None:
    add_local(tmp_path, _entry("one"), _entry("two"))
    add_local(tmp_path, _entry("two", sha256="ab" * 32))
    assert local_registry(tmp_path) == {"one": _entry("one"), "two": _entry("two", sha256="ab" * 32)}
    assert lookup("one", tmp_path).file == "one.onnx"


def test_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"'nonsense'.*weights list"):
        lookup("nonsense")
