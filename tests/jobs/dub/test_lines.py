"""Rows of a cast fitted to their places: what is stretched, slowed down, cut, and refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubtool.errors import UsageError
from dubtool.jobs.dub.film_clock import FilmClock
from dubtool.jobs.dub.lines import Line, Speeches, clock_of, notes_on
from dubtool.jobs.shared.cast import Cast, CastRow, Fit
from dubtool.jobs.shared.frame_timeline import plan_timeline

FILM = Fraction(6)
RATE = 16000


def _speeches(folder: Path, *rows: CastRow) -> Speeches:
    """row.speech: the name of a sound of one, two or three seconds."""
    (folder / "work").mkdir()
    for seconds in (1, 2, 3):
        tone = np.sin(np.arange(seconds * RATE) / 9) * 0.3
        soundfile.write(folder / f"{seconds}.wav", tone, RATE, subtype="PCM_16")
    return Speeches(Cast(rows), lambda path: folder / path, folder / "work")


def _row(seconds: int, start: float = 0, stop: float | None = None, **more: object) -> CastRow:
    end = None if stop is None else Fraction(str(stop))
    return CastRow("left", Path(f"{seconds}.wav"), Fraction(str(start)), end, **more)  # type: ignore[arg-type]


def _line(folder: Path, row: CastRow, fit: Fit = "none") -> Line:
    return _speeches(folder, row).lines(FILM, fit)[0]


def test_without_an_end_a_place_is_as_long_as_the_speech(tmp_path: Path) -> None:
    line = _line(tmp_path, _row(2, 1), "stretch")
    assert (line.start, line.stop, line.tempo) == (1, 3, 1)
    assert notes_on([line], 1.0) == []


def test_a_stretched_speech_fills_its_place(tmp_path: Path) -> None:
    line = _line(tmp_path, _row(2, 1, 2.8), "stretch")
    assert line.tempo == Fraction(10, 9) and line.length == Fraction(9, 5)
    assert notes_on([line], 1.0) == [
        "row 1 of the cast: 2.wav (2.00 s) is played 11.1% faster to fit its place (1.80 s)"
    ]
    assert line.told(FilmClock())["tempo"] == 1.1111


def test_the_row_says_it_and_not_the_job(tmp_path: Path) -> None:
    assert _line(tmp_path, _row(2, 1, 2.8, fit="none"), "stretch").tempo == 1


@pytest.mark.parametrize(("stop", "told"), [(1.6, "squeezed by 20%"), (2.4, "stretched by 20%")])
def test_nobody_is_stretched_beyond_what_is_heard(tmp_path: Path, stop: float, told: str) -> None:
    with pytest.raises(UsageError, match=rf"row 1 of the cast: 2\.wav \(2\.00 s\) would be {told}.*15% is the most"):
        _line(tmp_path, _row(2, 0, stop), "stretch")


def test_a_speech_alone_is_fitted_to_the_film(tmp_path: Path) -> None:
    speeches = _speeches(tmp_path, _row(2, to_end=True))
    assert speeches.lines(Fraction(9, 5), "stretch")[0].tempo == Fraction(10, 9)
    assert clock_of(speeches.lines(Fraction(1), "slow-picture")).at(Fraction(1)) == 2


def test_what_is_cut_is_told(tmp_path: Path) -> None:
    line = _line(tmp_path, _row(2, 0, 1.5))
    assert notes_on([line], 0.5) == [
        "row 1 of the cast: 2.wav (2.00 s) is 0.50 s longer than its place and cut; fit it (stretch, slow-picture)",
        "the speeches together are too loud: all are turned down by 6.0 dB",
    ]


def test_parts_of_a_speech_are_meant_to_be_parts(tmp_path: Path) -> None:
    line = _line(tmp_path, _row(3, 1, 2, offset=Fraction(1)), "stretch")
    assert (line.tempo, line.fit, notes_on([line], 1.0)) == (1, "none", [])
    with pytest.raises(UsageError, match="lasts 3 s, and is to be heard from 3 s"):
        _speeches_again(tmp_path, _row(3, 1, 2, offset=Fraction(3)))


def _speeches_again(folder: Path, row: CastRow) -> None:
    (folder / "again").mkdir()
    _line(folder / "again", row)


def test_what_ends_after_the_film_is_refused(tmp_path: Path) -> None:
    speeches = _speeches(tmp_path, _row(2, 4.05), _row(1, 2, 3))
    assert speeches.lines(FILM, "none")[0].stop == FILM, "a codec's last frame is no reason"
    with pytest.raises(UsageError, match=r"row 1 of the cast: 2\.wav would end at 6\.05 s, and the film at 5\.90 s"):
        speeches.lines(Fraction(59, 10), "none")
    with pytest.raises(UsageError, match=r"row 2 of the cast: it ends at 3\.00 s"):
        _line_of_second(speeches)


def _line_of_second(speeches: Speeches) -> None:
    first, second = speeches.cast.rows
    object.__setattr__(speeches.cast, "rows", (second, first))
    speeches.lines(Fraction(2), "none")


def test_the_picture_is_slowed_down_where_a_speech_is_longer(tmp_path: Path) -> None:
    speeches = _speeches(tmp_path, _row(3, 1, 3, fit="slow-picture"), _row(1, 4, 5), _row(1, 5, 6, fit="slow-picture"))
    lines = speeches.lines(FILM, "none")
    clock = clock_of(lines)
    assert [clock.at(Fraction(time)) for time in (0, 1, 2, 3, 4, 6)] == [0, 1, Fraction(5, 2), 4, 5, 7]
    assert clock.added == 1 and lines[0].told(clock)["slowed"] == 1.5
    assert [lines[1].told(clock)[name] for name in ("from", "to")] == [5, 6]
    assert len(notes_on(lines, 1.0)) == 1 and "slowed down by 50.0% from 1.00 s on" in notes_on(lines, 1.0)[0]
    step = Fraction(1, 4)
    plain = plan_timeline([step * n for n in range(24)], [step] * 24, FILM, length="video", loop="hold")
    slow = clock.slow(plain)
    assert slow.duration == 7 and slow.times[6] == Fraction(7, 4) and len(slow) == 24
    assert slow.durations[6] == Fraction(3, 8) and slow.durations[0] == step and sum(slow.durations) == 7
    assert FilmClock().slow(plain) is plain


def test_two_cannot_slow_the_picture_down_at_one_time(tmp_path: Path) -> None:
    other = CastRow("right", Path("2.wav"), Fraction(2), Fraction(3), "slow-picture")
    lines = _speeches(tmp_path, _row(3, 1, 3, fit="slow-picture"), other).lines(FILM, "none")
    with pytest.raises(UsageError, match="row 2 of the cast: the picture is slowed down for row 1 of the cast"):
        clock_of(lines)


def test_each_person_is_heard_at_their_times_alone(tmp_path: Path) -> None:
    speeches = _speeches(tmp_path, _row(1, 2), _row(2, 4, 5.9, fit="stretch"))
    lines = speeches.lines(FILM, "none")
    sound = speeches.of_person(lines, FilmClock(), FILM)
    heard, _ = soundfile.read(sound.path)
    one, _ = soundfile.read(tmp_path / "1.wav")
    assert sound.samples == len(heard) == 6 * RATE
    assert np.array_equal(heard[2 * RATE : 3 * RATE], one.astype(np.float32))
    assert not heard[: 2 * RATE].any() and not heard[3 * RATE : 4 * RATE].any()
    assert np.abs(heard[round(5.8 * RATE) : round(5.89 * RATE)]).max() > 0.1
    assert np.abs(heard[round(5.9 * RATE) :]).max() == 0
    mixed, gain = speeches.mix(lines, FilmClock(), FILM)
    assert gain == 1 and np.abs(soundfile.read(mixed)[0] - heard).max() < 0.01
