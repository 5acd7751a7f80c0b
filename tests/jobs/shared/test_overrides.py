"""The table of what is said of single stretches: read as spreadsheets write it, refused where it is not understood."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dubtool.errors import InputError, UsageError
from dubtool.jobs.shared.options import DubOptions
from dubtool.jobs.shared.overrides import Override, Overrides, overrides_of, read_overrides


def _read(folder: Path, text: str) -> Overrides:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return read_overrides(path)


def test_rows_are_read_with_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "anna.jpg").write_bytes(b"")
    text = "From;To;Skip;Expression;Face;Note\n0:01,5;3;;0,8;;calmer\n3;4;Yes;;;\n\n4;5;;;anna.jpg;\n"
    first, second, third = _read(tmp_path, text).rows
    assert (first.start, first.stop, first.expression, first.note) == (Fraction(3, 2), Fraction(3), 0.8, "calmer")
    assert first.place == "x.csv, line 2" and first.person == "" and not first.skip
    assert second.skip and second.face == ""
    assert third.face == str(tmp_path / "anna.jpg"), "a picture lies beside the table"
    assert Override(Fraction(3, 2), Fraction(3), "", False, "", 0.8, "calmer").told() == first.told()


def test_a_stretch_holds_the_frames_that_its_rounded_times_mean() -> None:
    # 24 frames a second: the second begins at 0.041666..., which tables call 0.042.
    row = Override(Fraction("0.042"), Fraction("0.125"), skip=True)
    assert row.holds(np.arange(5) / 24).tolist() == [False, True, True, False, False]


def test_options_take_a_file_or_what_it_holds(tmp_path: Path) -> None:
    held = _read(tmp_path, "from,to,skip\n0,1,x\n")
    assert overrides_of(DubOptions(overrides=tmp_path / "x.csv").overrides) == held
    assert overrides_of(DubOptions(overrides=held).overrides) is held
    assert overrides_of(None).rows == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from,to,skip\n,1,yes\n", "line 2: from '' is not a time"),
        ("from,to,skip\n2,1,yes\n", "line 2: it ends at 1 s, not after its start"),
        ("from,to,skip\n0,1,perhaps\n", "line 2: skip 'perhaps' is neither yes nor no"),
        ("from,to,skip,face\n0,1,yes,left\n", "line 2: what is skipped has no face"),
        ("from,to,expression\n0,1,more\n", "line 2: expression 'more' is not a number"),
        ("from,to,expression\n0,1,3\n", "line 2: expression 3 is not between 0 and 2"),
        ("from,to,expresion\n0,1,1\n", "there is no column 'expresion'; overrides have from, to, person"),
        ("from,to,skip\n0,2,yes\n1,3,yes\n", "line 3: x.csv, line 2 speaks of the same time already"),
        ("from,to,person,skip\n0,2,,yes\n1,3,left,yes\n", "line 3: x.csv, line 2 speaks of the same time already"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_row(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        _read(tmp_path, text)


def test_one_time_may_be_spoken_of_for_different_people(tmp_path: Path) -> None:
    assert len(_read(tmp_path, "from,to,person,skip\n0,2,left,yes\n1,3,right,yes\n2,3,left,\n").rows) == 3


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv does not exist"):
        read_overrides(tmp_path / "gone.csv")
