from __future__ import annotations

import os
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import InputError
from dubtool.face.topology import TRACKED
from dubtool.tracking.cache import content_hash, load_tracks, save_tracks, tracks_file
from dubtool.tracking.track import FaceTrack, Tracks

TIMES = [Fraction(index * 1001, 30000) for index in range(12)]
DURATIONS = [Fraction(1001, 30000)] * 11 + [Fraction(1, 7)]


def make_track(frames: list[int], shot: int, seed: int) -> FaceTrack:
    random = np.random.default_rng(seed)
    rows = len(frames)
    return FaceTrack(
        np.array(frames, np.int32),
        random.integers(-8000, 8000, (rows, len(TRACKED), 3)).astype(np.int16),
        random.uniform(50, 200, (rows, 3)).astype(np.float32),
        shot,
        np.where(random.random(rows) < 0.5, np.nan, 0.25).astype(np.float16),
        random.integers(0, 256, (rows, 8, 8, 3)).astype(np.uint8),
    )


@pytest.fixture
def tracks() -> Tracks:
    return Tracks([make_track([0, 1, 2, 5], 0, 1), make_track([6, 7], 1, 2)], 12, (6,))


@pytest.fixture
def saved(tracks: Tracks, tmp_path: Path) -> Path:
    path = tmp_path / "new folder" / "kept.npz"
    save_tracks(path, tracks, TIMES, DURATIONS, 3)
    return path


def test_everything_comes_back_exactly(tracks: Tracks, saved: Path) -> None:
    loaded = load_tracks(saved)
    assert loaded is not None
    again, times, durations, damaged = loaded
    assert damaged == 3
    assert (times, durations) == (TIMES, DURATIONS)
    assert (again.frame_count, again.cuts) == (tracks.frame_count, tracks.cuts)
    assert len(again.faces) == 2
    for before, after in zip(tracks.faces, again.faces, strict=True):
        assert after.shot == before.shot
        for name in ("frames", "quantised", "anchors", "covered", "looks"):
            kept = getattr(after, name)
            assert kept.dtype == getattr(before, name).dtype
            np.testing.assert_array_equal(kept, getattr(before, name))


def test_files_from_before_damage_was_counted_are_read(tracks: Tracks, saved: Path) -> None:
    with np.load(saved) as stored:
        arrays = dict(stored) | {"count": stored["count"][:2]}
    np.savez(saved, **arrays)
    loaded = load_tracks(saved)
    assert loaded is not None and loaded[3] == 0 and len(loaded[0].faces) == 2


def test_files_from_before_looks_were_kept_are_read(saved: Path) -> None:
    with np.load(saved) as stored:
        arrays = {name: array for name, array in stored.items() if not name.startswith("looks")}
    np.savez(saved, **arrays)
    loaded = load_tracks(saved)
    assert loaded is not None
    assert [face.looks.any() for face in loaded[0].faces] == [False, False]
    assert loaded[0].faces[0].looks.shape == (4, 8, 8, 3)


def test_a_video_without_faces_is_kept_too(tmp_path: Path) -> None:
    save_tracks(tmp_path / "a.npz", Tracks([], 12, ()), TIMES, DURATIONS, 3)
    loaded = load_tracks(tmp_path / "a.npz")
    assert loaded is not None
    assert loaded[0].faces == [] and loaded[0].frame_count == 12


