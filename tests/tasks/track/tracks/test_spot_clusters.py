"""Beam spots of a frame, told apart where they lie well apart, and never one taken for two."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.tracks.spot_clusters import nearest_spot, spot_clusters, spot_of_hit

FRAMES = 200


def beam(rng, n):
    """Return places in a Gaussian spot of width 1 with a tail, as behind a phantom."""
    return np.where(rng.random((n, 1)) < 0.85, rng.normal(0, 1, (n, 2)), rng.normal(0, 4, (n, 2)))


def clustered(make, seed=0):
    rng = np.random.default_rng(seed)
    frames = [make(rng) for _ in range(FRAMES)]
    place, frame = np.concatenate(frames), np.repeat(np.arange(FRAMES), [len(f) for f in frames])
    return place, frame, *spot_clusters(place, frame, FRAMES)


@pytest.mark.parametrize("n", [0, 1, 20, 60, 300])
def test_one_spot_stays_one(n) -> None:
    _, frame, spot, counts = clustered(lambda rng: beam(rng, n))
    assert (counts == 1).mean() > 0.99
    if (counts == 1).all():
        np.testing.assert_array_equal(spot, frame)


@pytest.mark.parametrize(("apart", "least", "most"), [(2, 0, 0.01), (3, 0, 0.01), (4, 0, 0.1), (6, 0.7, 1), (8, 0.95, 1), (10, 0.99, 1)])
def test_two_spots_are_told_apart_from_their_distance_on(apart, least, most) -> None:
    n, step = 40, apart * np.array([0.6, -0.8])
    _, frame, spot, counts = clustered(lambda rng: np.concatenate([beam(rng, n), beam(rng, 2 * n) + step]))
    two = counts == 2
    assert least <= two.mean() <= most and (counts <= 2).mean() > 0.99
    if least > 0.9:
        second = np.tile(np.arange(3 * n) >= n, FRAMES)
        number = spot - (np.cumsum(counts) - counts)[frame]
        right = [max((number[of] == second[of]).mean(), (number[of] != second[of]).mean()) for of in (frame == f for f in np.flatnonzero(two))]
        assert np.mean(right) > 0.93


def test_three_spots_are_three_in_any_order_and_place() -> None:
    corners = np.array([[0, 0], [30, 2], [5, -40]])
    place, frame, _, counts = clustered(lambda rng: np.concatenate([beam(rng, 40) + corner for corner in corners]))
    assert (counts == 3).mean() > 0.9
    order = np.lexsort((np.random.default_rng(5).random(len(place)), frame))
    turned = place[order] @ np.array([[0.6, 0.8], [-0.8, 0.6]]) + [7, 100]
    _, again = spot_clusters(turned, frame[order], FRAMES)
    assert (again == counts).mean() > 0.98


def hits(places, layers, **columns):
    counts = [len(p) for p in places]
    flat = np.concatenate(places)
    of_hits = {"x": flat[:, 0], "y": flat[:, 1], "layer": np.concatenate(layers)}
    return {**{name: Ragged.from_counts(values, np.array(counts)) for name, values in of_hits.items()}, **columns}


def test_hits_belong_to_the_spot_that_is_nearest_to_them() -> None:
    rng = np.random.default_rng(3)
    first = np.concatenate([beam(rng, 60), beam(rng, 60) + np.array([40, 0])])
    single = beam(rng, 90)
    behind = np.array([[-3.0, 1.0], [41.0, 2.0], [22.0, 0.0], [18.0, 0.0]])
    examples = hits([single, np.concatenate([first, behind])], [np.zeros(90), np.concatenate([np.zeros(120), np.full(4, 9)])])
    spot = spot_of_hit(examples)
    assert len(np.unique(spot)) == 3 and (spot[:90] == spot[0]).all()
    left, right = spot[90], spot[90 + 60]
    assert spot[-4:].tolist() == [left, right, right, left] and left != right
    # Of a file that gives the one spot of each frame, nothing is looked for.
    assert spot_of_hit(examples | {"spot_given": np.ones(2, bool)}).tolist() == np.repeat([0, 1], [90, 124]).tolist()


def test_several_hits_of_each_particle_make_no_spots_of_few() -> None:
    rng = np.random.default_rng(7)
    places = [np.tile(beam(rng, 30), (3, 1)) for _ in range(FRAMES)]
    spot = spot_of_hit(hits(places, [np.repeat([0, 1, 2], 30)] * FRAMES))
    assert len(np.unique(spot)) <= 1.01 * FRAMES


def test_the_nearest_spot_is_that_of_a_search() -> None:
    rng = np.random.default_rng(2)
    spots = Ragged.from_counts(rng.normal(0, 5, (12, 2)), np.array([1, 4, 2, 5]))
    place, frame = rng.normal(0, 5, (300, 2)), np.sort(rng.integers(0, 4, 300))
    expected = [spots.offsets[f] + np.argmin(np.linalg.norm(spots[f] - p, axis=1)) for p, f in zip(place, frame, strict=True)]
    np.testing.assert_array_equal(nearest_spot(place, frame, spots), expected)
