"""Several classes: Brier skill by hand and by samples, top label and classes against the binary ones."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from pphysml.evaluation import calibration
from pphysml.evaluation import class_calibration as c


def cases(n=3000, seed=0, sharper=1.0):
    """Return probabilities that are frequencies, sharpened by a power, and the true classes."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1.0, 0.5, 2.0], n)
    label = (rng.random(n)[:, None] > p.cumsum(1)).sum(1).clip(0, 2)
    powers = p**sharper
    return powers / powers.sum(1, keepdims=True), label


def test_skill_of_perfect_prior_and_wrong():
    _, label = cases()
    one_hot, prior = np.eye(3)[label], np.bincount(label) / 3000
    assert c.brier_skill(one_hot, label) == (1, 1, 1)
    value, low, high = c.brier_skill(np.tile(prior, (3000, 1)), label)
    assert value == pytest.approx(0, abs=1e-12) and high - low < 1e-9
    assert c.brier_skill(np.roll(one_hot, 1, axis=1), label).value < -1
    with pytest.raises(ValueError, match="two classes"):
        c.brier_skill(one_hot, np.zeros(3000, int))
    with pytest.raises(ValueError, match="sum to 1"):
        c.brier_skill(one_hot * 2, label)


def test_skill_of_two_classes_is_that_of_the_binary_score():
    rng = np.random.default_rng(1)
    p, weights = rng.random(500), rng.choice([1.0, 2.0], 500)
    right = rng.random(500) < p
    prior = np.average(right, weights=weights)
    expected = 1 - brier_score_loss(right, p, sample_weight=weights) / (prior * (1 - prior))
    assert c.brier_skill(np.column_stack([1 - p, p]), right, weights).value == pytest.approx(expected)


def test_honest_probabilities_have_the_highest_skill():
    label = cases()[1]
    skills = [c.brier_skill(cases(sharper=power)[0], label).value for power in (0.3, 0.7, 1.0, 1.5, 4.0)]
    assert np.argmax(skills) == 2
    assert c.brier_skill_difference(cases()[0], cases(sharper=4.0)[0], label).sigma > 5


def test_errors_of_skill_equal_the_scatter_of_samples_alone_and_paired():
    found, paired = [], []
    for seed in range(300):
        weights = np.random.default_rng(seed).choice([1.0, 1.0, 2.0, -0.5], 1500)
        p, label = cases(1500, seed)
        found.append(c.brier_skill(p, label, weights))
        paired.append(c.brier_skill_difference(p, cases(1500, seed, 1.3)[0], label, weights))
    for estimates in (np.array(found), np.array(paired)[:, :3]):
        error = np.median(estimates[:, 2] - estimates[:, 1]) / 2
        assert error == pytest.approx(estimates[:, 0].std(), rel=0.12)


def test_cases_of_an_event_count_once():
    p, label = cases(800)
    twice = np.repeat(np.arange(800), 2)
    np.testing.assert_allclose(c.brier_skill(p[twice], label[twice], event=twice), c.brier_skill(p, label), rtol=1e-9)


def test_top_label_and_classes_are_the_binary_calibrations():
    p, label = cases(sharper=2.0)
    weights = np.random.default_rng(2).choice([1.0, 2.0, -0.5], 3000)
    confidence, right = c.top_label(p, label)
    np.testing.assert_array_equal(confidence, p.max(1))
    np.testing.assert_array_equal(right, p.argmax(1) == label)
    top = c.top_label_calibration(p, label, 10, weights)
    assert top.error == calibration.calibration_error(confidence, right, 10, weights=weights)
    np.testing.assert_array_equal(top.table.observed, calibration.reliability(confidence, right, 10, weights).observed)
    for number, (name, found) in enumerate(c.calibration_of_classes(p, label, ["a", "b", "c"], 10, weights).items()):
        assert name == "abc"[number]
        assert found.error == calibration.calibration_error(p[:, number], label == number, 10, weights=weights)
    # Sharpened probabilities are too sure of themselves.
    assert top.error.low > 0.05 > c.top_label_calibration(*cases(), 10).error.low


def test_a_class_may_be_calibrated_on_top_and_wrong_elsewhere():
    p, label = cases(20_000)
    order = np.argsort(p, axis=1)
    other = p.copy()
    rows = np.arange(len(p))
    other[rows, order[:, 0]], other[rows, order[:, 1]] = p[rows, order[:, 1]], p[rows, order[:, 0]]
    assert c.top_label_calibration(other, label).error.value == pytest.approx(c.top_label_calibration(p, label).error.value)
    assert max(found.error.low for found in c.calibration_of_classes(other, label, "abc").values()) > 0.03
