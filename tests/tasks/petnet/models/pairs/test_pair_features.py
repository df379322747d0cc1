"""What the network sees of pairs: the same for both orders of the singles, and where the object is does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pphysml.tasks.petnet.coincidences.candidates import Candidates, candidates
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.likelihood.ends import LARGEST, Ends, ends_of
from pphysml.tasks.petnet.likelihood.line_kernel import LIGHT
from pphysml.tasks.petnet.likelihood.survey import mixture_of
from pphysml.tasks.petnet.likelihood.tables import distances
from pphysml.tasks.petnet.models.pairs.features import NAMES, activity_size, pair_features, rivalry
from pphysml.tasks.petnet.simulation.simulate import PetSimulation


@pytest.fixture(scope="module")
def measured():
    config = PetConfig.model_validate({"simulation": {"activity": 500.0}, "data": {"window": 600.0, "slice_singles": 512}})
    examples = PetSimulation(config, 1).examples(0, 60)
    return examples, mixture_of(examples, 600.0)


def lines(centre, distance, along, angle, z=(-5.0, 9.0)):
    """Return ends on a circle of 57 mm whose lines pass `centre` at `distance`, and by time of flight are `along` behind the nearest point."""
    u, normal = (np.column_stack([np.cos(a), np.sin(a)]) for a in (angle, angle + np.pi / 2))
    nearest = np.asarray(centre) + distance[:, None] * normal
    b, c = (nearest * u).sum(1), (nearest**2).sum(1) - 57.0**2
    roots = [-b + sign * np.sqrt(b**2 - c) for sign in (1, -1)]
    ends = [np.column_stack([nearest + root[:, None] * u, np.full(len(u), height)]) for root, height in zip(roots, z, strict=True)]
    length = np.sqrt(((ends[0] - ends[1]) ** 2).sum(1))
    # The photon to p flies less, and q is later, by twice the distance from the middle of the line.
    dt = 2 * (along - (roots[0] + roots[1]) / 2) / LIGHT * length / (roots[0] - roots[1])
    return Ends(ends[0], ends[1], dt, np.full((len(u), 2), 0.511), np.zeros(len(u)))


def test_distances_of_lines_and_places_of_known_positions():
    rng = np.random.default_rng(0)
    centre, distance, along, angle = (12.0, -7.0), rng.uniform(-20, 20, 50), rng.uniform(-15, 15, 50), rng.uniform(0, 6.3, 50)
    aside, flight = distances(lines(centre, distance, along, angle), np.array(centre))
    assert np.allclose(aside, np.abs(distance)) and np.allclose(flight, np.hypot(distance, along))


def test_exchanged_singles_make_no_difference(measured):
    examples, mixture = measured
    pairs = candidates(examples, 600.0)
    ends, n = ends_of(examples, pairs), len(examples["time"].flat)
    there = pair_features(pairs, ends, mixture, n, len(pairs.dt))
    back = pair_features(Candidates(pairs.second, pairs.first, -pairs.dt), Ends(ends.q, ends.p, -ends.dt, ends.energy[:, ::-1], ends.rate), mixture, n, len(pairs.dt))
    assert there.values.shape == (len(pairs.dt), len(NAMES)) and np.isfinite(there.values).all()
    assert np.allclose(there.values, back.values, atol=1e-4) and np.allclose(there.log_factor, back.log_factor, atol=1e-4)
    assert np.abs(there.values).max() <= 6


@pytest.mark.parametrize(("radius", "centre"), [(12.0, (0.0, 0.0)), (12.0, (15.0, 6.0)), (28.0, (3.0, 0.0))])
def test_the_size_of_a_disc_is_its_radius_over_the_root_of_two(measured, radius, centre):
    mixture = measured[1]
    grid = mixture.grid._replace(across=40, voxel=2 * mixture.grid.radius / 40)
    middle = (np.arange(40) + 0.5) * grid.voxel - grid.radius
    disc = np.hypot(middle[:, None] - centre[0], middle - centre[1]) < radius
    image = np.repeat(disc[:, :, None].astype(float), 8, axis=2)
    # A voxel that few lines cross may be as hot as it likes.
    image[-3, -3, -1] = 100.0
    found = activity_size(replace(mixture, grid=grid, image=image, centre=np.array(centre)))
    assert found == pytest.approx(radius / np.sqrt(2), rel=0.05)


def test_rivals_are_those_that_share_a_single():
    rng = np.random.default_rng(3)
    ends = np.array([rng.choice(12, 2, replace=False) for _ in range(30)])
    pairs, score = Candidates(ends[:, 0], ends[:, 1], np.zeros(30)), rng.normal(size=30)
    _, kept = np.unique(np.sort(ends, axis=1), axis=0, return_index=True)
    pairs, score, ends = Candidates(*(column[kept] for column in pairs)), score[kept], ends[kept]
    rivals, best = rivalry(pairs, score, 12, np.ones(len(score), dtype=bool))
    for k, pair in enumerate(ends):
        others = [j for j, other in enumerate(ends) if j != k and set(pair) & set(other)]
        assert rivals[k] == len(others)
        assert best[k] == max([score[j] for j in others], default=-LARGEST)
