"""A tiny corpus: a cut of the example clip, the same made silent, and a clip without a face."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dubbing_place import ffmpeg

from dubtool.training.data import prepare as module
from dubtool.training.data.clips import Sampler, load_clips
from dubtool.training.data.mels import MEL_FILE, Mel
from dubtool.training.data.prepare import prepare
from dubtool.training.data.sounds import SOUND_FILE, load_sounds
from dubtool.training.data.spoken import load_spoken

FRAMES = 36


@pytest.fixture(scope="module")
def corpus(cut: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    small = ("-vf", "scale=320:-2", "-preset", "ultrafast", "-crf", 20)
    shutil.copy(cut("speaks.mp4", "-ss", 1, "-frames:v", FRAMES, "-t", 1.44, *small), folder / "speaks.mp4")
    shutil.copy(cut("mute.mp4", "-ss", 3, "-frames:v", FRAMES, "-an", *small), folder / "mute.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=0.6", "-pix_fmt", "yuv420p", folder / "nobody.mp4")
    (folder / "torn.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    people = out / "people.txt"
    people.write_text("mute\n")
    found = prepare(corpus, out, validation=people)
    assert (found.train, found.validation) == (1, 1)
    return out


def test_what_is_left_out_is_told_with_the_reason(prepared: Path) -> None:
    with (prepared / "dropped.csv").open(newline="") as file:
        rows = {row["name"]: (row["dropped"], row["reason"]) for row in csv.DictReader(file)}
    assert rows["nobody"] == ("clip", "no face was found")
    assert rows["torn"][0] == "clip" and "cannot be read" in rows["torn"][1]
    # The example's mouth was moved by hand, not by its voice.
    assert rows["speaks"][0] == "speech" and rows["speaks"][1].startswith("not in sync: lips and sound agree by r =")
    assert rows["mute"] == ("speech", "no sound that can be used")
    assert sorted(path.name for path in (prepared / "clips").iterdir()) == ["mute", "speaks"]
    assert not list(prepared.glob(".*"))


def test_prepared_clips_are_what_training_reads(prepared: Path) -> None:
    (clip,) = load_clips(prepared / "clips", "train")
    assert (clip.name, clip.person, len(clip.frames)) == ("speaks", "speaks", FRAMES)
    sample = Sampler([clip], 64, np.random.default_rng(0), augment=False).sample(clip, 10)
    # The mouth is drawn inside the mouth box.
    assert sample.crop.shape == (104, 80, 3) and sample.drawing[1].any()
    assert (np.abs(sample.mouth[:40, 0].mean() - 40) < 6) and 32 < sample.mouth[:40, 1].mean() < 96
    assert load_clips(prepared / "clips", "val")[0].name == "mute"


def test_the_mouth_in_the_crop_is_where_the_picture_has_it(prepared: Path) -> None:
    """Lips are redder than the skin above them: the stored points must lie on them."""
    (clip,) = load_clips(prepared / "clips", "train")
    sampler = Sampler([clip], 96, np.random.default_rng(0), augment=False)
    sample = sampler.sample(clip, 10)
    crop = sample.crop.astype(float)
    redness = crop[..., 0] / (crop[..., 1] + 1)
    lips = sample.drawing[1] > 128
    above = np.roll(lips, -int(0.35 * 96), axis=0)
    assert redness[lips].mean() > redness[above].mean()


def test_a_clip_in_sync_keeps_its_lag_and_three_versions_of_its_speech(
    corpus: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy_beginnings(prepared, tmp_path)
    monkeypatch.setattr(module, "judge", lambda curve, seconds, usual: (2, ""))
    assert prepare(corpus, tmp_path).spoken == 1
    (clip,) = load_spoken(tmp_path / "clips", "train", augmented=True)
    # The sound is two frames late: a picture's sound is found that much later.
    assert np.allclose(clip.times, np.arange(FRAMES) / 25 + 2 / 25)
    assert len(clip.versions) == 3
    for vectors, start, stretch in clip.versions:
        assert vectors.shape[1:] == (4, 384) and vectors.dtype == np.float16
        assert abs(start) < 0.021
        assert abs(((len(vectors) - 1) / 50 + start) * stretch - FRAMES / 25) < 0.08
    assert clip.versions[1][2] == 1.0 and 0.85 < clip.versions[2][2] < 1.15 and clip.versions[2][2] != 1.0
    assert np.isfinite(np.load(tmp_path / "clips" / "speaks" / "meta.npz")["sync"]).all()
    stored = tmp_path / "clips" / "speaks" / MEL_FILE
    mel = Mel.load(stored)
    assert mel.vectors.shape[1] == 80 and abs(len(mel.vectors) / 80 + mel.start - FRAMES / 25) < 0.08
    (heard,) = load_sounds(tmp_path / "clips", "train")
    assert np.allclose(heard.times, clip.times, atol=0.021)
    assert abs(len(heard.samples) / 16000 - FRAMES / 25) < 0.08 and np.abs(heard.sound).max() > 0.01
    # Clips of an older version, which have none, get theirs.
    stored.unlink()
    (stored.parent / SOUND_FILE).unlink()
    prepare(corpus, tmp_path)
    np.testing.assert_array_equal(load_sounds(tmp_path / "clips", "train")[0].samples, heard.samples)
    np.testing.assert_array_equal(Mel.load(stored).vectors, mel.vectors)


def test_a_killed_run_goes_on_where_it_was(
    corpus: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy_beginnings(prepared, tmp_path)

    def killed(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_clip", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, tmp_path)
    assert list((tmp_path / "clips").iterdir()) == []
    (tmp_path / ".parts.of a killed run").mkdir()
    looked_at = []
    prepare(corpus, tmp_path, progress=lambda stage, done, total: looked_at.append((stage, done)))
    # Nothing is tracked again: one call per video, none per frame.
    assert len([each for each in looked_at if each[0] == "faces"]) <= 4
    for name in ("speaks", "mute"):
        for file in ("crops.npy", "meta.npz", "states.npz"):
            once, again = (folder / "clips" / name / file for folder in (prepared, tmp_path))
            assert once.exists() == again.exists()
            assert not once.exists() or _content(once) == _content(again)
    assert (tmp_path / "dropped.csv").read_text() == (prepared / "dropped.csv").read_text()
    assert not list(tmp_path.glob(".*"))


def test_a_second_run_writes_nothing_and_tells_the_same(corpus: Path, prepared: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (prepared / "clips").rglob("*")}
    dropped = (prepared / "dropped.csv").read_text()
    found = prepare(corpus, prepared)
    assert {path: path.stat().st_mtime_ns for path in (prepared / "clips").rglob("*")} == before
    assert (prepared / "dropped.csv").read_text() == dropped
    assert (found.train, found.validation) == (1, 1)


def _copy_beginnings(prepared: Path, out: Path) -> None:
    """What a run makes before the first clip."""
    for name in ("tracks", "validation.txt", "face_shape.npz"):
        source = prepared / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, out / name)


def _content(path: Path) -> dict[str, bytes]:
    if path.suffix == ".npy":
        return {"": np.load(path).tobytes()}
    with np.load(path) as stored:
        return {name: value.tobytes() for name, value in stored.items()}
