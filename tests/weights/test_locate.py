from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dubtool.errors import UsageError, WeightsError
from dubtool.weights import find
from dubtool.weights.locate import find_graphs, folders, user_folder
from dubtool.weights.registry import add_local, lookup, package_folder


def _add(folder: Path, name: str, content: bytes) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    add_local(folder, replace(lookup("dinet"), name=name, file=path.name, sha256=digest, size=len(content)))
    return path


def test_shipped_weights_are_found_from_any_folder(
    user_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find("yunet") == package_folder() / "face_detection_yunet_2023mar.onnx"


def test_the_users_copy_comes_first(user_folder: Path) -> None:
    copy = user_folder / "face_detection_yunet_2023mar.onnx"
    shutil.copyfile(find("yunet"), copy)
    assert find("yunet") == copy


@pytest.mark.parametrize("damage", ["one byte altered", "cut short"])
def test_damaged_weights_are_refused_by_file_and_digest(user_folder: Path, damage: str) -> None:
    content = bytearray(find("yunet").read_bytes())
    if damage == "cut short":
        del content[-1000:]
    else:
        content[5000] ^= 1
    copy = user_folder / "face_detection_yunet_2023mar.onnx"
    copy.write_bytes(content)
    found, expected = hashlib.sha256(content).hexdigest(), lookup("yunet").sha256
    with pytest.raises(WeightsError, match=rf"face_detection_yunet_2023mar\.onnx.*{found}.*{expected}"):
        find("yunet")


def test_a_file_that_changes_after_it_was_verified_is_verified_again(user_folder: Path) -> None:
    path = _add(user_folder, "mine", b"first")
    assert find("mine") == path
    path.write_bytes(b"other")
    os.utime(path, (1, 1))
    with pytest.raises(WeightsError):
        find("mine")


def test_missing_weights_say_where_to_get_them(user_folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"'hdtr' \(lip-clarity-model\.pth\).*https://github\.com/yylgoodlucky/HDTR"):
        find("hdtr")


def test_weights_without_a_known_digest_are_not_trusted(user_folder: Path) -> None:
    (user_folder / "lip-clarity-model.pth").write_bytes(b"anything")
    with pytest.raises(WeightsError, match="no sha256 is known"):
        find("hdtr")


def test_an_unknown_name_is_a_usage_error(user_folder: Path) -> None:
    with pytest.raises(UsageError, match="'nonsense'"):
        find("nonsense")


def test_a_generator_is_two_graphs(user_folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"github\.com/MRzzm/DINet"):
        find_graphs("dinet")
    once, frame = _add(user_folder, "dinet_once", b"1"), _add(user_folder, "dinet_frame", b"2")
    assert find_graphs("dinet") == (once, frame)
    with pytest.raises(UsageError):
        find_graphs("nonsense")


def test_without_a_chosen_folder_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUBTOOL_WEIGHTS", raising=False)
    monkeypatch.setattr("dubtool.folders.sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "dubtool" / "weights"
    # A relative XDG_CACHE_HOME does not count.
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert user_folder() == Path.home() / ".cache" / "dubtool" / "weights"
    assert folders() == (user_folder(), package_folder())
