"""Paired comparisons: against scipy, formulas and limits."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from pphysml.evaluation import comparison as c
from pphysml.evaluation.uncertainty import LEVEL, wilson


def methods(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.random(n) < 0.7
    b = np.where(rng.random(n) < 0.95, a, rng.random(n) < 0.5)
    return a, b


@pytest.mark.parametrize("only_a,only_b", [(5, 0), (9, 4), (40, 61), (3, 3), (0, 0)])
def test_mcnemar_equals_binomial_test(only_a, only_b):
    a = np.repeat([1, 0, 1, 0], [only_a, only_b, 50, 20])
    b = np.repeat([0, 1, 1, 0], [only_a, only_b, 50, 20])
    found = c.mcnemar(a, b)
    assert found[:2] == (only_a, only_b)
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert found.p_value == pytest.approx(expected)
    assert abs(found.sigma) == pytest.approx(norm.isf(expected / 2), abs=1e-9)
    assert np.sign(found.sigma) == np.sign(only_a - only_b)
    assert c.mcnemar(b, a).sigma == -found.sigma


def test_mcnemar_of_clear_differences_stays_finite():
    won, lost = np.ones(3000), np.zeros(3000)
    assert 64.3 < c.mcnemar(won, lost).sigma < 64.5  # sqrt(2 * 3000 ln 2) = 64.49, less a logarithm
    near = c.EXACT_LIMIT // 2 + np.array([150, -150])
    pair = [np.repeat(v, near) for v in ([1, 0], [0, 1])]
    exact = c.mcnemar(*pair).sigma
    more = c.mcnemar(*(np.append(v, [x, 1 - x]) for v, x in zip(pair, (0, 1), strict=True))).sigma
    assert more == pytest.approx(exact, abs=0.02)


def test_mcnemar_is_flat_without_difference():
    rng = np.random.default_rng(1)
    p = [c.mcnemar(rng.random(400) < 0.5, rng.random(400) < 0.5).p_value for _ in range(600)]
    assert np.mean(np.array(p) < 0.3173) == pytest.approx(0.3173, abs=0.07)


def test_paired_error_is_smaller_for_correlated_methods():
    a, b = methods()
    value, low, high = c.paired_difference(a, b)
    assert value == pytest.approx(a.mean() - b.mean())
    unpaired = np.hypot(*((w.high - w.low) / 2 for w in (wilson(a.sum(), len(a)), wilson(b.sum(), len(b)))))
    assert (high - low) / 2 < 0.5 * unpaired
    discordant = (a != b).mean()
    assert (high - low) / 2 == pytest.approx(np.sqrt((discordant - value**2) / len(a)), rel=1e-3)


def test_bootstrap_difference_agrees_with_formula():
    a, b = methods(500)
    weights = np.random.default_rng(3).exponential(size=500)
    for w in (None, weights):
        formula, drawn = c.paired_difference(a, b, w), c.bootstrap_difference(a, b, w, replicas=4000)
        assert drawn.value == formula.value
        assert drawn.high - drawn.low == pytest.approx(formula.high - formula.low, rel=0.07)


def test_gap_share_limits():
    a, b = methods()
    best = a | b | (np.arange(len(a)) % 5 == 0)
    assert c.gap_share(b, b, best) == (0, 0, 0)
    assert c.gap_share(best, b, best) == (1, 1, 1)
    assert np.isnan(c.gap_share(a, b, b).value)
    assert c.gap_share(np.zeros(10), np.arange(10) % 2, 1.0).value == pytest.approx(-1)


def test_gap_share_value_and_error():
    rng = np.random.default_rng(4)
    n, shares = 1500, []
    for _ in range(400):
        base = rng.random(n) < 0.5
        ours = base | (rng.random(n) < 0.6)
        shares.append(c.gap_share(ours, base, 1.0, replicas=2))
    values = np.array([s.value for s in shares])
    assert values.mean() == pytest.approx(0.6, abs=0.005)
    drawn = c.gap_share(ours, base, np.ones(n), replicas=3000)
    assert (drawn.high - drawn.low) / 2 == pytest.approx(values.std(), rel=0.12)
    weighted = c.gap_share(ours, base, 1.0, weights=np.full(n, 3.0), replicas=3000)
    np.testing.assert_allclose(weighted, drawn, rtol=1e-12)


def test_mean_over_seeds_is_students():
    found = c.mean_over_seeds([0.71, 0.74, 0.72])
    low, high = t.interval(LEVEL, 2, loc=found.value, scale=found.spread / np.sqrt(3))
    assert found[:3] == pytest.approx((0.7233333, low, high))
    assert found.spread == pytest.approx(np.std([0.71, 0.74, 0.72], ddof=1))
    assert np.isnan(c.mean_over_seeds([0.7]).low)


def test_unequal_numbers_of_cases_are_refused():
    for function in (c.paired_difference, c.bootstrap_difference, c.mcnemar):
        with pytest.raises(ValueError, match="equal shapes"):
            function([1, 0, 1], [1, 0])
    with pytest.raises(ValueError, match="equal shapes"):
        c.gap_share([1, 0, 1], [1, 0, 0], [1, 1])
