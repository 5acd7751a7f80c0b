from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import InputError, UsageError
from dubtool.face.draw import landmark_picture
from dubtool.face.shape import ShapeModel
from dubtool.training.data.mels import MEL_STEPS, Mel, Voice, write_mel
from dubtool.training.g4g.data import HeardClip, HeardSampler, collate_heard, load_heard, resting_mouth
from dubtool.training.g4g.stage import G4GStage

STAGE = G4GStage(width=8, min_natural=0.0, rest_share=0.0)
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "portrait.mp4"


@pytest.fixture(scope="module")
def heard(data: Path) -> dict[str, HeardClip]:
    return load_heard(data / "clips", "train", min_natural=0.0)


@pytest.fixture
def sampler(heard: dict[str, HeardClip], shape_model: ShapeModel) -> HeardSampler:
    return HeardSampler(heard, shape_model, STAGE, augment=False)


def test_windows_are_centred_on_their_moment() -> None:
    mel = Mel(np.repeat(np.arange(80.0)[:, None], 80, axis=1).astype(np.float16), start=-0.25)
    window = mel.window(0.25)
    assert window.shape == (MEL_STEPS, 80)
    # 0.5 s after vector 0 is vector 40; sixteen steps lie evenly around it.
    np.testing.assert_allclose(window[:, 0], 40 + np.arange(16) - 7.5, atol=1e-3)
    np.testing.assert_allclose(mel.window(9.0)[:, 0], 79.0)


def test_a_voice_changes_the_sound_but_not_the_moment() -> None:
    mel = Mel(np.tile(np.linspace(-2, 2, 80), (160, 1)).astype(np.float16), start=0.0)
    plain = mel.window(1.0)
    np.testing.assert_array_equal(Voice().window(mel, 1.0), plain)
    np.testing.assert_allclose(Voice(loudness=0.5).window(mel, 1.0), plain + 0.5, atol=1e-6)
    assert Voice(pitch=1.1).window(mel, 1.0)[0, 40] > plain[0, 40]
    noisy = Voice(floor=-1.0, seed=3).window(mel, 1.0)
    assert noisy[:, 0].mean() == pytest.approx(-1.0, abs=0.3) and (noisy[:, 79] == plain[:, 79]).all()
    assert np.abs(Voice(loudness=9.0).window(mel, 1.0)).max() == 4


def test_the_lag_of_a_clip_moves_its_sound(data: Path, heard: dict[str, HeardClip], tmp_path: Path) -> None:
    clip = next(iter(heard))
    folder = tmp_path / clip
    folder.mkdir()
    for name in ("crops.npy", "mel.npz"):
        (folder / name).symlink_to(data / "clips" / clip / name)
    with np.load(data / "clips" / clip / "meta.npz") as stored:
        np.savez(folder / "meta.npz", **{**stored, "lag": 2.0})
    late = load_heard(tmp_path, "train", min_natural=0.0)[clip]
    # The sound is two frames late: frame k is heard 0.08 s after it is seen.
    np.testing.assert_allclose(late.times - heard[clip].times, 0.08)


def test_silent_and_older_clips_are_left_out_and_nothing_left_is_an_error(data: Path, tmp_path: Path) -> None:
    assert len(load_heard(data / "clips", "train", min_natural=0.0)) == 3
    for file in ("crops.npy", "meta.npz"):
        (tmp_path / "clip").mkdir(exist_ok=True)
        (tmp_path / "clip" / file).symlink_to(data / "clips" / "clip0" / file)
    with pytest.raises(InputError, match="train prepare"):
        load_heard(tmp_path, "train", min_natural=0.0)


def test_a_group_is_of_one_clip_at_moments_apart(sampler: HeardSampler) -> None:
    drawn = [sample for (sample,) in sampler.seeded(1).draw(6, 3)]
    for group in (drawn[:3], drawn[3:]):
        assert len({each.sample.clip.name for each in group}) == 1
        times = sorted(each.sample.clip.times[each.sample.row] for each in group)
        assert min(np.diff(times)) >= 0.12 - 1e-9


def test_the_sound_is_that_of_the_frame(sampler: HeardSampler, heard: dict[str, HeardClip]) -> None:
    for each in sampler.sequence(next(iter(heard.values())), 20, 5):
        # The test clips' mel holds its own time.
        assert each.mel.mean() == pytest.approx(each.sample.clip.times[each.sample.row], abs=2e-3)


def test_at_rest_the_drawing_is_of_the_resting_mouth(heard: dict[str, HeardClip]) -> None:
    clip = next(iter(heard.values()))
    rng = np.random.default_rng(0)
    model = ShapeModel(np.zeros((1, 3)), rng.normal(0, 0.1, (3, 55, 3)))
    resting = rng.normal(0, 0.4, (55, 3))
    camera, place = rng.normal(0, 30, (3, 2)), np.array([40.0, 50.0])
    clip = replace(clip, rest=resting)
    sampler = HeardSampler({clip.clip.name: clip}, model, STAGE, augment=False)
    (each,) = sampler.sequence(clip, 7)
    own = model.mouths(clip.clip.coefficients[7][None], resting)[0] @ camera + place
    sample = replace(each.sample, mouth=own)
    np.testing.assert_allclose(resting_mouth(clip, sample, model), resting @ camera + place, atol=1e-6)
    assert not np.array_equal(sampler.at_rest(clip, sample).drawing, each.sample.drawing)


def test_batches_hold_the_masked_source_without_drawings(sampler: HeardSampler) -> None:
    samples = [sample for each in sampler.seeded(2).draw(2, 1, 5) for sample in each]
    batch = collate_heard(samples, STAGE, frames=5)
    assert batch.picture.shape == batch.source.shape == (10, 3, 104, 80)
    assert batch.landmarks.shape == (10, 1, 104, 80) and batch.reference.shape == (2, 15, 104, 80)
    assert batch.mel.shape == (10, 16, 80)
    assert (batch.source[:, :, 60, 40] == 0).all() and (batch.source[:, :, 5, 5] > 0).all()
    np.testing.assert_array_equal(
        batch.landmarks[3].numpy(), landmark_picture(samples[3].sample.drawing).astype(np.float32) / 255
    )


def test_judges_of_five_frames_need_five_frames() -> None:
    with pytest.raises(UsageError, match="frames = 5"):
        G4GStage(adversarial_clip=3.0)


def test_mel_of_a_video_is_that_of_its_sound_at_work(cut, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from dubtool.speech.features import speech_features

    video = cut("talk.mp4", "-t", 1.0, "-i", EXAMPLE.parent / "speech.wav", "-map", "0:v", "-map", "1:a", "-shortest")
    write_mel(tmp_path, video, tmp_path, sound_offset=0.1)
    mel = Mel.load(tmp_path / "mel.npz")
    assert mel.start == -0.1
    at_work = speech_features("mel", tmp_path / "speech-16k.wav").windows(np.array([0.5]))[0]
    # A moment of the picture is heard 0.1 s later on the sound's own clock.
    np.testing.assert_allclose(mel.window(0.4), at_work, atol=5e-3)