def test_nothing_is_left_beside_the_file(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == ["kept.npz"]


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert load_tracks(tmp_path / "missing.npz") is None


def test_a_file_cut_short_anywhere_is_ignored(saved: Path) -> None:
    whole = saved.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        saved.write_bytes(whole[: int(len(whole) * share)])
        assert load_tracks(saved) is None


def test_an_altered_byte_is_noticed(saved: Path) -> None:
    whole = bytearray(saved.read_bytes())
    start = whole.index(b"quantised_0.npy") + 400
    whole[start] ^= 0xFF
    saved.write_bytes(whole)
    assert load_tracks(saved) is None


@pytest.mark.parametrize("content", [b"not an archive", b"\x93NUMPY", b"PK\x03\x04"])
def test_a_foreign_file_is_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    assert load_tracks(path) is None


def test_foreign_archives_are_ignored(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", format=np.array("something else"))
    assert load_tracks(tmp_path / "other.npz") is None
    np.savez(tmp_path / "empty.npz")
    assert load_tracks(tmp_path / "empty.npz") is None
    np.save(tmp_path / "one.npy", np.arange(3))
    assert load_tracks(tmp_path / "one.npy") is None
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("format", "dubtool tracks 1")
    assert load_tracks(tmp_path / "text.npz") is None


def test_a_folder_in_its_place_is_ignored(tmp_path: Path) -> None:
    assert load_tracks(tmp_path) is None


@pytest.mark.parametrize("frames", [[3, 2, 4, 5], [0, 1, 2, 12], [-1, 0, 1, 2], [1, 1, 2, 3]])
def test_frames_that_cannot_be_are_ignored(tmp_path: Path, frames: list[int]) -> None:
    save_tracks(tmp_path / "a.npz", Tracks([make_track(frames, 0, 1)], 12, ()), TIMES, DURATIONS, 3)
    assert load_tracks(tmp_path / "a.npz") is None


def test_times_that_do_not_fit_the_frames_are_ignored(tracks: Tracks, tmp_path: Path) -> None:
    save_tracks(tmp_path / "a.npz", tracks, TIMES[:-1], DURATIONS, 0)
    assert load_tracks(tmp_path / "a.npz") is None


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "trap.npz", format=np.array([Trap()], dtype=object))
    assert load_tracks(tmp_path / "trap.npz") is None
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_file_and_no_part(
    tracks: Tracks, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    save_tracks(saved, tracks, TIMES, DURATIONS, 3)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_cannot_be_made_costs_only_the_cache(tracks: Tracks, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    save_tracks(tmp_path / "file" / "a.npz", tracks, TIMES, DURATIONS, 3)


def test_the_hash_follows_content_not_name(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    first.write_bytes(b"x" * 5_000_000)
    second.write_bytes(b"x" * 5_000_000)
    third.write_bytes(b"x" * 4_999_999 + b"y")
    assert content_hash(first) == content_hash(second)
    assert content_hash(first) != content_hash(third)
    assert len(content_hash(first)) == 32


def test_zeros_of_different_lengths_differ(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"")
    second.write_bytes(b"\0" * 8)
    assert content_hash(first) != content_hash(second)


@pytest.mark.parametrize("place", [0, 2**20 - 1, -1, -(2**20)])
def test_large_files_are_told_apart_by_their_ends(tmp_path: Path, place: int) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for path in (first, second):
        with path.open("wb") as file:
            file.truncate(200 * 2**20)
    with second.open("r+b") as file:
        file.seek(place, os.SEEK_SET if place >= 0 else os.SEEK_END)
        file.write(b"!")
    assert content_hash(first) != content_hash(second)
    assert first.stat().st_size == second.stat().st_size


def test_the_whole_content_counts_up_to_64_megabytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for path in (first, second):
        with path.open("wb") as file:
            file.truncate(64 * 2**20 - 1)
    with second.open("r+b") as file:
        file.seek(31_415_926)
        file.write(b"!")
    assert content_hash(first) != content_hash(second)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4"):
        content_hash(tmp_path / "gone.mp4")


def test_the_place_depends_on_content_and_settings(tmp_path: Path, user_folder: Path) -> None:
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    place = tracks_file(first, "settings")
    assert place.is_relative_to(tmp_path / "cache" / "dubtool")
    assert len({place, tracks_file(first, "others"), tracks_file(second, "settings")}) == 3
    first.rename(tmp_path / "c.mp4")
    assert tracks_file(tmp_path / "c.mp4", "settings") == place
