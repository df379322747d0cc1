"""Cuts judged by a fit of the mass: histograms by hand, known limits, the scatter of samples."""

import numpy as np
import pytest

from pphysml.evaluation import mass_fit as f
from pphysml.evaluation.counting_significance import counting_significance
from pphysml.evaluation.mass_templates import (
    BACKGROUND,
    FAIL,
    FEWEST,
    PASS,
    SIGNAL,
    Jets,
    Yields,
    failing_and_passing,
    fit_regions,
    floored_bins,
    mass_sums,
    mergers,
)
from pphysml.evaluation.roc import roc, threshold

EDGES = np.arange(50.0, 301.0, 10.0)
YIELDS = Yields(300, 20_000)
EXACT, TENTH = f.Uncertainty(), f.Uncertainty(0.1)


def sample(n=20_000, seed=0, weights=None):
    """Return jets, a score that ignores the mass, and one that reads it, in weights drawn from those given."""
    rng = np.random.default_rng(seed)
    signal = rng.random(n) < 0.3
    mass = np.where(signal, rng.normal(100, 10, n), 50 + rng.exponential(60, n))
    flat = rng.normal(size=n) + 2 * signal
    w = None if weights is None else rng.choice(weights, n)
    return Jets(mass, signal, w), flat, flat - ((mass - 100) / 30) ** 2


def halves(jets, passed):
    return mass_sums(jets, EDGES, passed, 2)[0]


def test_sums_are_those_of_histograms():
    jets, score, _ = sample(3000, weights=[1.0, 2.0, -0.5])
    cuts = [-1.0, 0.5, 2.0]
    sums = failing_and_passing(mass_sums(jets, EDGES, np.searchsorted(cuts, score, side="right"), 4)[0])
    for cut, of_cut in zip(cuts, sums, strict=True):
        for region, passed in ((FAIL, score < cut), (PASS, score >= cut)):
            for kind in (BACKGROUND, SIGNAL):
                chosen = passed & (jets.signal == kind)
                for power in (0, 1):
                    w = jets.weights[chosen] ** (power + 1)
                    found = of_cut[region, kind, power]
                    np.testing.assert_allclose(found[:-1], np.histogram(jets.mass[chosen], EDGES, weights=w)[0], atol=1e-9)
                    assert found.sum() == pytest.approx(w.sum())


def test_merged_bins_hold_enough_background_and_keep_all():
    jets, _, plain = sample(3000)
    sums = halves(jets, plain > 1)
    for region, merger in zip(sums, mergers(sums), strict=True):
        held = region[BACKGROUND, 0, :-1] @ merger
        assert held.sum() == region[BACKGROUND, 0, :-1].sum()
        used = merger.any(0)
        assert (held[used] >= FEWEST).all() and (held[~used] == 0).all() and used.sum() > 2
    assert not mergers(halves(jets, plain > 50))[PASS].any()


def test_templates_have_the_yields_and_the_variance_of_their_jets():
    jets, flat, _ = sample(8000, weights=[1.0, 3.0])
    sums = halves(jets, flat > 1)
    regions = fit_regions(sums, mergers(sums), YIELDS)
    w = jets.weights
    for kind, total in ((BACKGROUND, YIELDS.background), (SIGNAL, YIELDS.signal)):
        of_kind = jets.signal == kind
        inside = of_kind & (jets.mass >= EDGES[0]) & (jets.mass < EDGES[-1])
        found = sum(np.sum(region.signal if kind == SIGNAL else region.background) for region in regions)
        assert found == pytest.approx(total * w[inside].sum() / w[of_kind].sum())
    first = ~jets.signal & (flat > 1) & (jets.mass >= 50) & (jets.mass < 60)
    assert regions[PASS].variance[0] == pytest.approx((w[first] ** 2).sum() / w[first].sum() ** 2)


def test_one_bin_without_signal_in_the_rest_is_counting():
    n = 4000
    signal = np.arange(n) < 1000
    passed = signal | (np.arange(n) < 1400)
    jets = Jets(np.full(n, 100.0), signal)
    found = f.fit_mass(passed, jets, [50, 150], Yields(50, 3000), TENTH, replicas=2)
    assert (found.signal_efficiency, found.background_efficiency) == (1, pytest.approx(400 / 3000))
    rest = f.fit_mass(passed, jets, [50, 150], Yields(50, 3000), EXACT, replicas=2)
    # 3000 simulated jets stand for 3000 expected ones: the template is as uncertain as the data.
    assert rest.value == pytest.approx(counting_significance(50, 400, np.sqrt(400)))
    assert found.value == pytest.approx(counting_significance(50, 400, np.hypot(40, 20)), rel=0.01)
    known = f.fit_mass(passed, jets, [50, 150], Yields(50, 3000), f.Uncertainty(templates=0), replicas=2)
    assert known.value == pytest.approx(counting_significance(50, 400)) == pytest.approx(known.counting)
    twice = f.fit_mass(passed, jets, [50, 150], Yields(50, 3000), f.Uncertainty(templates=2), replicas=2)
    assert twice.value == pytest.approx(counting_significance(50, 400, np.sqrt(800)))
    assert (rest.counting, found.counting) == pytest.approx([counting_significance(50, 400, e) for e in (20, np.hypot(40, 20))])


