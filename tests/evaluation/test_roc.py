"""ROC curve, area and rejection: brute force, scikit-learn, and the scatter of samples."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pphysml.evaluation import roc as r
from pphysml.evaluation.influence import standard_error


def jets(n=2000, share=0.3, separation=1.0, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < share
    score = rng.normal(size=n) + separation * signal
    return np.round(score, 1) if ties else score, signal


def signed_weights(n, seed=1):
    return np.random.default_rng(seed).choice([1.0, 1.0, 1.0, -0.5, 2.0], n)


def by_pairs(score, signal, weights):
    difference = score[signal][:, None] - score[~signal]
    pairs = weights[signal][:, None] * weights[~signal]
    return (pairs * ((difference > 0) + 0.5 * (difference == 0))).sum() / pairs.sum()


@pytest.mark.parametrize("ties", [False, True])
def test_area_equals_sklearn(ties):
    score, signal = jets(ties=ties)
    weights = np.random.default_rng(3).random(len(score))
    assert r.auc(r.roc(score, signal)).value == pytest.approx(roc_auc_score(signal, score), abs=1e-12)
    expected = roc_auc_score(signal, score, sample_weight=weights)
    assert r.auc(r.roc(score, signal, weights)).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_area_with_weights_of_either_sign_is_that_of_all_pairs(ties):
    score, signal = jets(600, ties=ties)
    weights = signed_weights(600)
    assert r.auc(r.roc(score, signal, weights)).value == pytest.approx(by_pairs(score, signal, weights), abs=1e-12)


def test_points_are_sums_above_the_threshold():
    score, signal = jets(300, ties=True)
    weights = signed_weights(300)
    curve = r.roc(score, signal, weights)
    for of_class, found in ((signal, curve.signal_efficiency), (~signal, curve.background_efficiency)):
        sums = [weights[of_class & (score >= cut)].sum() for cut in curve.threshold]
        np.testing.assert_allclose(found, np.array(sums) / weights[of_class].sum(), atol=1e-12)


def test_limits():
    _, signal = jets(500)
    assert r.auc(r.roc(signal, signal))[:2] == (1, 1)
    assert r.auc(r.roc(~signal, signal)).value == 0
    constant = r.roc(np.ones(500), signal)
    assert r.auc(constant).value == 0.5
    assert r.rejection(constant, 0.25).value == pytest.approx(4)
    assert r.auc(r.roc(np.where(signal, np.inf, -np.inf), signal)).value == 1
    with pytest.raises(ValueError, match="NaN"):
        r.roc([0.1, np.nan], [True, False])
    with pytest.raises(ValueError, match="above zero"):
        r.roc([0.1, 0.2, 0.3], [True, False, False], [1.0, 1.0, -1.0])


def test_a_score_alone_in_rank_and_the_scale_of_weights_change_nothing():
    score, signal = jets(ties=True)
    weights = signed_weights(len(score))
    one, other = r.roc(score, signal, weights), r.roc(np.exp(3 * score), signal, 7 * weights)
    np.testing.assert_allclose(r.auc(one), r.auc(other))
    np.testing.assert_allclose(r.rejection(one, 0.5), r.rejection(other, 0.5))


def test_jets_at_the_threshold_pass_in_part():
    #       score 2: one signal, no background; score 1: two signals, four background
    score = np.array([2, 1, 1, 0, 1, 1, 1, 1, 0, 0])
    signal = np.arange(10) < 4
    curve = r.roc(score, signal)
    assert r.rejection(curve, 0.5).value == pytest.approx(1 / ((0.5 * 4) / 6))
    assert r.rejection(curve, 0.75).value == pytest.approx(6 / 4)
    assert r.threshold(curve, 0.5) == 1 and r.threshold(curve, 0.25) == 2


def test_equal_scores_are_parted_as_by_chance():
    score, signal = jets(4000, ties=True)
    rng = np.random.default_rng(5)
    parted = [r.rejection(r.roc(score + 1e-6 * rng.random(4000), signal), 0.5).value for _ in range(100)]
    assert r.rejection(r.roc(score, signal), 0.5).value == pytest.approx(1 / np.mean(1 / np.array(parted)), rel=0.006)


@pytest.mark.parametrize("share", [0.03, 0.5, 0.8])
def test_errors_equal_the_scatter_of_samples(share):
    curves = [r.roc(*jets(2500, share, 1.2, seed), signed_weights(2500, seed + 10**6)) for seed in range(400)]
    areas = np.array([r.auc(curve) for curve in curves])
    assert np.median(areas[:, 2] - areas[:, 1]) / 2 == pytest.approx(areas[:, 0].std(), rel=0.12)
    rejections = np.array([r.rejection(curve, 0.5)[:3] for curve in curves])
    spread = np.log(rejections[:, 2] / rejections[:, 1]) / 2
    assert np.median(spread) == pytest.approx(np.log(rejections[:, 0]).std(), rel=0.12)


def test_jets_of_an_event_count_once():
    score, signal = jets(1000)
    twice = np.repeat(np.arange(1000), 2)
    one, doubled = r.roc(score, signal), r.roc(score[twice], signal[twice], event=twice)
    np.testing.assert_allclose(r.auc(one), r.auc(doubled), rtol=1e-9)
    alone, in_events = r.area(one).influence, r.area(doubled).influence
    assert standard_error(in_events) == pytest.approx(standard_error(alone) / np.sqrt(2), rel=1e-3)
    np.testing.assert_allclose(r.rejection(one, 0.5)[:3], r.rejection(doubled, 0.5)[:3], rtol=2e-3)


def test_paired_comparisons_scatter_by_their_errors():
    differences, ratios = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        signal = rng.random(3000) < 0.4
        shared = rng.normal(size=3000) + 1.2 * signal
        a, b = (r.roc(shared + size * rng.normal(size=3000), signal) for size in (0.2, 0.5))
        differences.append(r.auc_difference(a, b))
        ratios.append(r.rejection_ratio(a, b, 0.5))
        assert differences[-1].value == pytest.approx(r.auc(a).value - r.auc(b).value)
    found = np.array(differences)
    error = np.median(found[:, 2] - found[:, 1]) / 2
    assert error == pytest.approx(found[:, 0].std(), rel=0.12)
    assert np.median(found[:, 3]) == pytest.approx(found[:, 0].mean() / error, rel=0.12)
    alone = np.diff(r.auc(a)[1:])[0] / 2
    assert error < 0.7 * alone
    found = np.array(ratios)
    assert np.median(np.log(found[:, 2] / found[:, 1])) / 2 == pytest.approx(np.log(found[:, 0]).std(), rel=0.12)
    assert found[-1, 0] == pytest.approx(r.rejection(a, 0.5).value / r.rejection(b, 0.5).value)


def test_a_score_does_not_differ_from_itself():
    score, signal = jets()
    a, b = r.roc(score, signal), r.roc(2 * score, signal)
    assert r.auc_difference(a, b) == (0, 0, 0, 0)
    assert r.rejection_ratio(a, b, 0.3) == (1, 1, 1, 0)
    with pytest.raises(ValueError, match="same jets"):
        r.auc_difference(a, r.roc(score, ~signal))


def test_few_jets_that_pass_give_a_bound():
    signal = np.arange(2000) < 1000
    none = r.rejection(r.roc(signal, signal), 0.5)
    assert none.few and none.value == none.high == np.inf
    assert none.low == none.bound == pytest.approx(1000 / -np.log(0.05))
    weighted = r.rejection(r.roc(signal, signal, np.full(2000, 0.1)), 0.5)
    assert weighted.bound == pytest.approx(none.bound)
    three = r.rejection(r.roc(np.where(np.arange(2000) < 1003, 1, 0), signal), 1.0)
    assert three.passing == pytest.approx(3) and three.value == pytest.approx(1000 / 3)
    assert three.bound == pytest.approx(1000 / 7.7537, rel=1e-4)  # Poisson: 3 seen, upper limit 7.7537 at 95 %
    many = r.rejection(r.roc(*jets(4000, 0.3, 1.0)), 0.5)
    assert not many.few and many.bound < many.value


def test_influences_of_each_class_cancel():
    score, signal = jets(ties=True)
    curve = r.roc(score, signal, signed_weights(len(score)))
    for estimate in (r.area(curve), r.background_efficiency(curve, 0.37)):
        assert np.abs(estimate.influence).max() > 1e-4
        for of_class in (signal, ~signal):
            assert estimate.influence[of_class].sum() == pytest.approx(0, abs=1e-12)
