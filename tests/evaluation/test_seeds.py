"""Methods compared over seeds: the error is the scatter over test samples, and every seed has a say."""

import numpy as np
import pytest

from pphysml.evaluation import seeds as s
from pphysml.evaluation.mass_fit import Fitted
from pphysml.evaluation.roc import auc_difference, rejection_ratio, roc


def trainings(sample, gains=(1.2, 1.25), n=2500):
    """Return curves of trainings on the same jets: all read one input, and each another one of its own."""
    rng = np.random.default_rng(sample)
    signal = rng.random(n) < 0.4
    inputs = rng.normal(size=(4, n)) + signal
    return [roc(inputs[0] + gain * inputs[1 + k], signal) for k, gain in enumerate(gains)]


def test_one_seed_is_the_paired_comparison():
    a, b = trainings(0)
    assert s.auc_over_seeds([a], [b]).comparison == auc_difference(a, b)
    assert s.rejection_over_seeds([a], [b], 0.5).comparison == pytest.approx(rejection_ratio(a, b, 0.5))


def test_errors_are_the_scatter_over_samples():
    areas, rejections = [], []
    for sample in range(250):
        a, b = trainings(sample), trainings(sample, (0.2, 0.3))
        areas.append(s.auc_over_seeds(a, b).comparison)
        rejections.append(s.rejection_over_seeds(a, b, 0.5).comparison)
    areas, rejections = np.array(areas), np.array(rejections)
    assert np.median(areas[:, 2] - areas[:, 1]) / 2 == pytest.approx(areas[:, 0].std(), rel=0.12)
    assert np.median(np.log(rejections[:, 2] / rejections[:, 1])) / 2 == pytest.approx(np.log(rejections[:, 0]).std(), rel=0.12)


def test_ahead_needs_the_jets_and_every_seed():
    good, bad = trainings(1, (1.0, 1.0, 1.0), 20_000), trainings(1, (0.1, 0.1, 0.1), 20_000)
    found = s.auc_over_seeds(good, bad)
    assert found.ahead and not s.auc_over_seeds(bad, good).ahead
    assert found.seeds.n == 3 and found.seeds.value == pytest.approx(found.pairs.mean()) == pytest.approx(found.comparison.value)
    assert s.rejection_over_seeds(good, bad, 0.5).ahead
    # One training of three is behind, while the mean is ahead by far.
    mixed = s.auc_over_seeds([*good[:2], bad[0]], [*bad[:2], good[0]])
    assert mixed.comparison.sigma > s.NEEDED and not mixed.ahead
    few = s.auc_over_seeds(trainings(2, (1.0,), 60), trainings(2, (0.6,), 60))
    assert not few.ahead
    with pytest.raises(ValueError, match="as many trainings"):
        s.auc_over_seeds(good, bad[:2])
    with pytest.raises(ValueError, match="same jets"):
        s.auc_over_seeds(good, trainings(3, (1.0, 1.0, 1.0), 20_000))


def fits(values, shared, own):
    rng = np.random.default_rng(int(1000 * own))
    return [Fitted(v, v, v, v * (1 + shared + own * rng.normal(size=len(shared))), 0, 0, 0, 0) for v in values]


def test_significances_share_the_noise_of_the_jets():
    shared = 0.1 * np.random.default_rng(4).normal(size=4000)
    found = s.significance_over_seeds(fits([12.0, 12.4], shared, 0.01), fits([10.0, 10.6], shared, 0.02))
    assert found.comparison.value == pytest.approx(12.2 / 10.3)
    error = np.log(found.comparison.high / found.comparison.value)
    assert error == pytest.approx(np.hypot(0.01, 0.02) / np.sqrt(2), rel=0.1)
    assert found.ahead and found.comparison.sigma == pytest.approx(np.log(12.2 / 10.3) / error)
    np.testing.assert_allclose(found.pairs, np.log([1.2, 12.4 / 10.6]))
    assert not s.significance_over_seeds(fits([12.0, 9.9], shared, 0.01), fits([10.0, 10.0], shared, 0.02)).ahead