def test_a_score_flat_in_mass_feels_no_sculpting_and_hardly_the_normalisation():
    jets, flat, plain = sample(60_000)
    cut = {name: s >= threshold(roc(s, jets.signal), 0.7) for name, s in (("flat", flat), ("plain", plain))}
    found = {(name, u): f.fit_mass(passed, jets, EDGES, YIELDS, u, 2).value for name, passed in cut.items() for u in (EXACT, TENTH, f.Uncertainty(0.5), f.Uncertainty(0.1, 0.2))}
    assert found["flat", f.Uncertainty(0.5)] > 0.8 * found["flat", EXACT]
    assert found["flat", f.Uncertainty(0.1, 0.2)] > 0.995 * found["flat", TENTH]
    assert found["plain", f.Uncertainty(0.5)] < 0.5 * found["plain", EXACT]
    assert found["plain", f.Uncertainty(0.1, 0.2)] < 0.9 * found["plain", TENTH]


def test_counting_favours_the_score_that_reads_the_mass_and_the_fit_does_not():
    jets, flat, plain = sample(60_000)
    flat, plain = (f.scan_cuts(s, jets, EDGES, YIELDS, [TENTH], [0.4, 0.5, 0.6]) for s in (flat, plain))
    assert (plain.counting > 1.1 * flat.counting).all()
    assert (flat.significance > 1.1 * plain.significance).all()


def test_a_scan_is_the_fit_of_each_cut():
    jets, _, plain = sample(6000, weights=[1.0, 1.0, -0.3])
    scan = f.scan_cuts(plain, jets, EDGES, YIELDS, [TENTH, f.Uncertainty(0.1, 0.2)], [0.9, 0.6, 0.75])
    for row, counting, uncertainty in zip(scan.significance, scan.counting, scan.uncertainties, strict=True):
        for efficiency, cut, value, counted in zip(scan.efficiency, scan.threshold, row, counting, strict=True):
            one = f.fit_mass(plain >= cut, jets, EDGES, YIELDS, uncertainty, 2)
            assert one.value == pytest.approx(value)
            assert one.counting == pytest.approx(counted)
            assert one.signal_efficiency == pytest.approx(efficiency, abs=2e-3)
    assert scan.best(TENTH) == np.argmax(scan.significance[0])


def test_cuts_without_background_are_not_fitted():
    jets, flat, _ = sample(2000)
    score = np.where(jets.signal & (flat > 2), flat + 10, flat)
    scan = f.scan_cuts(score, jets, EDGES, YIELDS, [EXACT], [0.1, 0.8])
    assert np.isnan(scan.significance[0, 0]) and scan.best(EXACT) == 1
    with pytest.raises(ValueError, match="too few background"):
        f.fit_mass(score > 10, jets, EDGES, YIELDS, EXACT)
    with pytest.raises(ValueError, match="at no cut"):
        f.scan_cuts(score, jets, EDGES, YIELDS, [EXACT], [0.1]).best(EXACT)


def test_the_cut_is_chosen_on_validation_jets():
    (validation, score, _), (test, other, _) = sample(6000, 1), sample(6000, 2)
    scan = f.scan_cuts(score, validation, EDGES, YIELDS, [TENTH])
    cut = scan.threshold[scan.best(TENTH)]
    found = f.judge_best_cut((score, validation), (other, test), EDGES, YIELDS, TENTH, 3)
    assert found.value == f.fit_mass(other >= cut, test, EDGES, YIELDS, TENTH, 3).value
    assert found.signal_efficiency == (other[test.signal] >= cut).mean()


def test_errors_equal_the_scatter_of_samples_alone_and_paired():
    first, second = [], []
    for seed in range(80):
        jets, flat, plain = sample(6000, seed, [1.0, 1.0, 1.0, -0.5])
        replicas = 40 if seed < 20 else 2
        first.append(f.fit_mass(flat >= 1, jets, EDGES, YIELDS, TENTH, replicas))
        second.append(f.fit_mass(plain >= 0.5, jets, EDGES, YIELDS, TENTH, replicas))
    for fits in (first, second):
        error = np.mean([fit.high - fit.value for fit in fits[:20]])
        assert error == pytest.approx(np.std([fit.value for fit in fits]), rel=0.25)
    pairs = [f.significance_difference(a, b) for a, b in zip(first, second, strict=True)]
    error = np.mean([pair.high - pair.value for pair in pairs[:20]])
    assert error == pytest.approx(np.std([pair.value for pair in pairs]), rel=0.25)
    assert pairs[0].sigma == pytest.approx(pairs[0].value / (pairs[0].high - pairs[0].value))
    assert f.significance_difference(first[0], first[0]) == (0, 0, 0, 0)


def test_the_scale_of_weights_has_no_part():
    jets, _, plain = sample(5000, weights=[1.0, 2.0, -0.5])
    scaled = Jets(jets.mass, jets.signal, 17 * jets.weights)
    u = f.Uncertainty(0.1, 0.2)
    one, other = (f.fit_mass(plain > 1, j, EDGES, YIELDS, u, 20) for j in (jets, scaled))
    assert other.value == pytest.approx(one.value)
    np.testing.assert_allclose(other.replicas, one.replicas, rtol=1e-6)


def test_bins_below_zero_are_floored_and_counted():
    jets, flat, _ = sample(4000)
    weights = np.where(jets.signal & (jets.mass < 80), -1.0, 1.0)
    sums = halves(Jets(jets.mass, jets.signal, weights), flat > 1)
    merged = mergers(sums)
    negative = [jets.signal & (passed == (flat > 1)) & (jets.mass >= low) & (jets.mass < low + 10)
                for passed in (True, False) for low in (50, 60, 70)]
    assert floored_bins(sums, merged) == sum(chosen.any() for chosen in negative) >= 3
    assert all((np.asarray(region.signal) >= 0).all() for region in fit_regions(sums, merged, YIELDS))
    assert np.isfinite(f.fit_mass(flat > 1, Jets(jets.mass, jets.signal, weights), EDGES, YIELDS, TENTH, 5).value)
