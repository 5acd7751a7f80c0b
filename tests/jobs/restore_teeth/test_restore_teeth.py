"""A restoration from end to end, by a stub whose answer is known: a mouth becomes the inverse of its reference."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from restorer_stub import SIDE, write_graphs

import dubtool
from dubtool.errors import NoFaceError, UsageError, WeightsError
from dubtool.face.shape import ShapeModel
from dubtool.face.teeth import LIPS
from dubtool.face.topology import INNER_LIP, JAW, STABLE, tracked
from dubtool.jobs.shared.frame_plan import FramePlan
from dubtool.jobs.shared.load import load_restorer
from dubtool.jobs.shared.options import Reference
from dubtool.jobs.shared.references import sharpness
from dubtool.jobs.shared.teeth import Teeth
from dubtool.media.decode import VideoReader, scan_times
from dubtool.media.frame import Frame
from dubtool.media.probe import probe
from dubtool.metrics.outside import largest_outside
from dubtool.models.graphs import Graphs
from dubtool.models.restorer import Restorer
from dubtool.tracking.person import Chosen, chosen_person
from dubtool.tracking.track_video import track_video
from dubtool.weights import find

Cut = Callable[..., Path]

_QUICK = ("-preset", "ultrafast", "-crf", 14)
# Of the piece of the example that the tests restore; in its fourth frame the mouth opens by a hair.
_CLOSED, _OPEN = range(3), range(4, 10)


@pytest.fixture
def stub(place: Path, tmp_path: Path) -> str:
    """The name of the network that the tests restore with."""
    write_graphs(tmp_path / "user weights", "stub")
    return "stub"


@pytest.fixture(scope="session")
def talking(cut: Cut) -> Path:
    """Ten frames in which a mouth opens, with two streams of sound that last longer."""
    speech = cut("longer sound.wav", "-t", 0.8, source="speech.wav")
    sound = ("-i", speech, "-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:a", "aac")
    return cut("talking.mp4", *sound, "-vf", "select='between(n,14,23)',setpts=PTS-STARTPTS", *_QUICK)


def _frames(path: Path) -> list[Frame]:
    return list(VideoReader(probe(path)))


def _changed(one: Path, other: Path) -> list[int]:
    pairs = zip(_frames(one), _frames(other), strict=True)
    return [
        number
        for number, (a, b) in enumerate(pairs)
        if not all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))
    ]


def _chosen(clip: Path) -> Chosen:
    tracked_video = track_video(probe(clip), progress=lambda done, total: None)
    return chosen_person(probe(clip), tracked_video, "largest", ShapeModel.load(find("face_shape")))


class _Watched(Restorer):
    """Remembers the references that it was given."""

    given: list[np.ndarray]

    def encode(self, references: np.ndarray) -> np.ndarray:
        self.given = [*getattr(self, "given", []), references]
        return super().encode(references)


def _watched(clip: Path, reference: Reference, tmp_path: Path) -> tuple[Teeth, _Watched]:
    restorer = _Watched(Graphs(*write_graphs(tmp_path / "watched", "stub"), device="cpu"))
    return Teeth(restorer, _chosen(clip), reference), restorer


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_are_restored_each_by_itself_and_woven_again(place: Path, stub: str, cut: Cut, order: str) -> None:
    first = "top" if order == "tff" else "bottom"
    moves = f"select='between(n,15,24)',settb=1/50,setpts=N,fps=50,tinterlace=interleave_{first},setfield={order}"
    flags = ("-an", "-flags", "+ilme+ildct", "-x264-params", f"{order}=1")
    woven = cut("woven.mp4", "-vf", moves, *_QUICK, *flags)
    report = dubtool.restore_teeth(woven, place / "out.mkv", model=stub, codec="ffv1")
    # Of the ten fields the first three show a closed mouth: one frame whole, and half of the next.
    assert (report.frames, report.dubbed, dict(report.passed)) == (5, 4, {"mouth closed": 1})
    made = probe(place / "out.mkv").require_video()
    assert made.field_order == ("tt" if order == "tff" else "bb")
    before, after = ([frame.planes[0] for frame in _frames(path)] for path in (woven, place / "out.mkv"))
    np.testing.assert_array_equal(before[0], after[0])
    rows = [0, 1] if order == "tff" else [1, 0]
    changed = [(a[row::2] != b[row::2]).sum() for a, b in zip(before[1:], after[1:], strict=True) for row in rows]
    assert changed[0] == 0 and min(changed[2:]) > 100


def test_only_open_mouths_change(place: Path, stub: str, talking: Path, tmp_path: Path) -> None:
    report = dubtool.restore_teeth(talking, place / "out.mkv", codec="ffv1", model=stub)
    assert (report.frames, report.dubbed, dict(report.passed)) == (10, 6, {"mouth closed": 4})
    changed = set(_changed(place / "out.mkv", talking))
    assert changed >= set(_OPEN) and not changed & set(_CLOSED)
    teeth, _ = _watched(talking, "frame", tmp_path)
    for row, (restored, source) in enumerate(zip(_frames(place / "out.mkv"), _frames(talking), strict=True)):
        region = np.zeros(source.planes[0].shape, np.uint8)
        outline = np.rint(teeth.landmarks[row, LIPS][:12]).astype(np.int32)
        cv2.fillPoly(region, [outline], 1)
        face = np.ptp(teeth.landmarks[row, :2, 1])
        width = 2 * round(0.13 * face) + 1
        near = cv2.dilate(region, np.ones((width, width), np.uint8)).astype(bool)
        assert near.mean() < 0.1
        assert largest_outside(restored.planes[0], source.planes[0], near) == 0
        moved = np.abs(restored.planes[0].astype(int) - source.planes[0])[region.astype(bool)]
        assert (moved.max() > 5) == (row in _OPEN)


def test_where_the_lower_face_is_restored_closed_mouths_and_chins_are_too(
    place: Path, talking: Path, tmp_path: Path
) -> None:
    write_graphs(tmp_path / "user weights", "whole", lower_face=True)
    report = dubtool.restore_teeth(talking, place / "out.mkv", codec="ffv1", model="whole")
    assert (report.dubbed, dict(report.passed)) == (10, {})
    restored, source = _frames(place / "out.mkv")[0], _frames(talking)[0]
    moved = np.abs(restored.planes[0].astype(int) - source.planes[0]) > 10
    points = _chosen(talking).person.tracks[0].points(slice(0, 1))[0, :, :2].astype(int)
    eyes, mouth, jaw = (points[list(tracked(part))] for part in (STABLE, INNER_LIP, JAW))
    chin = jaw[jaw[:, 1].argmax()]
    assert moved[mouth[:, 1], mouth[:, 0]].all()
    assert moved[(mouth[:, 1].mean().astype(int) + chin[1]) // 2, chin[0]], "the chin is the tool's, too"
    assert not moved[: eyes[:, 1].min()].any() and not moved[chin[1] + 8 :].any()


def test_teeth_in_black_and_white_film_get_no_colour(
    place: Path, stub: str, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    gray = cut("gray.mp4", "-vf", "select='between(n,14,23)',setpts=PTS-STARTPTS,hue=s=0", "-an", *_QUICK)
    restore = Restorer.restore
    red = np.array([60, -10, -20], np.float32)
    monkeypatch.setattr(Restorer, "restore", lambda *given: restore(*given) + red)
    report = dubtool.restore_teeth(gray, place / "out.mkv", codec="ffv1", model=stub)
    assert report.dubbed > 0
    for frame in _frames(place / "out.mkv"):
        assert max(np.abs(plane.astype(int) - 128).max() for plane in frame.planes[1:]) <= 1


def test_what_needs_no_correction_stays_to_the_last_bit(place: Path, talking: Path, tmp_path: Path) -> None:
    write_graphs(tmp_path / "user weights", "keeper", side=32, corrects=True)
    report = dubtool.restore_teeth(talking, place / "out.mkv", codec="ffv1", model="keeper")
    # A crop of 32 px holds far less than the mouth does: redrawn by it, the mouth would blur.
    assert report.dubbed == 6
    assert _changed(place / "out.mkv", talking) == []


def test_the_shipped_network_sharpens_a_soft_mouth(place: Path, cut: Cut) -> None:
    soft = cut("soft.mkv", "-vf", "select='between(n,14,23)',setpts=PTS-STARTPTS,gblur=sigma=2", "-an", "-c:v", "ffv1")
    dubtool.restore_teeth(soft, place / "out.mkv", codec="ffv1")
    teeth = Teeth(load_restorer("hdtr-mouth", "cpu", "auto")[0], _chosen(soft), "frame")
    gains = []
    for row in list(_OPEN)[1:]:
        lips = teeth.landmarks[row, LIPS]
        box = tuple(int(end) for end in (*lips.min(axis=0), *lips.max(axis=0)))
        restored, poor = (sharpness(_frames(path)[row].rgb(box)) for path in (place / "out.mkv", soft))
        gains.append(restored / poor)
    assert min(gains) > 1.05


def test_sound_and_times_stay(place: Path, stub: str, talking: Path) -> None:
    report = dubtool.restore_teeth(talking, place / "out.mp4", model=stub)
    assert scan_times(probe(place / "out.mp4")) == scan_times(probe(talking))
    assert len(probe(place / "out.mp4").audio) == 2
    assert _packets(place / "out.mp4") == _packets(talking), "the sound was coded anew"
    assert report.output == str(place / "out.mp4") and report.warnings == []
    comment = probe(place / "out.mp4").metadata["comment"]
    assert comment.startswith("Synthetic: the teeth were redrawn by dubtool")
    assert report.weights["stub_frame"][:16] in comment


def _packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_a_mouth_is_compared_with_itself(place: Path, talking: Path, tmp_path: Path) -> None:
    teeth, restorer = _watched(talking, "frame", tmp_path)
    batch = [(FramePlan(number, number, 1.0, ""), frame) for number, frame in enumerate(_frames(talking))][4:7]
    assert teeth.find_reference(VideoReader(probe(talking)), np.ones(10, bool)) is None
    done = teeth.restore(batch)
    assert list(done) == [4, 5, 6]
    np.testing.assert_array_equal(restorer.given[0], np.stack([redrawn.crop for redrawn in done.values()]))


def test_the_sharpest_mouth_is_found_once(place: Path, cut: Cut, talking: Path, tmp_path: Path) -> None:
    # One frame alone is not blurred.
    blurred = cut("blurred.mp4", "-vf", "select='gte(n,14)',gblur=6:enable='not(eq(n,21))',setpts=PTS-STARTPTS",
                  "-frames:v", 10, "-an", *_QUICK)  # fmt: skip
    teeth, restorer = _watched(blurred, "best", tmp_path)
    found = teeth.find_reference(VideoReader(probe(blurred)), np.ones(10, bool))
    frames = _frames(blurred)
    sharpest = max(range(10), key=lambda number: sharpness(frames[number].rgb()))
    assert found == sharpest
    teeth.restore([(FramePlan(number, number, 1.0, ""), frame) for number, frame in enumerate(frames)])
    assert [references.shape for references in restorer.given] == [(1, SIDE, SIDE, 3)]


def test_the_mouth_before_is_the_reference_within_a_shot(place: Path, talking: Path, tmp_path: Path) -> None:
    teeth, restorer = _watched(talking, "previous", tmp_path)
    frames = _frames(talking)
    frame_plans = [FramePlan(number, row, 1.0, "") for number, row in ((4, 4), (5, 5), (90, 6))]
    done = teeth.restore([(frame_plan, frames[frame_plan.row]) for frame_plan in frame_plans])
    given = [references[0] for references in restorer.given]
    np.testing.assert_array_equal(given[0], done[4].crop)
    np.testing.assert_allclose(given[1], 255 - done[4].crop.astype(int), atol=1)
    np.testing.assert_array_equal(given[2], done[90].crop, "what was made long ago is forgotten")
    teeth.restore([(FramePlan(91, 7, 1.0, ""), frames[7])])
    np.testing.assert_allclose(restorer.given[3][0], 255 - done[90].crop.astype(int), atol=1)


@pytest.mark.parametrize("batch_size", [1, 64])
def test_the_batch_size_changes_nothing(batch_size: int, place: Path, stub: str, talking: Path, tmp_path: Path) -> None:
    for name, size in (("a", 4), ("b", batch_size)):
        dubtool.restore_teeth(
            talking, place / f"{name}.mkv", codec="ffv1", model=stub, batch_size=size, reference="previous"
        )
    assert _changed(place / "a.mkv", place / "b.mkv") == []


def test_from_and_to_leave_the_other_frames_alone(place: Path, stub: str, talking: Path) -> None:
    stretch = {"start": Fraction(2, 25), "stop": Fraction(7, 25)}
    report = dubtool.restore_teeth(talking, place / "out.mkv", codec="ffv1", model=stub, **stretch)
    assert {4, 5, 6} <= set(_changed(place / "out.mkv", talking)) <= {3, 4, 5, 6}
    assert dict(report.passed) == {"outside the stretch": 5, "mouth closed": 2}
    with pytest.raises(UsageError, match="no frame lies within the stretch"):
        dubtool.restore_teeth(talking, place / "none.mkv", model=stub, start=Fraction(9))


def test_a_mouth_that_never_opens_is_left_alone(place: Path, stub: str, clip: Path) -> None:
    report = dubtool.restore_teeth(clip, place / "out.mkv", codec="ffv1", model=stub, reference="best")
    assert _changed(place / "out.mkv", clip) == []
    assert report.warnings == [f"{clip}: no teeth are to be seen, so nothing was changed"]
    assert (report.dubbed, report.passed["mouth closed"]) == (0, 10)


def test_no_face_is_an_error(place: Path, stub: str, cut: Cut) -> None:
    grey = cut("all grey.mp4", "-vf", "drawbox=color=gray:t=fill", "-frames:v", 5, "-an", *_QUICK)
    with pytest.raises(NoFaceError, match="no face was found"):
        dubtool.restore_teeth(grey, place / "out.mp4", model=stub)
    assert list(place.iterdir()) == []


def test_preview_sheet_and_sidecar(place: Path, stub: str, talking: Path) -> None:
    report = dubtool.restore_teeth(talking, place / "out.mp4", model=stub, preview=True, sheet=True, sidecar=True)
    names = ["out.json", "out.mp4", "out.preview.mp4", "out.sheet.png"]
    assert sorted(path.name for path in place.iterdir()) == names
    pair = _frames(place / "out.preview.mp4")[7].rgb().astype(int)
    assert pair.shape[1] == 2 * _frames(talking)[0].width
    half = pair.shape[1] // 2
    assert np.abs(pair[:, :half] - pair[:, half:]).max() > 30
    assert cv2.imread(report.extra["sheet"]).shape[1] == 5 * 240
    assert json.loads((place / "out.json").read_text())["job"] == "restore-teeth"


def test_without_weights_one_line_says_what_to_do(place: Path, talking: Path) -> None:
    with pytest.raises(WeightsError, match=r"lip-clarity-model\.pth.*are not on this machine"):
        dubtool.restore_teeth(talking, place / "out.mp4", model="hdtr")
    with pytest.raises(UsageError, match="no weights are called 'nothing'"):
        dubtool.restore_teeth(talking, place / "out.mp4", model="nothing")
    assert list(place.iterdir()) == []


def test_the_clip_itself_is_no_output(place: Path, talking: Path) -> None:
    with pytest.raises(UsageError, match="is also an input"):
        dubtool.restore_teeth(talking, talking, overwrite=True)
    with pytest.raises(UsageError, match="reference 'sharp' is not one of frame, best, previous"):
        dubtool.restore_teeth(talking, place / "out.mp4", reference="sharp")


def test_a_dub_restores_the_mouths_it_made(place: Path, stub: str, clip: Path, speech: Path) -> None:
    drawn = {"model": "dinet-shape", "codec": "ffv1"}
    dubtool.dub(clip, speech, place / "plain.mkv", **drawn)
    report = dubtool.dub(clip, speech, place / "out.mkv", **drawn, restore_teeth=True, restorer=stub)
    assert {"stub_once", "stub_frame"} <= set(report.weights)
    assert 0 < len(_changed(place / "plain.mkv", place / "out.mkv")) <= 10
    with pytest.raises(UsageError, match="'nothing'"):
        dubtool.dub(clip, speech, place / "other.mkv", **drawn, restore_teeth=True, restorer="nothing")
    with pytest.raises(UsageError, match="the person's own teeth"):
        dubtool.dub(clip, speech, place / "own.mkv", restore_teeth=True)
