"""Axis and middle of a scanner, found in singles of rings and panels that stand anywhere."""

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.petnet.reading.placement import Placement, PlacementSurvey, placement_of


def ring(n=20_000, radius=100.0, length=130.0, seed=0, low=0.0, high=2 * np.pi):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(low, high, n)
    # A source far off the axis: one side has more singles.
    kept = rng.random(n) < 0.6 + 0.4 * np.cos(angle)
    r = radius + rng.exponential(5.0, n)
    return np.stack([r * np.cos(angle), r * np.sin(angle), rng.uniform(-length / 2, length / 2, n)])[:, kept]


def panels(n=20_000, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice([-75.0, 75.0], n), *rng.uniform(-70, 70, (2, n))])


def examples(place, row=100):
    counts = np.diff(np.append(np.arange(0, place.shape[1], row), place.shape[1]))
    return {"n_owned": counts.astype(np.int32), "time": Ragged.from_counts(np.arange(place.shape[1]) * 1e-9, counts),
            **{name: Ragged.from_counts(of.astype(np.float32), counts) for name, of in zip("xyz", place, strict=True)}}


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("length", [20.0, 130.0, 350.0, 1000.0])
def test_axis_and_middle_of_a_ring_are_found_and_taken_away(axis, length):
    local = ring(length=length)
    centre = np.array([300.0, -40.0, 120.0])
    place = np.roll(local, axis + 1, axis=0) + centre[:, None]
    found = placement_of(examples(place))
    assert found.axis == axis
    assert found.centre == pytest.approx(centre, abs=0.02 * length if length > 300 else 1.5)
    assert found.radius == pytest.approx(np.median(np.hypot(*local[:2])), rel=0.02)
    placed = np.stack([found.placed(examples(place))[name].flat for name in "xyz"])
    assert np.abs(placed - local).max() < 1.5 + 0.02 * length


def test_a_ring_at_the_origin_is_left_as_it_is():
    found = placement_of(examples(ring()))
    assert found.usual and found.placed(examples(ring()))["x"].flat.tolist() == examples(ring())["x"].flat.tolist()


def test_lines_keep_their_handedness():
    place = np.array([[1.0, 0, 0], [0, 2.0, 0], [0, 0, 3.0]]).T
    for axis in (0, 1, 2):
        turned = Placement(axis).placed(examples(place))
        matrix = np.stack([turned[name].flat for name in "xyz"])
        assert np.linalg.det(matrix) == pytest.approx(6.0)
        assert matrix[2].argmax() == axis


def test_panels_are_taken_along_z():
    assert placement_of(examples(panels())).usual


def test_what_is_stated_is_taken():
    found = placement_of(examples(ring()), "y", (1.0, 2.0, 3.0))
    assert found.axis == 1 and found.centre == (1.0, 2.0, 3.0)


def test_what_is_found_does_not_depend_on_how_slices_come():
    slices, found = examples(np.roll(ring(), 1, axis=0) + 50.0), []
    for step in (200, 7):
        survey = PlacementSurvey()
        for start in range(0, len(slices["n_owned"]), step):
            survey.add(slice_rows(slices, start, min(start + step, len(slices["n_owned"]))))
        found.append(survey.placement())
    assert found[0] == found[1]
    assert "axis x, middle at (50" in str(found[0])


def test_too_few_singles_stand_at_the_origin():
    assert PlacementSurvey().placement() == Placement()
    assert placement_of(examples(ring(50) + 300.0)).usual
