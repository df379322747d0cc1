"""Reliability and proper scores: constructed cases, formulas, scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from pphysml.evaluation import calibration as c


def exact_cases(shift=0.0):
    """Ten groups of 100 with probability p, of which 100 p are right; stated as p + shift."""
    p = np.linspace(0.05, 0.85, 9)
    right = np.arange(100) < np.round(100 * p)[:, None]
    return np.repeat(p + shift, 100), right.ravel()


def test_perfect_calibration_has_no_error():
    assert c.calibration_error(*exact_cases(), bins=5).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("bins", [1, 4, 15, 100])
def test_known_bias(bins):
    found = c.calibration_error(*exact_cases(0.1), bins=bins)
    assert found.value == pytest.approx(0.1)
    assert found.low < 0.1 < found.high


def test_error_equals_scatter_of_samples():
    rng = np.random.default_rng(1)
    p = rng.random((300, 1000))
    right = rng.random(p.shape) < p**2
    found = [c.calibration_error(a, b, 10, replicas=2).value for a, b in zip(p, right, strict=True)]
    one = c.calibration_error(p[0], right[0], 10, replicas=400)
    assert (one.high - one.low) / 2 == pytest.approx(np.std(found), rel=0.2)
    assert np.mean(found) == pytest.approx(1 / 6, abs=0.005)  # integral of p - p^2


def test_chance_level_of_the_error():
    rng = np.random.default_rng(2)
    n, bins = 4000, 10
    found = [c.calibration_error(np.full(n, 0.3) + 1e-6 * rng.random(n), rng.random(n) < 0.3, bins, 2).value for _ in range(200)]
    assert np.mean(found) == pytest.approx(np.sqrt(2 * 0.21 * bins / (np.pi * n)), rel=0.05)


def test_bins_hold_equal_numbers_and_every_case():
    rng = np.random.default_rng(3)
    p = rng.beta(5, 1, 3000)
    right = rng.random(3000) < p
    table = c.reliability(p, right, 12)
    assert table.n.sum() == 3000
    assert np.ptp(table.n) <= 2
    assert (table.n * table.predicted).sum() == pytest.approx(p.sum())
    assert (table.n * table.observed).sum() == pytest.approx(right.sum())
    assert (table.high[:-1] <= table.low[1:]).all()
    for row, b in zip(table.rows, range(12), strict=True):
        inside = p[table.which == b]
        assert (row["from"], row["to"]) == (inside.min(), inside.max())
        assert row["low"] <= row["fraction right"] <= row["high"]


def test_equal_probabilities_share_a_bin():
    table = c.reliability(np.repeat([0.5, 1.0], [10, 90]), np.arange(100) % 2, 15)
    assert table.n.tolist() == [10, 90]
    assert c.reliability([0.4], [1]).n.tolist() == [1]


def test_scores_equal_sklearn():
    rng = np.random.default_rng(4)
    p = rng.random(500)
    right = rng.random(500) < p
    brier, log = c.brier_score(p, right), c.log_loss(p, right)
    assert brier.value == pytest.approx(metrics.brier_score_loss(right, p))
    assert log.value == pytest.approx(metrics.log_loss(right, p), rel=1e-4)
    assert brier.low < 1 / 6 + 0.02 and brier.high > 1 / 6 - 0.02
    assert c.log_loss([1.0, 0.0], [True, False]).value == pytest.approx(0, abs=1e-5)
    assert np.isfinite(c.log_loss([1.0, 0.0], [False, True]).value)


def test_weights_count_as_often_as_they_say():
    rng = np.random.default_rng(5)
    p = np.round(rng.random(600), 3)
    right, times = rng.random(600) < p**2, rng.integers(1, 4, 600)
    weighted, repeated = c.reliability(p, right, 7, times), c.reliability(np.repeat(p, times), np.repeat(right, times), 600)
    for of_bin in range(len(weighted.n)):
        inside = (repeated.predicted >= weighted.low[of_bin] - 1e-9) & (repeated.predicted <= weighted.high[of_bin] + 1e-9)
        n = repeated.n[inside]
        assert weighted.predicted[of_bin] == pytest.approx((n * repeated.predicted[inside]).sum() / n.sum())
        assert weighted.observed[of_bin] == pytest.approx((n * repeated.observed[inside]).sum() / n.sum())
    error = c.calibration_error(p, right, 7, weights=times)
    expected = (np.bincount(weighted.which, times) / times.sum() * np.abs(weighted.observed - weighted.predicted)).sum()
    assert error.value == pytest.approx(expected)
    same = c.calibration_error(p, right, 7, weights=np.full(600, 3.0))
    np.testing.assert_allclose(same, c.calibration_error(p, right, 7), rtol=1e-12)


def test_weights_of_either_sign_correct_the_frequencies():
    # Half of the wrong cases of probability 0.5 are taken off again.
    p, right, weights = np.full(1200, 0.5), np.arange(1200) < 400, np.where(np.arange(1200) < 800, 1.0, -0.0)
    assert c.reliability(p, right, 3, weights).observed[0] == pytest.approx(0.5)
    weights = np.repeat([1.0, 1.0, -1.0], [400, 600, 200])
    table = c.reliability(p, right, 3, weights)
    assert table.observed[0] == pytest.approx(0.5) and table.effective[0] == pytest.approx(800**2 / 1200)
    assert c.calibration_error(p, right, 3, weights=weights).value == pytest.approx(0)
    row = table.rows[0]
    assert row["high"] - row["low"] == pytest.approx(2 * np.sqrt(0.25 / table.effective[0]), rel=0.01)
    assert np.isnan(c.reliability(p, right, 3, -np.ones(1200)).observed[0])


def test_blocks_of_many_cases_give_the_same_error(monkeypatch):
    rng = np.random.default_rng(6)
    p, weights = rng.random(20_000), rng.choice([1.0, 2.0, -0.5], 20_000)
    right = rng.random(20_000) < p**1.2
    one = c.calibration_error(p, right, weights=weights, replicas=1000)
    monkeypatch.setattr(c, "MANY", 10_000)
    many = c.calibration_error(p, right, weights=weights, replicas=1000)
    assert many.value == one.value
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.15)
