from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import typer

from dubtool.batch.fields import is_option
from dubtool.batch.kinds import KINDS
from dubtool.batch.table import JobList, read_jobs
from dubtool.cli.app import app
from dubtool.errors import DubtoolError, InputError, UsageError


def _table(folder: Path, text: str, name: str = "jobs.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_spreadsheet_becomes_jobs(tmp_path: Path) -> None:
    text = '\ufeffvideo;speech;output;from;crf;preview\n"a; b.mp4";早.wav;out/x.mp4;1:30,5;20;yes\nc.mp4;c.wav;;;;\n'
    first, second = read_jobs(_table(tmp_path, text), {"crf": "25", "lossless": True}).jobs
    assert first.inputs == {"video": tmp_path / "a; b.mp4", "speech": tmp_path / "早.wav"}
    assert first.output == tmp_path / "out/x.mp4"
    assert first.options == {"start": Fraction("90.5"), "crf": 20, "preview": True, "lossless": True}
    assert second.output == tmp_path / "c.dubbed.mp4"
    assert second.options == {"crf": 25, "lossless": True}
    assert second.place == "jobs.csv, line 3"


def test_a_picture_of_the_person_lies_beside_the_list(tmp_path: Path) -> None:
    for name in ("anna.jpg", "left", "speaking"):
        (tmp_path / name).touch()
    rows = "".join(f"{face}.mp4,a.wav,{face}\n" for face in ("anna.jpg", "left", "speaking", "nobody.jpg"))
    jobs = read_jobs(_table(tmp_path, f"video,speech,face\n{rows}"), {}).jobs
    assert [job.options["face"] for job in jobs] == [str(tmp_path / "anna.jpg"), "left", "speaking", "nobody.jpg"]


def test_a_row_may_name_a_preset_and_differ_from_it(tmp_path: Path) -> None:
    text = "video,speech,preset,crf\na.mp4,a.wav,draft,20\nb.mp4,b.wav,,\n"
    first, second = read_jobs(_table(tmp_path, text), {"preset": "broadcast", "crf": "25"}).jobs
    assert first.options == {"preset": "ultrafast", "crf": 20}
    assert second.options == {"codec": "prores_ks", "container": "mov", "sidecar": True, "crf": 25}
    assert (first.output.name, second.output.name) == ("a.dubbed.mp4", "b.dubbed.mov")
    with pytest.raises(UsageError, match="line 2: unknown preset 'x': use one of draft, broadcast, web"):
        read_jobs(_table(tmp_path, "video,speech,preset\na.mp4,b.wav,x\n"), {})


def test_a_folder_of_films_may_have_a_preset(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.wav"):
        (tmp_path / name).touch()
    (job,) = read_jobs(str(tmp_path), {"preset": "broadcast"}).jobs
    assert job.output == tmp_path / "a.dubbed.mov"
    (job,) = read_jobs(str(tmp_path), {}).jobs
    assert job.output == tmp_path / "a.dubbed.mp4"


def test_json_lines_become_jobs(tmp_path: Path) -> None:
    text = (
        '{"job": "dub", "video": "a.mp4", "speech": "b.wav", "no-cache": true, "expression": 1, "face": 2}\n\n'
        '{"video": "/x/a.mp4", "speech": "c.wav", "output": "c.mp4", "soundtrack": "mix.wav", "to": 3.5}\n'
    )
    first, second = read_jobs(_table(tmp_path, text, "jobs.jsonl"), {}).jobs
    assert first.options == {"cache": False, "expression": 1.0, "face": "2"}
    assert second.inputs["video"] == Path("/x/a.mp4")
    assert second.options == {"soundtrack": tmp_path / "mix.wav", "stop": Fraction("3.5")}
    assert second.place == "jobs.jsonl, line 3"


def test_a_cast_or_cues_stand_in_for_a_speech(tmp_path: Path) -> None:
    text = "video,speech,cast,cues,voices,fit\na.mp4,,who.csv,,,stretch\nb.mp4,,,b.srt,b,\nc.mp4,c.wav,,,,\n"
    first, second, third = read_jobs(_table(tmp_path, text), {}).jobs
    assert first.inputs == {"video": tmp_path / "a.mp4"}
    assert first.options == {"cast": tmp_path / "who.csv", "fit": "stretch"}
    assert second.options == {"cues": tmp_path / "b.srt", "voices": tmp_path / "b"}
    assert set(third.inputs) == {"video", "speech"}
    (common,) = read_jobs(_table(tmp_path, "video\na.mp4\n"), {"cast": "one.csv"}).jobs
    assert common.inputs == {"video": tmp_path / "a.mp4"}
    with pytest.raises(UsageError, match=r"line 2: no speech is named \(cast or cues would do\)"):
        read_jobs(_table(tmp_path, "video,fit\na.mp4,stretch\n"), {})
    with pytest.raises(UsageError, match="--cues needs --voices"):
        read_jobs(_table(tmp_path, "video,cues\na.mp4,b.srt\n"), {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("video,speech\na.mp4,\n", "line 2: no speech is named"),
        ("video,speech,vidoe\na.mp4,b.wav,c\n", "no option 'vidoe' (a row has job, video, speech, output and flags"),
        ("video,speech,crf\na.mp4,b.wav,high\n", "crf 'high' is not a number"),
        ("video,speech,crf\na.mp4,b.wav,70\n", "crf 70 is not between 0 and 51"),
        ("video,speech,preview\na.mp4,b.wav,maybe\n", "preview 'maybe' is not true or false"),
        ("video,speech,from\na.mp4,b.wav,1:2:3:4\n", "from '1:2:3:4' is not a time"),
        ("video,speech,length\na.mp4,b.wav,long\n", "length 'long' is not one of"),
        ("video,speech\na.mp4,b,c.wav\n", "more values than there are columns"),
        ("job,video,speech\nsing,a.mp4,b.wav\n", "job 'sing' cannot run in a batch; what can: dub"),
        ("video,speech\na.mp4,b.wav\na.mp4,c.wav\n", "line 3: {}/a.dubbed.mp4 is also written by jobs.csv, line 2"),
        (
            "video,speech,output,preview\na.mp4,b.wav,x.mp4,1\na.mp4,c.wav,x.preview.mp4,\n",
            "x.preview.mp4 is also written by",
        ),
        ("video,speech,output\na.mp4,b.wav,x.mp4\nx.mp4,c.wav,y.mp4\n", "x.mp4 is written by jobs.csv, line 2"),
        ('{"video": "a.mp4", \n', "line 1: not JSON"),
        ('{"video": ["a.mp4"], "speech": "b.wav"}\n', "line 1: video holds several values"),
    ],
)
def test_a_list_that_is_not_understood_says_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_jobs(_table(tmp_path, text), {})
    assert says.format(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [("expresion", ": is 'expression' meant"), ("review", "have no option 'review': call 'dubtool review'")],
)
def test_an_option_for_all_that_no_job_has_is_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_jobs(_table(tmp_path, "video,speech\na.mp4,b.wav\n"), {name: "1"})


@pytest.mark.parametrize("text", ["", "video,speech\n"])
def test_an_empty_list_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="lists no job"):
        read_jobs(_table(tmp_path, text), {})
    with pytest.raises(InputError, match="does not exist"):
        read_jobs(str(tmp_path / "none.csv"), {})


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    folder = tmp_path / "les [so]ns"
    (folder / "two").mkdir(parents=True)
    names = ["a b.mp4", "a b.WAV", "film.mov", "film.fr.wav", "film.de.mp3", "film.dubbed.mp4", "no.mkv", "x.wav"]
    for name in [*names, "v1.mp4", "v1.2.mp4", "v1.2.wav", "two/c.mp4", "two/c.wav", "notes.txt"]:
        (folder / name).touch()
    return folder


def _named(listed: JobList) -> set[tuple[str, str, str]]:
    return {(job.inputs["video"].name, job.inputs["speech"].name, job.output.name) for job in listed.jobs}


def test_a_folder_pairs_videos_with_sounds_of_their_name(lessons: Path) -> None:
    listed = read_jobs(str(lessons), {})
    assert _named(listed) == {
        ("a b.mp4", "a b.WAV", "a b.dubbed.mp4"),
        ("film.mov", "film.fr.wav", "film.fr.dubbed.mp4"),
        ("film.mov", "film.de.mp3", "film.de.dubbed.mp4"),
        ("v1.2.mp4", "v1.2.wav", "v1.2.dubbed.mp4"),
    }
    assert listed.notes == tuple(f"{name} is passed over: no sound is named after it" for name in ("no.mkv", "v1.mp4"))
    assert listed.state == lessons / "dubtool.state.jsonl"


def test_a_pattern_goes_down_into_folders(lessons: Path) -> None:
    listed = read_jobs(str(lessons.parent / "l*" / "*" / "*.mp4"), {})
    assert _named(listed) == {("c.mp4", "c.wav", "c.dubbed.mp4")}
    assert listed.state == lessons.parent / "dubtool.state.jsonl"


def test_a_job_is_the_same_in_another_row_and_on_another_device(tmp_path: Path) -> None:
    plain = "a.mp4,b.wav,1,"
    (before,) = read_jobs(_table(tmp_path, f"video,speech,face,crf\n{plain}\n"), {}).jobs
    _, after = read_jobs(_table(tmp_path, f"video,speech,face,crf\nx.mp4,y.wav,,\n{plain}\n"), {"overwrite": True}).jobs
    (other,) = read_jobs(_table(tmp_path, "video,speech,face,crf\na.mp4,b.wav,1,20\n"), {}).jobs
    assert before.key == after.key != other.key


def test_every_flag_of_the_command_may_stand_in_a_row() -> None:
    # A batch shares files out, not one file, and a row names a whole cast.
    own = {"adapt", "devices", "workers", "output", "json", "quiet", "verbose", "help", "dry-run", "progress", "config"}
    own |= {"speaker", "review", "preset", "rate"}  # the one stands for others, the other for a file beside a sequence
    command = typer.main.get_command(app).commands["dub"]  # type: ignore[attr-defined]
    words = [word for parameter in command.params for word in parameter.opts]
    flags = [word.removeprefix("--") for word in words if word.startswith("--") and word.removeprefix("--") not in own]
    assert "from" in flags
    assert [flag for flag in flags if not is_option(KINDS["dub"], flag)] == []


def test_errors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DubtoolError) as caught:
        read_jobs(_table(tmp_path, '[{"a": 1}]', "x.jsonl"), {})
    assert "\n" not in str(caught.value)
