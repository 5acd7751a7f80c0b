"""A drawn person's own frames, deformed: where pixels land, and who is outvoted."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_person import DrawnPerson

from dubtool.face.reference_warp import Picks, Place, Reference, warped_mouth
from dubtool.face.shape import ShapeModel, inner_opening, split_mouth
from dubtool.jobs.shared.cutout import cutout_bytes

ONE = Picks(0, 0, 0.0, ())


def _shapes(model: ShapeModel, *opened: float) -> np.ndarray:
    """Shapes [N, K] of the mode that opens the mouth."""
    shapes = np.zeros((len(opened), model.size))
    shapes[:, 0] = -np.array(opened)
    return shapes


@pytest.fixture(scope="module")
def person(model: ShapeModel) -> DrawnPerson:
    """Hardly open for five frames, then wide open for five."""
    return DrawnPerson(model, _shapes(model, *[0.0] * 5, *[2.0] * 5))


def _own(person: DrawnPerson, row: int, picture: np.ndarray | None = None) -> Place:
    return person.place(row, person.motion.coefficients[row], picture)


def _inside(place: Place) -> np.ndarray:
    return place.weight > 0.98


@pytest.mark.parametrize("eyes", [16.0, 80.0, 160.0])
def test_a_reference_on_its_own_place_gives_its_own_pixels(eyes: float, model: ShapeModel) -> None:
    person = DrawnPerson(
        model, _shapes(model, 0.0, 0.0, 0.0), eyes, (1.8 * eyes + 0.3, 1.5 * eyes + 0.4), int(3.7 * eyes)
    )
    place, references = _own(person, 1), person.references()
    for picks in (replace(ONE, shown=1, next=1), Picks(1, 2, 1 / 3, (0, 2))):
        made = warped_mouth(references, picks, place)
        assert made.shape == place.source.shape and made.dtype == np.float32
        assert np.abs(made - place.source).max() < 2.5
        assert np.abs(made - place.source).mean() < 0.5


def test_a_reference_of_another_size_and_place_lands_on_the_head(model: ShapeModel) -> None:
    far = DrawnPerson(model, _shapes(model, 0.0, 0.0, 0.0), 80.0, (150.0, 120.0), 300)
    near = DrawnPerson(model, _shapes(model, 0.0, 0.0, 0.0), 112.0, (231.5, 166.25), 420)
    place = _own(near, 1)
    made = warped_mouth(far.references(), replace(ONE, shown=1, next=1), place)
    inside = _inside(place)
    assert np.abs(made - place.source)[inside].mean() < 2.5
    for shown, true in zip(_middle_of_lips(made, inside), _middle_of_lips(place.source, inside), strict=True):
        assert shown == pytest.approx(true, abs=0.3)


def _middle_of_lips(picture: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """x and y of what is redder than skin."""
    red = np.clip(picture[..., 0] - picture[..., 1] - 70, 0, None) * inside
    y, x = np.indices(red.shape)
    return float((x * red).sum() / red.sum()), float((y * red).sum() / red.sum())


def _dark_height(picture: np.ndarray, place: Place) -> float:
    """How many px of the column in the mouth's middle show what is between the lips."""
    inner = split_mouth(place.mouth)[1]
    back = cv2.invertAffineTransform(place.to_unit)
    x = round(float((inner @ back[:, :2].T + back[:, 2]).mean(axis=0)[0])) - place.box[0]
    column = picture[:, x - 1 : x + 2, 0].mean(axis=1) / 255
    # Between lips (0.7) and the dark (0.16); the rims count as far as they are dark.
    return float(np.clip((0.7 - column) / (0.7 - 0.16), 0, 1)[_inside(place)[:, x]].sum())


def test_a_mouth_that_the_model_opens_opens_in_the_picture(person: DrawnPerson, model: ShapeModel) -> None:
    references, closed = person.references(), person.motion.coefficients[2]
    wanted = (closed + person.motion.coefficients[7]) / 2
    place = person.place(2, wanted)
    openings = inner_opening(
        model.mouths(np.stack([closed, wanted, person.motion.coefficients[7]]), person.motion.rest)
    )
    ratio = openings * float(np.broadcast_to(person.eyes, 1)[0])
    before = _dark_height(place.source, place)
    assert before == pytest.approx(ratio[0], abs=1.0)
    # From a mouth that is further shut, and from one that is further open.
    for shown in (2, 7):
        made = warped_mouth(references, replace(ONE, shown=shown, next=shown), place)
        assert _dark_height(made, place) == pytest.approx(ratio[1], abs=1.5)
        assert ratio[1] > before + 4


def _spotted(reference: Reference, amount: float, *, sigma: float = 5.0) -> Reference:
    """A reference with a ghost: a soft bright spot beside the mouth's middle."""
    x, y = reference.from_unit[:, :2] @ (0.3, 1.0) + reference.from_unit[:, 2]
    rows, columns = np.indices(reference.picture.shape[:2])
    spot = amount * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    picture = np.clip(reference.picture + spot[..., None], 0, 255).astype(np.uint8)
    return replace(reference, picture=picture)


