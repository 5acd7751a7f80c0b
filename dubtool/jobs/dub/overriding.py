"""What is said of single stretches of a dub, brought to the people whom it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from dubtool.errors import UsageError
from dubtool.jobs.dub.lines import naming
from dubtool.jobs.shared.overrides import Override, Overrides
from dubtool.tracking.person import Chosen


class Overriding:
    """Overrides of a dub. known: finds a person by what they are called, always the same object for one person.

    Raises:
        UsageError: a row begins after the result's `end` (seconds).
    """

    def __init__(self, overrides: Overrides, known: Callable[[str], Chosen], end: Fraction) -> None:
        overrides.check_end(end)
        self.rows, self._known = overrides.rows, known

    def about(self, row: Override, chosen: Chosen) -> bool:
        """Whether a row is about somebody. Raises UsageError, NoFaceError, InputError: it names nobody."""
        with naming(row):
            return not row.person or self._known(row.person) is chosen

    def giving(self, row: Override) -> Chosen:
        """Who is to speak instead. Raises as `about`."""
        with naming(row):
            return self._known(row.face)

    def of(self, chosen: Chosen) -> tuple[Override, ...]:
        """The rows about one person. Raises as `about`."""
        return tuple(row for row in self.rows if self.about(row, chosen))

    def check(self, dubbed: Sequence[Chosen]) -> None:
        """Raise UsageError where a row is about nobody who is dubbed, or else as `about`."""
        for row in self.rows:
            if not any(self.about(row, chosen) for chosen in dubbed):
                raise UsageError(f"{row.place}: {row.person} is not dubbed here: name somebody who is, or nobody")
