"""A person's own frames, deformed until they show the mouth that is wanted: no network draws a pixel of it.

Where each pixel comes from is one map from the picture to the decoded reference, so that everything is sampled once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from dubtool.face.blend import Surroundings, weighed
from dubtool.face.deformation import ThinPlate, dense_map
from dubtool.face.shape import MOUTH
from dubtool.face.topology import tracked
from dubtool.media.sampling import Box

# Points that tie a mouth to the head it is put on: nose, cheeks, temples, sides of the face.
RIM = (168, 197, 5, 4, 98, 97, 2, 326, 327, 50, 280, 205, 425, 203, 423, 234, 454, 127, 356, 162, 389, 93, 323)
CONTROL = tracked(MOUTH + RIM)
# The first of them are the mouth's.
MOUTH_POINTS = len(MOUTH)
# The part of RIM on the nose, the cheeks and the face's sides: between them and the jaw all is face.
SKIN = tuple(
    MOUTH_POINTS + RIM.index(point)
    for point in (197, 5, 4, 98, 97, 2, 326, 327, 50, 280, 205, 425, 203, 423, 234, 454, 93, 323)
)
# The points of CONTROL whose hull is the lower face, and where tracks have them.
LOWER_FACE = (*range(MOUTH_POINTS), *SKIN)
TRACKED_LOWER_FACE = CONTROL[list(LOWER_FACE)]
# How far the spline may miss the landmarks' jitter, in squared face radii.
STIFFNESS = 0.002
# Detail coarser than this, in sides of the mouth box, is voted on by several references; finer detail is one's alone.
_LOW_BAND = 0.016
# How closely references must agree with their median to be heard, levels of 255, looked at over so many sides.
_AGREEMENT, _AGREEMENT_REACH = 4.0, 0.012
# What is voted on is coarse: of its deformation fewer nodes will do.
_VOTE_NODES = 20
# The shrunken pictures that are voted on hold detail down to this deviation of a blur, in px of their own.
_SMALL_SIGMA = 1.2
_MEAN = np.full((1, 3), 1 / 3, np.float32)


@dataclass(frozen=True)
class Reference:
    """One of the person's own frames, cut out around the mouth.

    picture: uint8 [h, w, 3] RGB, the decoded frame's own pixels. from_unit: unit crop to px of `picture` [2, 3].
    control: where the landmarks CONTROL are, in the unit crop float32 [55 + R, 2]. modelled: where the shape model has
    the mouth's [55, 2]. shrink: by how much `small` is shrunken.
    """

    picture: np.ndarray
    from_unit: np.ndarray
    control: np.ndarray
    modelled: np.ndarray
    shrink: int

    @cached_property
    def small(self) -> np.ndarray:
        """The picture averaged over `shrink` x `shrink` pixels."""
        height, width = self.picture.shape[:2]
        size = (max(1, width // self.shrink), max(1, height // self.shrink))
        whole = self.picture[: size[1] * self.shrink, : size[0] * self.shrink]
        return self.picture if self.shrink == 1 else cv2.resize(whole, size, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class Picks:
    """References of one frame, by their numbers: the one that is shown, the one that it fades into with `share` 0..1
    where nobody votes, and those that vote on what is coarse."""

    shown: int
    next: int
    share: float
    voters: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """Where a mouth is to be put.

    box: picture px. source: float32 [h, w, 3], what is there. weight: [h, w] 0..1, how much of the new mouth shows.
    to_unit: picture px to the unit crop [2, 3]. mouth: the wanted mouth in the unit crop [55, 2]. rim: where the head's
    RIM is there [R, 2]. beyond: see `Frame.rgb_and_beyond`; of no use where nothing is blended. stiffness: how far the
    landmarks may be missed, in squared face radii.
    """

    box: Box
    source: np.ndarray
    weight: np.ndarray
    to_unit: np.ndarray
    mouth: np.ndarray
    rim: np.ndarray
    beyond: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 1), np.float32))
    stiffness: float = STIFFNESS

    @property
    def side(self) -> float:
        """Side of the mouth box, picture px."""
        return 2 / float(np.sqrt(abs(np.linalg.det(self.to_unit[:, :2]))))


def shrink_for(side: float) -> int:
    """By how much pictures may be shrunken to vote on, for a mouth box of `side` px."""
    return max(1, round(_LOW_BAND * side / _SMALL_SIGMA))


def warped_mouth(references: Sequence[Reference], picks: Picks, place: Place, *, relit: bool = True) -> np.ndarray:
    """The wanted mouth float32 [h, w, 3] over the place's box, in the colours of what is around it. relit: in its light
    where that is another one, too; what covers a face would be taken for light."""
    shown = references[picks.shown]
    where = _map(shown, place)
    made = _sampled(shown.picture, where)
    # Where several vote on what is coarse, it changes softly as it is, and two fine bands would make teeth soft.
    if picks.share > 0 and not picks.voters:
        beside = references[picks.next]
        made += np.float32(picks.share) * (_sampled(beside.picture, _map(beside, place)) - made)
    shrink = shown.shrink
    height, width = place.weight.shape
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    source, weight, small = (_shrunken(each, size) for each in (place.source, place.weight, made))
    side = place.side / shrink
    around = Surroundings(source, weight, side)
    light = around.light(small) if relit else None
    if light is not None:
        made, small = light.on(made), light.on(small)
    settled = coloured = around.matched(small)
    if picks.voters:
        votes = [coloured]
        for vote in _voted(shown, [references[number] for number in picks.voters], place, size):
            light = around.light(vote)
            votes.append(around.matched(vote if light is None else light.on(vote)))
        settled = coloured + _blurred(_vote(votes, side) - coloured, _LOW_BAND * side)
    change = cv2.resize(settled - small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(made + change)


def _map(reference: Reference, place: Place) -> np.ndarray:
    """Where each pixel of the place's box comes from in the reference: float32 [h, w, 2]."""
    spline = ThinPlate(_wanted(reference, place), reference.control, place.stiffness)
    return dense_map(spline, place.to_unit, reference.from_unit, place.box)