def test_a_ghost_in_what_is_coarse_is_outvoted(person: DrawnPerson) -> None:
    references, place = person.references()[:5], _own(person, 0)
    clean = warped_mouth(references, ONE, place)
    ghosted = [_spotted(references[0], 60), *references[1:]]
    off = {
        voters: np.abs(warped_mouth(ghosted, replace(ONE, voters=voters), place) - clean).max()
        for voters in ((), (1, 2, 3, 4))
    }
    assert off[()] > 25
    assert off[1, 2, 3, 4] < 0.35 * off[()]
    # Nor is it heard where another one is shown.
    heard = warped_mouth([references[1], ghosted[0], *references[2:]], replace(ONE, voters=(1, 2, 3, 4)), place)
    assert np.abs(heard - clean).max() < 6


def test_fine_detail_is_that_of_the_one_which_is_shown(person: DrawnPerson) -> None:
    """A mole on the shown one alone stays."""
    references, place = person.references()[:5], _own(person, 0)
    moled = [_spotted(references[0], -60, sigma=0.8), *references[1:]]
    picks = replace(ONE, voters=(1, 2, 3, 4))
    kept = warped_mouth(moled, picks, place) - warped_mouth(references, picks, place)
    assert kept.min() < -25


def test_where_one_reference_fades_into_another_both_show(person: DrawnPerson) -> None:
    references, place = person.references()[:2], _own(person, 0)
    clean, spotted = references[0], _spotted(references[1], 60)
    shares = (0.0, 1 / 3, 1.0)
    made = [warped_mouth([clean, spotted], Picks(0, 1, share, ()), place) for share in shares]
    spot = [np.abs(each - made[0]).max() for each in made]
    assert spot[1] == pytest.approx(spot[2] / 3, rel=0.1)


def test_where_others_vote_the_next_reference_does_not_soften_what_is_shown(person: DrawnPerson) -> None:
    references, place = person.references()[:5], _own(person, 0)
    alone, fading = (Picks(0, 1, share, (2, 3, 4)) for share in (0.0, 1 / 3))
    np.testing.assert_array_equal(warped_mouth(references, alone, place), warped_mouth(references, fading, place))


@pytest.mark.parametrize("voters", [(), (0, 1)])
def test_colours_follow_what_is_around_the_mouth(voters: tuple[int, ...], person: DrawnPerson) -> None:
    light = np.array([14, 10, -8], np.float32)
    picture = np.clip(person.picture(2) + light, 0, 255).astype(np.uint8)
    place = _own(person, 2, picture)
    made = warped_mouth(person.references(), Picks(2, 2, 0.0, voters), place)
    apart = (made - place.source)[_inside(place)].mean(axis=0)
    assert (np.abs(apart) < 0.35 * np.abs(light)).all(), "the light was not taken over"


@pytest.mark.parametrize(("shown", "voter"), [(0, 3), (3, 0)])
def test_references_from_a_zoom_vote_together(shown: int, voter: int, model: ShapeModel) -> None:
    """Far away pictures are voted on as they are, near ones shrunken; on the way both are at hand."""
    eyes = np.array([70.0, 70.0, 140.0, 140.0])
    person = DrawnPerson(model, _shapes(model, *[0.0] * 4), eyes, (260.0, 200.0), 520)
    references = person.references()
    assert references[0].shrink < references[3].shrink
    place = _own(person, shown)
    made = warped_mouth(references, Picks(shown, shown, 0.0, (voter,)), place)
    assert np.abs(made - place.source)[_inside(place)].mean() < 2.5


def test_the_bytes_of_a_reference_are_known_before_it_is_cut(person: DrawnPerson) -> None:
    taken = np.mean([reference.picture.nbytes for reference in person.references()])
    assert cutout_bytes(person.motion) == pytest.approx(taken, rel=0.35)


def test_a_cut_out_shows_the_frames_own_pixels_where_it_says(person: DrawnPerson) -> None:
    reference, unit = person.references()[7], person.motion.unit[7]
    picture = person.picture(7)
    corner = reference.from_unit[:, 2] - cv2.invertAffineTransform(unit)[:, 2]
    x, y = np.rint(-corner).astype(int)
    height, width = reference.picture.shape[:2]
    assert np.allclose(corner, (-x, -y), atol=1e-6)
    np.testing.assert_array_equal(reference.picture, picture[y : y + height, x : x + width])
    inner = split_mouth(reference.control[: len(reference.modelled)])[1]
    points = np.rint(inner @ reference.from_unit[:, :2].T + reference.from_unit[:, 2]).astype(int)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [points], 1)
    assert reference.picture[cv2.erode(mask, np.ones((5, 5))) > 0].mean() < 40, "the inner lip is not where it is said"


@pytest.mark.parametrize("middle", [(150.0, 215.0), (20.0, 120.0)])
def test_faces_may_reach_over_the_frames_edge(middle: tuple[float, float], model: ShapeModel) -> None:
    person = DrawnPerson(model, _shapes(model, 0.0, 0.0, 0.0), 80.0, middle, 300)
    place, references = _own(person, 1), person.references()
    made = warped_mouth(references, Picks(1, 1, 0.0, (0, 2)), place)
    assert np.abs(made - place.source)[place.weight > 0].max() < 2
