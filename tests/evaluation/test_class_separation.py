"""Separation of pairs of classes: scikit-learn, the likelihood ratio, the scatter of samples."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pphysml.evaluation.class_separation import pair_curve, pairwise_auc
from pphysml.evaluation.roc import auc

CLASSES = ("b", "c", "light")


def cases(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    logit = rng.normal(size=(n, 3)) + 1.3 * np.eye(3)[label]
    p = np.exp(logit)
    return p / p.sum(1, keepdims=True), label


def test_areas_equal_sklearn_and_have_one_direction():
    p, label = cases()
    weights = np.random.default_rng(1).random(1500)
    found, mean = pairwise_auc(p, label, CLASSES, weights)
    assert list(found) == [("b", "c"), ("b", "light"), ("c", "light")]
    for (a, b), (value, low, high) in found.items():
        a, b = CLASSES.index(a), CLASSES.index(b)
        chosen = (label == a) | (label == b)
        ratio = np.log(p[chosen, a] / p[chosen, b])
        assert value == pytest.approx(roc_auc_score(label[chosen] == a, ratio, sample_weight=weights[chosen]))
        assert low < value < high
        assert auc(pair_curve(p, label, b, a, weights)).value == pytest.approx(value)
    assert mean.value == pytest.approx(np.mean([one.value for one in found.values()]))


def test_a_third_class_has_no_part():
    p, label = cases()
    third = np.where(label == 2, 0.001, 0.999)[:, None] * p
    third[:, 2] = 1 - third[:, :2].sum(1)
    assert pairwise_auc(third, label, CLASSES)[0]["b", "c"].value == pytest.approx(pairwise_auc(p, label, CLASSES)[0]["b", "c"].value)


def test_no_probability_of_either_is_no_knowledge():
    p, label = cases(300)
    p[:] = [0.0, 0.0, 1.0]
    assert pairwise_auc(p, label, CLASSES)[0]["b", "c"].value == 0.5


def test_the_error_of_the_mean_equals_the_scatter_of_samples():
    found = np.array([pairwise_auc(*cases(600, seed), CLASSES)[1] for seed in range(300)])
    assert np.median(found[:, 2] - found[:, 1]) / 2 == pytest.approx(found[:, 0].std(), rel=0.12)


def test_jets_of_an_event_count_once():
    p, label = cases(600)
    twice = np.repeat(np.arange(600), 2)
    one, two = pairwise_auc(p, label, CLASSES), pairwise_auc(p[twice], label[twice], CLASSES, event=twice)
    np.testing.assert_allclose(two[1], one[1], rtol=1e-9)
    np.testing.assert_allclose(two[0]["b", "light"], one[0]["b", "light"], rtol=1e-9)


def test_classes_without_jets_are_left_out():
    p, label = cases()
    found, _ = pairwise_auc(p[label != 1], label[label != 1], CLASSES)
    assert list(found) == [("b", "light")]
    with pytest.raises(ValueError, match="two classes"):
        pairwise_auc(p[label == 1], label[label == 1], CLASSES)
