"""Intervals cover as often as they say, and agree with scipy and with formulas."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from pphysml.evaluation import uncertainty as u


@pytest.mark.parametrize("k,n", [(0, 10), (3, 10), (10, 10), (1, 1), (470, 500)])
@pytest.mark.parametrize("level", [u.LEVEL, 0.95])
def test_binomial_intervals_equal_scipy(k, n, level):
    for ours, method in ((u.wilson, "wilson"), (u.clopper_pearson, "exact")):
        value, low, high = ours(k, n, level)
        expected = binomtest(k, n).proportion_ci(level, method=method)
        assert value == k / n
        assert low == pytest.approx(expected.low, abs=1e-12)
        assert high == pytest.approx(expected.high, abs=1e-12)


def test_level_is_one_standard_deviation():
    value, low, high = u.wilson(5_000_000, 10_000_000)
    assert (high - low) / 2 == pytest.approx(np.sqrt(value * (1 - value) / 10_000_000), rel=1e-6)


@pytest.mark.parametrize("p", [0.03, 0.3, 0.925])
def test_coverage(p):
    n = 80
    k = np.arange(n + 1)
    chance = binom.pmf(k, n, p)

    def coverage(interval):
        return chance[(interval.low <= p) & (p <= interval.high)].sum()

    assert coverage(u.clopper_pearson(k, n)) >= u.LEVEL
    assert coverage(u.wilson(k, n)) == pytest.approx(u.LEVEL, abs=0.1)
    scan = np.linspace(0.02, 0.98, 97)
    pmf = binom.pmf(k, n, scan[:, None])
    wilson = u.wilson(k, n)
    inside = (wilson.low <= scan[:, None]) & (scan[:, None] <= wilson.high)
    assert (pmf * inside).sum(1).mean() == pytest.approx(u.LEVEL, abs=0.02)


def test_arrays_and_no_cases():
    value, low, high = u.wilson(np.array([0, 2, 0]), np.array([4, 4, 0]))
    np.testing.assert_allclose(value[:2], [0, 0.5])
    assert np.isnan(value[2])
    assert (low[2], high[2]) == (0, 1)
    assert u.clopper_pearson(0, 0)[1:] == (0, 1)


def test_equal_weights_change_nothing():
    passed = np.arange(50) % 3 == 0
    plain = u.wilson(passed.sum(), 50)
    np.testing.assert_allclose(u.weighted_fraction(passed, np.full(50, 7.0)), plain)
    np.testing.assert_allclose(u.clustered_fraction(passed, np.ones(50)), plain)


def test_weighted_error_equals_scatter_of_samples():
    rng = np.random.default_rng(1)
    w = rng.exponential(size=(4000, 400))
    y = rng.random((4000, 400)) < 0.6
    fractions = (w * y).sum(1) / w.sum(1)
    _, low, high = u.weighted_fraction(y[0], w[0])
    assert (high - low) / 2 == pytest.approx(fractions.std(), rel=0.12)
    with pytest.raises(ValueError, match="above zero"):
        u.weighted_fraction([1, 0], [0, 0])


def test_cases_of_one_cluster_are_no_information():
    k = np.repeat([1.0, 0.0], [30, 20])
    alone = u.clustered_fraction(k, np.ones(50))
    repeated = u.clustered_fraction(45 * k, np.full(50, 45))
    np.testing.assert_allclose(repeated, alone)
    many = u.wilson(45 * 30, 45 * 50)
    assert (repeated.high - repeated.low) > 6 * (many.high - many.low)


def test_stratified_mean_and_error():
    rng = np.random.default_rng(2)
    n = np.array([40, 400, 100])
    p = np.array([0.9, 0.2, 0.5])
    stratum = np.repeat([7, 3, 5], n)
    draws = [(rng.random(n.sum()) < np.repeat(p, n)) for _ in range(1500)]
    intervals = np.array([u.stratified_fraction(d, stratum) for d in draws])
    assert intervals[:, 0].mean() == pytest.approx(p.mean(), abs=0.003)
    expected = np.sqrt((p * (1 - p) / n).sum()) / 3
    assert intervals[:, 0].std() == pytest.approx(expected, rel=0.06)
    assert ((intervals[:, 2] - intervals[:, 1]) / 2).mean() == pytest.approx(expected, rel=0.06)


def test_stratified_with_few_cases_is_not_certain():
    value, low, high = u.stratified_fraction([1, 1, 1, 0], [0, 0, 0, 1])
    assert value == 0.5
    assert high - low > 0.15
    assert u.stratified_fraction(np.ones(9), np.arange(9)).low == pytest.approx(0.9)


def test_mean_covers():
    rng = np.random.default_rng(3)
    samples = rng.normal(5, 2, size=(3000, 50))
    intervals = np.array([u.mean(s) for s in samples])
    assert ((intervals[:, 1] <= 5) & (intervals[:, 2] >= 5)).mean() == pytest.approx(u.LEVEL, abs=0.03)
    np.testing.assert_allclose(u.mean([1, 2, 4], [2, 2, 2]), u.mean([1, 2, 4]))
    assert u.mean([3.0]).high == np.inf


def test_bootstrap_of_mean_equals_formula():
    values = np.random.default_rng(4).normal(size=400)
    means = u.bootstrap(lambda v: v.mean(-1), [values], replicas=2000, seed=5)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.06)
    assert means.mean() == pytest.approx(values.mean(), abs=0.005)


def test_bootstrap_of_median_equals_its_exact_distribution():
    n = 101
    values = np.sort(np.random.default_rng(4).normal(size=n))
    # The median is at most the k-th value if more than half of the draws are.
    at_most = binom.sf((n - 1) // 2, n, np.arange(n + 1) / n)
    chance = np.diff(at_most)
    spread = np.sqrt((chance * values**2).sum() - (chance * values).sum() ** 2)
    medians = u.bootstrap(lambda v: np.median(v, -1), [values], replicas=3000, seed=5)
    assert medians.mean() == pytest.approx((chance * values).sum(), abs=4 * spread / np.sqrt(3000))
    assert medians.std() == pytest.approx(spread, rel=0.06)


def test_bootstrap_draws_rows_together_and_in_pieces(monkeypatch):
    x = np.arange(30.0)
    monkeypatch.setattr(u, "MAX_RESAMPLED", 70)
    sizes = []

    def slope(a, b):
        sizes.append(a.size)
        return ((a - b) ** 2).sum(-1)

    assert not u.bootstrap(slope, [x, x], replicas=21).any()
    assert sum(sizes) == 21 * 30
    assert max(sizes) <= 70


def test_bootstrap_is_repeatable():
    values = np.random.default_rng(6).random((50, 2))
    for function in (lambda s: u.bootstrap_means(values, 30, s), lambda s: u.bootstrap(lambda v: v.mean(-1), [values[:, 0]], 30, s)):
        np.testing.assert_array_equal(function(1), function(1))
        assert not np.array_equal(function(1), function(2))


def test_bootstrap_means_of_repeated_cases_and_weights():
    passed = np.arange(900) % 3 > 0
    drawn = u.bootstrap_means(passed, 3000, 7)[:, 0]
    assert drawn.std() == pytest.approx(np.sqrt(2 / 9 / 900), rel=0.06)
    w = np.random.default_rng(8).exponential(size=900)
    interval = u.weighted_fraction(passed, w)
    drawn = u.bootstrap_means(passed, 3000, 7, w)[:, 0]
    assert drawn.std() == pytest.approx((interval.high - interval.low) / 2, rel=0.06)


def test_percentile_interval_leaves_out_nan():
    value, low, high = u.percentile_interval(0.0, np.append(np.random.default_rng(9).normal(size=20_000), np.nan))
    assert (value, low, high) == pytest.approx((0, -1, 1), abs=0.03)
    assert np.isnan(u.percentile_interval(1.0, [np.nan]).low)


def test_bootstrap_of_a_ratio_equals_the_formula_for_clusters():
    rng = np.random.default_rng(0)
    size = rng.integers(0, 9, 400)
    passed = rng.binomial(size, rng.choice([0.4, 0.9], 400))
    drawn, formula = u.bootstrap_fraction(passed, size), u.clustered_fraction(passed, size)
    assert drawn.value == formula.value == passed.sum() / size.sum()
    assert drawn.high - drawn.low == pytest.approx(formula.high - formula.low, rel=0.1)
    assert drawn.low < drawn.value < drawn.high


def test_bootstrap_of_a_ratio_where_all_agree_or_none_is():
    everything = u.bootstrap_fraction(np.full(50, 2), np.full(50, 2))
    assert everything.value == everything.high == 1 and 0.9 < everything.low < 1
    assert np.isnan(u.bootstrap_fraction(np.zeros(3), np.zeros(3)).value)


def test_sampled_strata_cover_what_strata_have_in_common():
    rng = np.random.default_rng(8)
    strata, cases, hits, narrow = 60, 30, 0, 0
    stratum = np.repeat(np.arange(strata), cases)
    for _ in range(400):
        passed = rng.random(strata * cases) < np.repeat(rng.beta(0.6, 0.4, strata), cases)
        _, low, high = u.sampled_strata_fraction(passed, stratum)
        hits += low <= 0.6 <= high
        _, low, high = u.stratified_fraction(passed, stratum)
        narrow += low <= 0.6 <= high
    assert abs(hits / 400 - 0.683) < 0.07
    assert narrow / 400 < 0.3


def test_sampled_strata_as_resampled_and_without_any_difference():
    rng = np.random.default_rng(3)
    stratum = np.repeat(np.arange(50), rng.integers(1, 40, 50))
    passed = rng.random(len(stratum)) < rng.random(50)[stratum]
    value, low, high = u.sampled_strata_fraction(passed, stratum)
    shares = np.bincount(stratum, passed) / np.bincount(stratum)
    drawn = shares[rng.integers(50, size=(20_000, 50))].mean(1)
    assert value == pytest.approx(shares.mean())
    assert (high - low) / 2 == pytest.approx(drawn.std(), rel=0.05)
    assert u.sampled_strata_fraction(np.ones(90), np.repeat(np.arange(9), 10)).low == pytest.approx(0.9)


def test_fractions_that_negative_weights_bring_outside_are_0_or_1():
    weights = np.array([1.0, 1, 1, 1, -0.5])
    for found, expected in ((u.weighted_fraction(np.arange(5) < 4, weights), 1), (u.weighted_fraction(np.arange(5) == 4, weights), 0)):
        value, low, high = found
        assert value == expected and 0 <= low <= value <= high <= 1 and 0.1 < high - low < 0.4
