"""Lists as office programs, editors and hands write them."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import pytest

from dubtool.batch.table import read_jobs
from dubtool.errors import DubtoolError, InputError, UsageError
from dubtool.jobs.shared.rows import read_rows

COLUMNS = ("video", "speech")
PLAIN = "video{0}speech{0}output\nfilm.mp4{0}größe.wav{0}a b.mp4\n"
EXPECTED = [{"video": "film.mp4", "speech": "größe.wav", "output": "a b.mp4"}]


def written(folder: Path, content: bytes | str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path: Path) -> list[dict[str, object]]:
    return [row for _, row in read_rows(path, COLUMNS, "job, video, speech, output, or a flag")]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp850", "mac_roman"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_way_an_office_program_saves_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "größe.wav").touch()
    for delimiter, line_end in itertools.product((",", ";", "\t"), ("\n", "\r\n", "\r")):
        text = PLAIN.format(delimiter).replace("\n", line_end)
        assert rows(written(tmp_path, text.encode(encoding))) == EXPECTED, (delimiter, line_end)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("cp1251", "речь.wav"),
        ("cp1250", "řeč.wav"),
        ("cp1253", "λόγος.wav"),
        ("cp932", "音声.wav"),
        ("gb18030", "语音.wav"),
    ],
)
def test_the_code_page_is_the_one_whose_names_are_files(tmp_path: Path, page: str, name: str) -> None:
    (tmp_path / name).touch()
    content = f"video,speech,output\nfilm.mp4,{name},{name}.mp4\n".encode(page)
    assert rows(written(tmp_path, content)) == [{"video": "film.mp4", "speech": name, "output": f"{name}.mp4"}]


def test_cp1252_stands_for_a_page_that_nothing_tells(tmp_path: Path) -> None:
    assert rows(written(tmp_path, PLAIN.format(",").encode("cp1252"))) == EXPECTED


def test_names_that_are_no_text_stay_bytes(tmp_path: Path) -> None:
    name = b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert rows(written(tmp_path, b"video,speech\nfilm.mp4,caf\xe9.wav\n")) == [{"video": "film.mp4", "speech": name}]


def test_json_lines_in_utf_16_and_with_capitals(tmp_path: Path) -> None:
    path = written(tmp_path, '{"Video": "a.mp4", "SPEECH": "größe.wav"}\r\n\r\n'.encode("utf-16"))
    assert rows(path) == [{"video": "a.mp4", "speech": "größe.wav"}]


@pytest.mark.parametrize(
    "text",
    [
        "video;speech\r\na.mp4;b.wav\r\n;\r\n;;;\r\n \r\n\r\n",
        ";;;\r\n\r\nvideo;speech;;\r\n;;;\r\na.mp4;b.wav;;;;\r\n",
        "sep=;\r\nvideo;speech\r\na.mp4;b.wav\r\n",
        "SEP=|\r\nvideo|speech\r\na.mp4|b.wav\r\n",
        '"sep=;"\nvideo;speech\na.mp4;b.wav\n',
        " Video ;SPEECH\na.mp4;b.wav\n",
        '"video","speech"\n"a.mp4","b.wav"\n',
        "video, speech\na.mp4, b.wav",
    ],
)
def test_what_holds_nothing_is_passed_over_and_capitals_count_for_nothing(tmp_path: Path, text: str) -> None:
    assert rows(written(tmp_path, text)) == [{"video": "a.mp4", "speech": "b.wav"}]


def test_places_are_lines_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "sep=;\n\nvideo;speech\n;\na.mp4;b.wav\n")
    assert [place for place, _ in read_rows(path, COLUMNS)] == ["list.csv, line 5"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('video,speech,output\nf.mp4,f.wav,"o1.mp4\nf.mp4,f.wav,o2.mp4\n', "line 2: a quote is not closed"),
        ('video,speech,output\nf.mp4,f.wav,"o1.mp4\nf.mp4,f.wav,"o2.mp4"\n', "line 2: a quote is not closed"),
        ('video,speech,output\nf.mp4,"f.wav,1\ng.mp4,g.wav",2\n', "line 2: a value goes on over the end of the line"),
        ("video,speech\nf.mp4," + '"' + "x" * 200_000, "line 2: a quote is not closed"),
        ("film.mp4;french.wav;o.mp4\n", "line 1: the first row has to name the columns (job, video, speech, output"),
        ("film.mp4;french.wav;o.mp4\n", "'film.mp4' is none"),
        ("video,speech,Video\na,b,c\n", "line 1: two columns are called 'video'"),
        ("video,speech,\na.mp4,b.wav,note\n", "line 2: 'note' stands in a column that has no name"),
        ("video,speech\na.mp4,b.wav,note\n", "line 2: more values than there are columns"),
        ('[{"video": "a.mp4"},\n {"video": "b.mp4"}]\n', "JSON array: write JSON Lines"),
        ('{\n  "video": "a.mp4"\n}\n', "line 1: not JSON"),
        ('{"video": ' + "[" * 100_000 + "\n", "line 1: not JSON (too deep)"),
        ('{"video": ' + "9" * 5000 + "}\n", "line 1: not JSON (a number is too long)"),
        ('{"video": "a\\u0000.mp4"}\n', "video holds a character that no file name can have"),
        ('{"video": "a\\ud800.mp4"}\n', "video holds a character that no file name can have"),
    ],
)
def test_what_is_not_understood_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        rows(written(tmp_path, text))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "is a workbook"),
        (b"<?xml version='1.0'?><Workbook/>", "markup"),
        (rb"{\rtf1\ansi video,speech}", "markup"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt \x00", "not a text file"),
        (b"\xff\xfe\x00\xd8", "not a text file"),
    ],
)
def test_files_that_are_no_lists_are_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "list.xlsx"
    workbook(path) if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        rows(path)
    assert "\n" not in str(caught.value)


def test_a_spreadsheet_of_jobs_with_capitals(tmp_path: Path) -> None:
    text = "Job;Video;Speech;Preview;CRF\nDub;a.mp4;b.wav;TRUE;20\n;;;;\nRestore-Teeth;c.mp4;;;\n"
    dubbed, restored = read_jobs(str(written(tmp_path, text)), {}).jobs
    assert (dubbed.kind, dubbed.options, restored.kind) == ("dub", {"preview": True, "crf": 20}, "restore-teeth")


def test_no_bytes_end_in_anything_but_one_line(tmp_path: Path) -> None:
    pieces = [b'"', b",", b";", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xfe\xff", b"video", b"{", b"[", b"sep=", b"\xe9"]
    for number in range(400):
        content = b"".join(pieces[(number * 7919 + place * place * 31) % len(pieces)] for place in range(number % 9))
        try:
            read_jobs(str(written(tmp_path, content)), {})
        except DubtoolError as error:
            assert "\n" not in str(error)
