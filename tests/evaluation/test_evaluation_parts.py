"""What the evaluation is made of: clips, stretches in sync, lips held against lips, and results."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from dubbing_place import Cut

from dubtool.errors import InputError, UsageError
from dubtool.evaluation.analysed import Lips
from dubtool.evaluation.clips import Clip, clips_from_files, clips_from_manifest
from dubtool.evaluation.results import TESTS, Evaluation, Number, Outcome
from dubtool.evaluation.segment import RATE, Recording, cut_sound, cut_video, open_recording
from dubtool.evaluation.swapped import Swap, agreement, at_phones, in_sync
from dubtool.jobs.shared.known_shapes import MouthShapes
from dubtool.media.decode import VideoReader
from dubtool.media.probe import probe
from dubtool.metrics.sync import ShapeSyncJudge

SMALL = ("-vf", "fps=25/2,scale=320:-2", "-preset", "ultrafast", "-crf", 14)


@pytest.fixture(scope="module")
def talk(cut: Cut) -> Path:
    """2.6 s of the example with its own sound: 32 small frames."""
    return cut("talk.mov", "-ss", 1, "-t", 2.6, *SMALL, "-c:a", "pcm_s16le")


# Which clips


def test_a_manifest_gives_the_split_s_clips_in_sync_with_their_lags(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "b.mp4").touch()
    (tmp_path / "corpus.csv").write_text(
        "id,file,use,split,identity,sync_lag_frames\n"
        "grid_a,a.mp4,sync,val,ann,2\n"
        "grid_b,b.mp4,sync,val,,\n"
        "c,c.mp4,face,val,ann,0\n"
        "d,d.mp4,sync,train,ann,0\n"
    )
    found = clips_from_manifest(tmp_path / "corpus.csv", "val")
    assert found == [
        Clip(tmp_path / "files" / "a.mp4", "grid_a", "ann", Fraction(2, 25)),
        Clip(tmp_path / "b.mp4", "grid_b"),
    ]
    assert [clip.name for clip in clips_from_manifest(tmp_path / "corpus.csv", None, ["grid_b", "d"])] == [
        "grid_b",
        "d",
    ]
    with pytest.raises(UsageError, match="split 'test'"):
        clips_from_manifest(tmp_path / "corpus.csv", "test")


def test_a_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_text("name\na.mp4\n")
    with pytest.raises(InputError, match="column 'file'"):
        clips_from_manifest(tmp_path / "corpus.csv")
    with pytest.raises(InputError, match=r"none\.csv"):
        clips_from_manifest(tmp_path / "none.csv")
    (tmp_path / "corpus.csv").write_text("file,sync_lag_frames\na.mp4,late\n")
    with pytest.raises(InputError, match="line 2"):
        clips_from_manifest(tmp_path / "corpus.csv")


# Stretches


def _recording(talk: Path, folder: Path, lag: float = 0.0) -> Recording:
    return open_recording(clips_from_files([talk], lag)[0], folder)


def test_a_cut_is_the_source_s_frames_bit_by_bit_from_time_zero(talk: Path, tmp_path: Path) -> None:
    recording = _recording(talk, tmp_path)
    _, second = recording.halves()
    made = list(VideoReader(probe(cut_video(recording, second, tmp_path / "b.mp4"))))
    real = list(VideoReader(recording.info))[second.start : second.stop]
    assert [frame.time for frame in made] == [frame.time - real[0].time for frame in real]
    assert all(
        np.array_equal(a, b)
        for one, other in zip(made, real, strict=True)
        for a, b in zip(one.planes, other.planes, strict=True)
    )
    assert not probe(tmp_path / "b.mp4").audio


def test_the_sound_of_a_cut_is_what_belongs_to_its_frames(talk: Path, tmp_path: Path) -> None:
    recording = _recording(talk, tmp_path, lag=5)
    whole, _ = soundfile.read(recording.sound.path)
    # This file's picture starts a frame after its sound.
    assert recording.late == Fraction(1, 5) + recording.info.require_video().start == Fraction(7, 25)
    assert recording.frames == range(29)
    first, _ = recording.halves()
    sound, _ = soundfile.read(cut_sound(recording, first, tmp_path / "a.wav"))
    late = round(recording.late * RATE)
    assert np.array_equal(sound, whole[late : late + len(sound)])
    assert len(sound) == round(recording.times[first.stop] * RATE)


def test_where_nothing_was_recorded_there_is_silence(talk: Path, tmp_path: Path) -> None:
    recording = _recording(talk, tmp_path, lag=-7)
    # 0.28 s less the 0.08 s that the picture starts after its sound.
    early = round(0.2 * RATE)
    assert recording.frames == range(3, 32)
    sound, _ = soundfile.read(cut_sound(recording, range(32), tmp_path / "all.wav"))
    whole, _ = soundfile.read(recording.sound.path)
    assert not sound[:early].any() and np.array_equal(sound[early : early + RATE], whole[:RATE])


def test_a_clip_whose_sound_never_meets_its_picture_is_refused(talk: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no time in common"):
        _recording(talk, tmp_path, lag=100)


# Lips


def test_lips_at_other_times_are_interpolated_and_never_made_up() -> None:
    lips = Lips(np.arange(6) / 25, np.array([0.0, 1, 2, np.nan, 4, 5]), *[np.ones(6)] * 3)
    found = lips.at(np.array([0.02, 0.119, 0.2, 0.5])).opening
    assert found[[0, 2]] == pytest.approx([0.5, 5])
    assert np.isnan(found[[1, 3]]).all()


def _swap(dub: np.ndarray, real: np.ndarray, voiced: np.ndarray | None = None) -> Swap:
    times = np.arange(len(dub)) / 25
    lips = {
        name: Lips(times, series, series, series, series)
        for name, series in (("dub", dub), ("real", real), ("untouched", np.zeros(len(dub))))
    }
    voiced = np.ones(len(dub), bool) if voiced is None else voiced
    mouth = MouthShapes(times, np.zeros((len(dub), 3), np.float32))
    return Swap(
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        Path(),
        **lips,
        voiced=voiced,
        loudness=np.abs(real),
        rate=25.0,
        dubbed=len(dub),
        shapes=mouth,
        dynamics=(float(np.var(dub)), float(np.var(real))),
    )


def _chatter(seed: int, size: int = 30) -> np.ndarray:
    return np.convolve(np.random.default_rng(seed).normal(size=size + 4), np.ones(5) / 5, mode="valid")


def test_short_clips_count_together_but_keep_their_own_level() -> None:
    # A face seen from below opens wider: the level says nothing about the words.
    swaps = [_swap(_chatter(seed) + 10 * seed, _chatter(seed)) for seed in range(4)]
    found = agreement(swaps)
    assert found["opening_r"] == pytest.approx(Number(1.0, 0.0))
    assert found["width_r_voiced"].value == pytest.approx(1.0)
    assert found["opening_lag"].value == 0


def test_a_mouth_that_hardly_opens_is_told_however_well_it_follows() -> None:
    found = agreement([_swap(0.3 * _chatter(1) + 1, _chatter(1)), _swap(0.3 * _chatter(2), _chatter(2))])
    assert found["opening_r"].value == pytest.approx(1.0)
    assert found["opening_range"] == pytest.approx(Number(0.3, 0.0))


def test_amplitude_is_off_by_as_much_whether_too_small_or_too_large() -> None:
    small, large = (agreement([_swap(scale * _chatter(1), _chatter(1))]) for scale in (0.5, 2.0))
    assert small["opening_amplitude"].value == pytest.approx(np.log(2)) == large["opening_amplitude"].value
    assert small["lip_dynamics"].value == pytest.approx(0.25)


def test_closures_of_all_swaps_count_together() -> None:
    open_mouth, shut = np.full(30, 0.1), np.full(30, 0.1)
    shut[10:12] = 0.0
    found = agreement([_swap(shut, shut), _swap(open_mouth, shut)])
    assert found["closure_recall"].value == 0.5 and found["closure_precision"].value == 1.0
    assert found["closure_f1"].value == pytest.approx(2 / 3)


def test_pauses_tell_how_still_lips_are_beside_the_real_ones() -> None:
    voiced = np.arange(40) < 20
    real = np.where(voiced, _chatter(1, 40), 0.02)
    restless = np.where(voiced, real, 0.02 + 0.01 * (-1.0) ** np.arange(40))
    found = agreement([_swap(restless, real, voiced)])
    assert found["pause_stability"] == pytest.approx(Number(0.01, 0.0))


def test_lips_meet_at_the_phones_of_their_own_clip() -> None:
    shut = np.full(30, 0.1)
    shut[10:12] = 0.0
    phones = ((10 / 25, 11 / 25), (20 / 25, 21 / 25))
    swaps = [replace(_swap(dub, shut), voice=SimpleNamespace(bilabials=phones)) for dub in (shut, np.full(30, 0.1))]  # type: ignore[arg-type]
    assert at_phones(swaps) == {"bilabials": Number(0.25, 0.5)}


def test_a_late_dub_is_found_late_without_reaching_into_the_next_clip() -> None:
    series = [_chatter(seed, 60) for seed in range(3)]
    found = agreement([_swap(each[7:57], each[10:60]) for each in series])
    assert found["opening_lag"].value == 3
    assert found["opening_best_r"].value > 0.95 > found["opening_r"].value


def test_voiced_moments_are_those_of_their_own_clip() -> None:
    real, noise = _chatter(1), _chatter(2)
    voiced = np.arange(30) < 15
    swaps = [_swap(np.where(voiced, real, noise), real, voiced), _swap(noise, real, np.zeros(30, bool))]
    found = agreement(swaps)
    assert found["opening_r_voiced"].value > 0.9
    assert found["opening_r"].value < 0.7


# Results


def test_the_worst_clip_is_the_one_on_the_wrong_side() -> None:
    result = Evaluation("m", list(TESTS))
    for name, r, lag, wide, seam in (("a", 0.2, 1, 1.1, 1.0), ("b", 0.9, -4, 0.9, 1.5), ("c", 0.6, 3, 0.3, math.nan)):
        numbers = {"opening_r": Number(r, 0.1), "opening_lag": Number(lag), "seam": Number(seam, 1.0)}
        numbers["opening_range"] = Number(wide, 1.0)
        result.outcomes.append(Outcome(name, [name], numbers=numbers))
    found = result.summary()
    assert (found["opening_r"].worst_clip, found["opening_r"].median) == ("a", 0.6)
    assert (found["opening_lag"].worst_clip, found["opening_lag"].worst) == ("b", -4)
    assert found["opening_range"].worst_clip == "c"
    assert (found["seam"].worst_clip, found["seam"].count) == ("b", 2)
    assert "width_r" not in found


def test_json_has_null_for_what_is_not_a_number() -> None:
    outcome = Outcome("a", ["a"], numbers={"psnr": Number(math.inf), "seam": Number(1.0, 1.0)})
    outcome.details["each"] = [(math.nan, 1)]
    plain = json.loads(json.dumps(Evaluation("m", ["seam"], [outcome]).as_dict(), allow_nan=False))
    assert plain["clips"][0]["numbers"]["psnr"] == {"value": None, "baseline": None}
    assert plain["clips"][0]["details"]["each"] == [[None, 1]]


# Sync


class _Kit:
    """Stands for the context: a judge to which sound and mouth fit where their first numbers agree."""

    def __init__(self) -> None:
        codes = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
        codes /= np.linalg.norm(codes, axis=1, keepdims=True)

        def run(feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            middles = {"mouth": feeds["shapes"][:, 0, 4], "sound": feeds["states"][:, 0, 10]}
            return {name: codes[np.rint(middle).astype(int) + 50] for name, middle in middles.items()}

        self.sync = ShapeSyncJudge(run, 9, 21)

    def hear(self, speech: Path) -> Callable[[np.ndarray], np.ndarray]:
        return lambda times: np.repeat((times * 25)[:, None, None], 21, axis=1).astype(np.float32)


def test_sync_is_told_of_the_dub_and_of_the_mouth_that_spoke() -> None:
    swap = _swap(np.zeros(60), np.zeros(60))
    times = np.arange(60) / 25

    def mouth(late: int) -> MouthShapes:
        return MouthShapes(times, np.repeat((times * 25 - late)[:, None], 2, axis=1).astype(np.float32))

    spoke = SimpleNamespace(speech=Path(), seen=SimpleNamespace(shapes=mouth(0)))
    swap = replace(swap, shapes=mouth(4), voice=spoke)  # type: ignore[arg-type]
    found = in_sync(_Kit(), [swap, swap])  # type: ignore[arg-type]
    assert found["sync_offset"] == (-4, 0)
    assert found["sync_distance"].value == pytest.approx(0, abs=1e-3) and found["sync_confidence"].value > 1
    unseen = replace(swap, shapes=MouthShapes(np.zeros(0), np.zeros((0, 2), np.float32)))
    alone = in_sync(_Kit(), [unseen])  # type: ignore[arg-type]
    assert np.isnan(alone["sync_confidence"].value) and alone["sync_confidence"].baseline > 1
