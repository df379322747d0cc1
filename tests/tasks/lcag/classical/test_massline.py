"""The classical engine: resolution against smearing, closure on sharp masses, validity always."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.physics.momentum_resolution import smear_momentum, with_mass
from pphysml.tasks.lcag.classical.mass_scores import (
    MassOptions,
    leaf_terms,
    mass_and_resolution,
    score_subsets,
)
from pphysml.tasks.lcag.classical.massline import MasslineDecoder, tune_width
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity import is_valid

MASSES = [90.0, 80.0, 70.0, 50.0, 25.0, 20.0, 10.0]


def batches(events: int, **simulation: object) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (p4, matrices) of each number of leaves."""
    config = LcagConfig.model_validate({"simulation": simulation})
    block = LcagSimulation(config, 11).block(0, events)
    n = block["px"].counts
    found = []
    for size in np.unique(n):
        rows = np.flatnonzero(n == size)
        p4 = np.stack([block[k].take(rows).flat.reshape(-1, size) for k in ("px", "py", "pz", "e")], -1)
        found.append((p4, block["lcag"].take(rows).flat.reshape(-1, size, size)))
    return found


def test_sharp_masses_are_solved() -> None:
    decoder = MasslineDecoder(MASSES, 100.0, 1e-7, 1e-4)
    for p4, truth in batches(300):
        np.testing.assert_array_equal(decoder.decode(p4).matrix, truth)


def test_resolution_is_the_spread_of_smeared_masses() -> None:
    rng = np.random.default_rng(4)
    masses = np.array([1.0, 5.0, 12.0])
    p3 = rng.normal(0, 15, (3, 3))
    width = 2e-3
    smeared = with_mass(smear_momentum(np.broadcast_to(p3, (20_000, 3, 3)), width, rng), masses).sum(1)
    spread = np.sqrt(smeared[:, 3] ** 2 - (smeared[:, :3] ** 2).sum(-1)).std()
    total, term = np.zeros(20), np.empty(20)
    for leaf in with_mass(p3, masses):
        leaf_terms(leaf, term)
        total += term
    mass, resolution = mass_and_resolution(total, width, 1e-6)
    assert resolution == pytest.approx(spread, rel=0.03)
    assert mass_and_resolution(total, 0.0, 0.5)[1] == pytest.approx(0.5)
    p = with_mass(p3, masses).sum(0)
    assert mass == pytest.approx(np.sqrt(p[3] ** 2 - (p[:3] ** 2).sum()))


def test_scores_do_not_depend_on_the_frame_but_for_the_resolution() -> None:
    p4, _ = batches(50)[-1]
    n = p4.shape[1]
    gamma, speed = 1.25, 0.6
    boosted = p4.copy()
    boosted[..., 3] = gamma * (p4[..., 3] + speed * p4[..., 2])
    boosted[..., 2] = gamma * (p4[..., 2] + speed * p4[..., 3])
    scores = np.zeros((2, len(p4), 1 << n))
    for k, momenta in enumerate((p4, boosted)):
        score_subsets(momenta, np.array(MASSES), np.array([100.0]), MassOptions(0.0, 0.5), False, scores[k], np.zeros((len(p4), 0)))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_true_nodes_lie_within_few_standard_deviations() -> None:
    for p4, truth in batches(100, smearing=1e-3):
        n = p4.shape[1]
        scores = np.zeros((len(p4), 1 << n))
        score_subsets(p4, np.array(MASSES), np.array([100.0]), MassOptions(1e-3, 1e-4), False, scores, np.zeros((len(p4), 0)))
        for k, matrix in enumerate(truth):
            nodes = {int((1 << np.flatnonzero(matrix[i] <= h)).sum()) for i in range(n) for h in range(1, 8)}
            worst = min(scores[k, s] for s in nodes if s & (s - 1))
            # A Gaussian tail of five sigma costs 12.5; the density is above chance otherwise.
            assert worst > -12.5


def test_tuned_width_follows_the_smearing() -> None:
    sharp, smeared = batches(300, max_leaves=7), batches(300, max_leaves=7, smearing=1e-2)
    widths = (1e-5, 1e-2, 0.3)
    assert tune_width(*zip(*sharp, strict=True), widths, MASSES, 100.0) == 1e-5
    assert tune_width(*zip(*smeared, strict=True), widths, MASSES, 100.0) == 1e-2


def test_order_of_leaves_plays_no_role() -> None:
    p4, _ = batches(200, smearing=1e-2)[-1]
    order = np.random.default_rng(1).permutation(p4.shape[1])
    decoder = MasslineDecoder(MASSES, 100.0, 1e-2, 1e-4)
    a, b = decoder.decode(p4), decoder.decode(p4[:, order])
    clear = a.margin > 1e-3
    assert clear.any()
    np.testing.assert_array_equal(b.matrix[clear], a.matrix[clear][:, order][:, :, order])


@pytest.mark.parametrize("n", [0, 1, 2, 3, 14])
def test_senseless_momenta_still_give_trees(n: int) -> None:
    p4 = np.random.default_rng(n).normal(0, 10, (3, n, 4))
    decoded = MasslineDecoder(MASSES, 100.0, 1e-2, 1e-4).decode(p4)
    assert decoded.matrix.shape == (3, n, n) and is_valid(decoded.matrix).all()
    assert MasslineDecoder(MASSES, 100.0, 1e-2, 1e-4).decode(p4[:0]).matrix.shape == (0, n, n)


def test_large_sharp_trees_are_built_up() -> None:
    decoder = MasslineDecoder(MASSES, 100.0, 1e-7, 1e-4)
    right = total = 0
    for p4, truth in batches(40, min_leaves=13, max_leaves=16, n_topologies=10):
        decoded = decoder.decode(p4)
        assert is_valid(decoded.matrix).all() and np.isnan(decoded.margin).all()
        right += (decoded.matrix == truth).all((1, 2)).sum()
        total += len(p4)
    assert right > 0.9 * total
