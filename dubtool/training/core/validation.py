"""What validations of networks that draw share: whose clips, the sheet of pictures, and the part that was redrawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

T = TypeVar("T")


def people_in_turn(clips: Iterable[T], person: Callable[[T], str], count: int) -> list[T]:
    """`count` clips, of all people in turn; one who has few comes with the same again."""
    people: dict[str, list[T]] = {}
    for clip in clips:
        people.setdefault(person(clip), []).append(clip)
    return [group[turn % len(group)] for turn in range(count) for group in people.values()][:count]


def write_sheet(sheet: Path, columns: Sequence[np.ndarray], across: int) -> None:
    """A PNG of pictures RGB uint8 [H, W, 3], all of one size, `across` of them in a row; a last row that is not full is
    left out unless it is the only one."""
    rows = [columns[start : start + across] for start in range(0, len(columns) - across + 1, across)]
    picture = np.concatenate([np.concatenate(row, axis=1) for row in rows or [columns]])
    cv2.imwrite(str(sheet), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def reached_box(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that a mask [H, W] reaches."""
    rows, columns = (np.flatnonzero((mask > 0).any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of every score over all samples."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
