"""Jobs on image sequences."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dubbing_place import Capture

from dubtool.cli import main
from dubtool.jobs.shared.outputs import beside
from dubtool.media.packets import coding_of
from dubtool.media.probe import probe
from dubtool.provenance.mark import mark_of
from dubtool.provenance.xmp import DIGITAL_SOURCE_TYPE


def test_frames_in_and_frames_out(place: Path, video: Path, capfd: Capture) -> None:
    assert main(["restore-teeth", str(video), "--container", "png", "--quiet"]) == 0
    folder = place / "video.restored"
    assert capfd.readouterr().out == f"{folder / 'frames_%06d.png'}\n"
    assert len(list(folder.glob("*.png"))) == 10
    assert mark_of(folder / "frames_000003.png").source_type == DIGITAL_SOURCE_TYPE
    assert main(["verify", str(folder)]) == 0
    assert "synthetic: yes" in capfd.readouterr().out
    assert main(["restore-teeth", str(video), "--container", "png", "--quiet"]) == 2
    assert "exists; give --overwrite" in capfd.readouterr().err
    words = ["restore-teeth", str(folder), "--sidecar", "-o", str(place / "again.mkv"), "--json", "--quiet"]
    assert main([*words, "--rate", "12.5", "--dry-run"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["frames"], told["seconds"]) == (10, 0.8)
    assert main(words) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["frames"], round(report["duration"], 3)) == (10, 0.4)
    assert report["inputs"] == {"video": str(folder)}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["{}", "--rate", "25"], 2, "has a rate of its own"),
        (["{}", "--rate", "fast"], 2, "is not a rate"),
        (["{}", "-o", "out.png"], 2, "single picture"),
        (["none_%04d.png", "--rate", "25"], 3, "no such files"),
        (["none.mp4", "--rate", "25"], 3, "none.mp4 does not exist"),
    ],
)
def test_what_does_not_go_is_told(
    words: list[str], code: int, told: str, place: Path, video: Path, capfd: Capture
) -> None:
    assert main(["restore-teeth", *(word.format(video) for word in words), "--quiet"]) == code
    assert told in capfd.readouterr().err
    assert sorted(one.name for one in place.iterdir()) == ["video.mp4"]


def test_files_beside_frames_in_the_present_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert beside(Path("frames_%06d.png"), ".json") == place.with_name(place.name + ".json")


def test_a_result_like_its_source(place: Path, cut: Callable[..., Path], capfd: Capture) -> None:
    words = [
        "-frames:v",
        6,
        "-an",
        "-c:v",
        "prores_ks",
        "-profile:v",
        1,
        "-pix_fmt",
        "yuv422p10le",
        "-vf",
        "scale=320:-2",
    ]
    film = Path(shutil.copy(cut("film.mov", *words), place / "film.mov"))
    assert main(["restore-teeth", str(film), "--like-source", "--json", "--quiet"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["output"] == str(place / "film.restored.mov")
    assert report["details"]["like_source"]["codec"] == "prores-lt"
    assert coding_of(probe(place / "film.restored.mov")).profile == "LT"
    assert main(["restore-teeth", str(film), "--like-source", "--codec", "libx264"]) == 2
    assert "leave out --codec" in capfd.readouterr().err
