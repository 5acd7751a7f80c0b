from __future__ import annotations

from pathlib import Path

import pytest

from dubtool.errors import InputError
from dubtool.training.data.corpus import Recording, read_corpus, validation_people


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_without_a_manifest_every_video_is_its_own_person(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mp4", "deep/b.MOV", "a.mkv", "notes.txt")
    found = {recording.name: recording.person for recording in read_corpus(tmp_path, None)}
    assert found == {"a_mp4": "a_mp4", "a_mkv": "a_mkv", "deep__b": "deep__b"}


def test_a_manifest_says_who_is_who_and_what_is_of_no_use(tmp_path: Path) -> None:
    _touch(tmp_path, "files/a.mp4", "files/b.mp4", "files/c.mp4")
    manifest = tmp_path / "manifest.csv"
    rows = ["a.mp4,ann,sync,train", "b.mp4,bob,face,val", "c.mp4,eve,synthetic,", "d.mp4,ann,sync,train"]
    manifest.write_text("file,identity,use,split\n" + "\n".join(rows))
    a, b, c, d = read_corpus(tmp_path, manifest)
    assert (a.person, a.use, a.unfit, a.validation) == ("ann", "sync", "", False)
    assert (b.use, b.validation) == ("face", True)
    assert "synthetic" in c.unfit
    assert d.unfit == "the file is missing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,identity\na,b", "lacks the column file"),
        ("file,identity,id\na.mp4,ann,../a", "no plain name"),
        ("file,identity\na.mp4,ann\na.mp4,bob", "twice"),
        ("file,identity\n", "names no video"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(text)
    with pytest.raises(InputError, match=message):
        read_corpus(tmp_path, manifest)


def test_the_split_is_by_person_and_stays_when_the_corpus_grows(tmp_path: Path) -> None:
    recordings = [Recording(f"clip{n}", tmp_path, f"person{n % 20}") for n in range(60)]
    people = validation_people(recordings, tmp_path, None)
    assert len(people) == 2
    more = [*recordings, *(Recording(f"new{n}", tmp_path, f"new{n}") for n in range(60))]
    assert validation_people(more, tmp_path, None) == people
    assert (tmp_path / "validation.txt").read_text().split() == sorted(people)


def test_the_split_is_the_same_on_every_machine(tmp_path: Path) -> None:
    recordings = [Recording(name, tmp_path, name) for name in ("ann", "bob", "eve", "joe")]
    # Of the four names it has the smallest SHA-256 (sha256sum says 4991.., 81b6.., 8526.., 7867..).
    assert validation_people(recordings, tmp_path, None) == {"ann"}


def test_a_file_names_the_validation_people_once_and_for_all(tmp_path: Path) -> None:
    recordings = [Recording(name, tmp_path, name, validation=name == "ann") for name in ("ann", "bob")]
    chosen = tmp_path / "people.txt"
    chosen.write_text("bob\n\n")
    assert validation_people(recordings, tmp_path, chosen) == {"bob"}
    chosen.write_text("ann\n")
    with pytest.raises(InputError, match="other people"):
        validation_people(recordings, tmp_path, chosen)


def test_the_manifests_word_counts_before_the_hash(tmp_path: Path) -> None:
    recordings = [Recording(name, tmp_path, name, validation=name == "joe") for name in ("ann", "bob", "eve", "joe")]
    assert validation_people(recordings, tmp_path, None) == {"joe"}