def _wanted(reference: Reference, place: Place) -> np.ndarray:
    """Where the reference's landmarks go, in the unit crop [55 + R, 2]."""
    # What the modes do not know of this person stays: the landmarks move by what the model's mouths differ.
    return np.concatenate([reference.control[:MOUTH_POINTS] + place.mouth - reference.modelled, place.rim])


def resized_to_unit(to_unit: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """From px of a picture's box, resized to width and height `size`, to the unit crop [2, 3]. to_unit: from the
    picture's."""
    x0, y0, x1, y1 = box
    steps = np.array([(x1 - x0) / size[0], (y1 - y0) / size[1]])
    # Edges on edges: pixels' middles lie at whole numbers.
    offset = to_unit[:, :2] @ (np.array([x0, y0]) + (steps - 1) / 2) + to_unit[:, 2]
    return np.column_stack([to_unit[:, :2] * steps, offset])


def _voted(shown: Reference, voters: Sequence[Reference], place: Place, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """What other references make of a place, float32 [h, w, 3] of width and height `size`."""
    # What the modes do not know differs little between frames of one person. By so much each value is moved instead of
    # its point: all maps are known at the same points, and are one system of equations.
    unknown = shown.control[:MOUTH_POINTS] - shown.modelled
    values = np.stack([np.concatenate([one.modelled + unknown, one.control[MOUTH_POINTS:]]) for one in voters])
    spline = ThinPlate(_wanted(shown, place), values, place.stiffness)
    from_unit = np.stack([one.from_unit for one in voters])
    maps = dense_map(spline, resized_to_unit(place.to_unit, place.box, size), from_unit, (0, 0, *size), _VOTE_NODES)
    for one, where in zip(voters, maps, strict=True):
        # References of a zoom are shrunken by more or less than the picture is.
        yield _sampled(one.small, (where - (one.shrink - 1) / 2) / one.shrink)


def _vote(pictures: Sequence[np.ndarray], side: float) -> np.ndarray:
    """Mean of pictures [h, w, 3], each heard as far as it is near their median: one ghost is outvoted."""
    middle = _median(pictures)
    total, weights = np.zeros_like(middle), np.zeros(middle.shape[:2], np.float32)
    for each in pictures:
        apart = cv2.transform(cv2.absdiff(each, middle), _MEAN)
        weight = cv2.exp(_blurred(apart, _AGREEMENT_REACH * side) * np.float32(-1 / _AGREEMENT))
        total += weighed(each, weight)
        weights += weight
    return weighed(total, 1 / weights)


def _median(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """The median of every sample; by sorting whole pictures, which is ten times as fast for few."""
    ordered = list(pictures)
    count = len(ordered)
    for last in range(count - 1, count // 2 - 1, -1):
        for number in range(last):
            one, other = ordered[number], ordered[number + 1]
            ordered[number], ordered[number + 1] = cv2.min(one, other), cv2.max(one, other)
    middle = ordered[count // 2]
    return middle if count % 2 else (middle + _largest(ordered[: count // 2])) / 2


def _largest(pictures: Sequence[np.ndarray]) -> np.ndarray:
    found = pictures[0]
    for each in pictures[1:]:
        found = cv2.max(found, each)
    return found


def _sampled(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    # Values below 0 and above 255 that cubic sampling makes are cut off once, in the end.
    where = np.ascontiguousarray(where, np.float32)
    sampled = cv2.remap(picture, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(sampled, np.float32)


def _shrunken(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3))
