"""Divergence of passing and failing spectra: scipy, permutations one by one, the scatter of samples."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import kstest

from pphysml.evaluation import sculpting as s
from pphysml.evaluation.multiple_tests import holm


def sample(n=5000, seed=0, bump=0.0, share=0.1, bins=20):
    """Return cells and whether jets pass, with a probability that rises in the lowest cells."""
    rng = np.random.default_rng(seed)
    cell = np.minimum(rng.exponential(bins / 4, n).astype(int), bins - 1)
    return rng.random(n) < share * (1 + bump * np.exp(-cell / 3)), cell


def by_permutation(passed, cell, weights, number, shuffles, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(shuffles):
        flag = rng.permutation(passed)
        found.append(s.jensen_shannon(*(np.bincount(cell[kind], weights[kind], number) for kind in (flag, ~flag))))
    return np.array(found)


def test_divergence_equals_scipy_and_its_limits():
    rng = np.random.default_rng(0)
    p, q = rng.random((4, 30)), rng.random((4, 30))
    p[:, :5], q[:, 3:8] = 0, 0
    expected = [jensenshannon(a, b, 2) ** 2 for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(s.jensen_shannon(p, q), expected)
    assert s.jensen_shannon([1, 0], [0, 3]) == 1 and s.jensen_shannon([1, 2], [10, 20]) == 0
    assert s.jensen_shannon([1, 2, -5], [1, 0, 0]) == s.jensen_shannon([1, 2, 0], [1, 0, -1])
    assert np.isnan(s.jensen_shannon([0, 0], [1, 2]))


@pytest.mark.parametrize(("n", "share", "bins"), [(20_000, 0.05, 20), (20_000, 0.5, 5), (200_000, 0.3, 60)])
def test_mean_under_shuffling_is_the_formula(n, share, bins):
    rng = np.random.default_rng(1)
    passed, cell = rng.random(n) < share, rng.integers(0, bins, n)
    chance = s.shuffled(passed, cell, np.ones(n), 1000)
    assert chance.mean() == pytest.approx(s.chance_divergence(bins, passed.sum(), (~passed).sum()), rel=0.04)


@pytest.mark.parametrize("kind", ["none", "signs", "gamma"])
def test_shuffling_equals_permutations_one_by_one(kind):
    passed, cell = sample(2000)
    rng = np.random.default_rng(2)
    weights = {"none": np.ones(2000), "signs": rng.choice([1.0, 2.5, -0.5], 2000),
               "gamma": rng.gamma(2, 1, 2000) * rng.choice([1, 1, 1, -1], 2000)}[kind]
    found = s.shuffled(passed, cell, weights, 4000)
    expected = by_permutation(passed, cell, weights, 20, 1500)
    for quantile in (0.1, 0.5, 0.9, 0.97):
        assert np.quantile(found, quantile) == pytest.approx(np.quantile(expected, quantile), rel=0.06)


@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.0, -0.4]])
def test_chance_alone_gives_every_probability_as_often(weights):
    rng = np.random.default_rng(3)
    found = [s.sculpting(*sample(2000, seed), 20, rng.choice(weights, 2000), shuffles=300, replicas=2).p_value for seed in range(200)]
    assert kstest(found, "uniform").pvalue > 0.01
    found = [s.sculpting(*sample(2000, seed, 4.0), 20, rng.choice(weights, 2000), shuffles=300, replicas=2).p_value for seed in range(20)]
    assert np.median(found) < 1e-3


def test_small_probabilities_are_the_tail_of_many_shuffles():
    passed, cell = sample(3000, 4, 1.45)
    few = s.sculpting(passed, cell, 20, replicas=2)
    many = (s.shuffled(passed, cell, np.ones(3000), 200_000) >= few.divergence).mean()
    assert 1e-4 < many < 5e-3
    assert few.p_value == pytest.approx(many, rel=0.6)
    assert s.sculpting(*sample(20_000, 5, 5.0), 20, shuffles=500, replicas=2).p_value < 1e-12


@pytest.mark.parametrize("bump", [0.0, 0.5, 3.0])
def test_errors_equal_the_scatter_of_samples(bump):
    weights = np.random.default_rng(6).choice([1.0, 1.0, 1.0, -0.5], 4000)
    found = [s.sculpting(*sample(4000, seed, bump), 20, weights, shuffles=200, replicas=200 if seed < 30 else 2) for seed in range(250)]
    error = np.mean([one.excess.high - one.excess.value for one in found[:30]])
    assert error == pytest.approx(np.std([one.divergence for one in found]), rel=0.25)
    if not bump:
        assert abs(np.mean([one.excess.value for one in found])) < 4 * error / np.sqrt(250)


def test_jets_of_an_event_are_resampled_together():
    passed, cell = sample(4000, 7, 3.0)
    twice = np.repeat(np.arange(4000), 2)
    alone, doubled = (s.sculpting(passed[twice], cell[twice], 20, event=event) for event in (None, twice))
    one = s.sculpting(passed, cell, 20)
    assert doubled.divergence == pytest.approx(one.divergence)
    errors = [found.excess.high - found.excess.value for found in (one, doubled, alone)]
    assert errors[1] == pytest.approx(errors[0], rel=0.25)
    assert errors[2] == pytest.approx(errors[0] / np.sqrt(2), rel=0.25)


def test_numbers_beside_the_divergence():
    passed, cell = sample(4000, 8, 2.0)
    cell[:100] = -1
    found = s.sculpting(passed, cell, 40, shuffles=50, replicas=5)
    assert (found.outside, found.bins, found.floored) == (100, len(np.unique(cell)) - 1, 0)
    assert found.passing == passed[100:].sum() and found.failing == (~passed[100:]).sum()
    assert found.excess.value == pytest.approx(found.divergence - found.chance)
    assert found.inverse == 1 / found.divergence and found.ceiling == 1 / found.chance > found.inverse
    weights = np.where(cell == 3, -1.0, 1.0)
    assert s.sculpting(passed, cell, 40, weights, shuffles=50, replicas=5).floored == 2
    with pytest.raises(ValueError, match="both passing and failing"):
        s.sculpting(np.ones(4000, bool), cell, 40)


def test_cells_are_those_of_a_histogram():
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=1000), rng.random(1000)
    edges = [np.array([-1, 0, 0.5, 2]), np.array([0.1, 0.5, 0.9])]
    cell, number = s.cells([x, y], edges)
    expected = np.histogramdd(np.column_stack([x, y]), edges)[0]
    assert number == 6
    np.testing.assert_array_equal(np.bincount(cell[cell >= 0], minlength=6).reshape(3, 2), expected)


def test_equal_edges_hold_equal_parts_of_all():
    x = np.random.default_rng(10).exponential(1, 10_001)
    edges = s.equal_edges(x, 20)
    held = np.histogram(x, edges)[0]
    assert len(edges) == 21 and held.sum() == 10_001 and np.ptp(held) <= 2
    assert s.cells([x], [edges])[0].min() == 0
    np.testing.assert_array_equal(s.equal_edges(np.repeat([1.0, 2.0, np.nan], 50), 10)[:-1], [1, 2])
    assert s.equal_edges(x, 2, np.where(x > np.median(x), 3.0, -1.0))[1] > np.median(x)


def test_what_is_flat_in_each_variable_may_not_be_in_both():
    rng = np.random.default_rng(11)
    mass, pt = rng.exponential(60, 20_000), rng.exponential(200, 20_000)
    alike = (mass > np.median(mass)) == (pt > np.median(pt))
    passed = rng.random(20_000) < np.where(alike, 0.09, 0.04)
    found, corrected = s.sculpting_of(passed, {"mass": mass, "pt": pt})
    assert list(found) == list(corrected) == ["mass", "pt", "mass, pt"]
    assert found["mass, pt"].p_value < 1e-4 < 0.02 < min(found["mass"].p_value, found["pt"].p_value)
    assert corrected["mass, pt"] == pytest.approx(3 * found["mass, pt"].p_value)
    assert s.sculpting_of(passed, {"mass": mass}, {"mass": [0, 10, 20]})[0]["mass"].bins == 2


def test_holm():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.5, 0.9]), [1, 1])
    assert holm([0.2]) == 0.2
    rng = np.random.default_rng(12)
    false_alarms = [min(holm(rng.random(8))) < 0.1 for _ in range(4000)]
    assert np.mean(false_alarms) == pytest.approx(1 - (1 - 0.1 / 8) ** 8, abs=0.015)
