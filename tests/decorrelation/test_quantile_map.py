"""The quantile map on jets that it has not seen: flat everywhere, monotone, smooth, stored, and exact where that is known."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import kstest, norm

from pphysml.decorrelation.quantile_map import QuantileMap

from .biased_scores import biased, bins, by_chance, nearly_impossible
from .pairs import OPTIMUM, area, jets

CUTS = (0.5, 0.9, 0.98)


@pytest.fixture(scope="module")
def judged():
    """Jets that no fit sees."""
    return biased(100_000, 96)


@pytest.fixture(scope="module")
def in_both():
    """The map in mass and pT."""
    known = biased(200_000, 1)
    return QuantileMap.fit(known.score, known.coordinates("mass", "pt"), np.ones(len(known.score)))


def test_cuts_do_not_sculpt_mass_and_pt(judged, in_both):
    mapped = in_both(judged.score, judged.coordinates("mass", "pt"))
    tests = [(cut, bin_) for cut in CUTS for bin_ in bins(judged).values()]
    assert min(by_chance(mapped > cut, bin_) for cut, bin_ in tests) * len(tests) > 0.05
    assert max(nearly_impossible(judged.score > np.quantile(judged.score, cut), bin_) for cut, bin_ in tests) < 1e-6


def test_in_each_bin_of_mass_and_pt_the_map_is_uniform(judged, in_both):
    mapped = in_both(judged.score, judged.coordinates("mass", "pt"))
    found = [kstest(mapped[cell], "uniform").pvalue for bin_ in bins(judged).values() for b in np.unique(bin_)
             if (cell := bin_ == b).sum() > 300]
    assert len(found) > 80 and min(found) * len(found) > 0.05


def test_in_the_mass_over_pt_and_pt_it_is_as_flat():
    known, judged = biased(160_000, 3), biased(20_000, 97)
    columns = [np.stack([np.log(j.mass / j.pt), j.pt], 1) for j in (known, judged)]
    mapped = QuantileMap.fit(known.score, columns[0], np.ones(len(known.score)))(judged.score, columns[1])
    assert min(by_chance(mapped > cut, bin_) for cut in CUTS for bin_ in bins(judged).values()) * 9 > 0.05


def test_at_resonance_masses_that_were_held_out_it_is_uniform():
    known = biased(100_000, 3, resonance=0)
    names = ("mass", "pt", "resonance")
    fitted = QuantileMap.fit(known.score, known.coordinates(*names), np.ones(len(known.score)))
    found = []
    for resonance in (60.0, 80.0, 125.0, 150.0):
        judged = biased(5_000, int(resonance), resonance)
        mapped, other = (fitted(judged.score, judged.coordinates(*names) + np.array([0, 0, shift])) for shift in (0, 0.3))
        found += [kstest(mapped, "uniform").pvalue, by_chance(mapped > 0.5, bins(judged)["mass"])]
        assert kstest(other, "uniform").pvalue < 1e-6
    assert min(found) * len(found) > 0.05


def test_weights_of_either_sign_make_the_distribution():
    """Jets that count -1 take away those of another distribution of the score, which were added."""
    known, more, judged = biased(60_000, 5), biased(60_000, 6), biased(50_000, 7)
    added = more.score**2
    score = np.concatenate([known.score, known.score, added, added])
    mass = np.concatenate([known.mass, known.mass, more.mass, more.mass])
    weight = np.concatenate([np.full(60_000, 1.5), np.full(60_000, -0.5), np.full(60_000, 0.7), np.full(60_000, -0.7)])
    order = np.random.default_rng(0).permutation(len(score))
    mapped = QuantileMap.fit(score[order], mass[order], weight[order])(judged.score, judged.mass)
    assert abs(kstest(mapped, "uniform").statistic) < 0.01
    assert all(abs(mapped[(judged.mass > low) & (judged.mass < high)].mean() - 0.5) < 0.02 for low, high in ((50, 60), (80, 100), (150, 300)))


def test_more_jets_are_followed_more_closely():
    """With few jets only what they show is fitted; the distance from uniform falls as one over the root of their number."""
    judged = biased(50_000, 8)
    distances = []
    for n in (1000, 30_000):
        fitted = [QuantileMap.fit(j.score, j.coordinates("mass"), np.ones(n)) for j in (biased(n, seed) for seed in range(10, 14))]
        mapped = [f(judged.score, judged.coordinates("mass")) for f in fitted]
        bin_ = bins(judged)["mass"] // 4
        means = [np.bincount(bin_, m)[:6] / np.bincount(bin_)[:6] for m in mapped]
        distances.append(np.sqrt(np.mean((np.array(means) - 0.5) ** 2)))
    assert distances[0] < 0.06 and distances[1] < distances[0] / 2.5


def test_a_score_that_is_the_mass_has_no_power_left():
    known = biased(20_000, 9)
    mass = np.random.default_rng(0).normal(80, 10, 2000).clip(51)
    for form in (lambda m: m, lambda m: np.exp(-m / 100), lambda m: np.float32(m)):
        for coordinate in (lambda m: m, np.log):
            fitted = QuantileMap.fit(form(known.mass), coordinate(known.mass), np.ones(20_000))
            mapped = fitted(form(np.concatenate([known.mass, mass])), coordinate(np.concatenate([known.mass, mass])))
            assert area(mapped, np.arange(22_000) >= 20_000) == pytest.approx(0.5, abs=1e-3)


def test_of_a_gaussian_pair_what_does_not_depend_on_the_mass_is_left():
    """s = m + z, whose distribution function given m is that of z, whose area is known."""
    x, signal = (t.numpy() for t in jets(50_000, True, 10))
    known = jets(50_000, True, 11)[0][:50_000].numpy()
    fitted = QuantileMap.fit(known.sum(1), known[:, 0], np.ones(50_000))
    mapped = fitted(x.sum(1), x[:, 0])
    inside = np.abs(x[:, 0]) < 2.5
    assert np.abs(mapped - norm.cdf(x[:, 1]))[inside].max() < 0.03
    assert area(mapped, signal) == pytest.approx(OPTIMUM, abs=0.01)


def test_it_increases_with_the_score_also_beyond_all_that_was_fitted(in_both):
    score = np.concatenate([-np.geomspace(3, 1e-6, 500), np.linspace(0, 1, 3000), 1 + np.geomspace(1e-6, 3, 500)])
    for point in ([60, 420], [100, 900], [290, 700], [500, 5000]):
        mapped = in_both(score, np.log(np.tile(point, (len(score), 1))))
        assert (mapped >= 0).all() and (mapped <= 1).all() and (np.diff(mapped) >= 0).all()
        middle = (mapped > 1e-9) & (mapped < 1 - 1e-9)
        assert middle.sum() > 500 and (np.diff(mapped[middle]) > 0).all()


def test_it_is_smooth_in_the_coordinates(in_both):
    """Between bins there would be steps; here halving a small distance halves the difference."""
    mass = np.exp(np.linspace(np.log(51), np.log(280), 20001))
    coordinates = np.log(np.stack([mass, np.full_like(mass, 700.0)], 1))
    mapped = in_both(np.full(len(mass), 0.1), coordinates)
    assert np.ptp(mapped) > 0.3
    assert np.abs(np.diff(mapped)).max() < 1e-3
    assert np.abs(np.diff(mapped)).max() < 0.6 * np.abs(mapped[2::2] - mapped[:-2:2]).max()


def test_the_form_and_the_unit_of_the_score_do_not_matter(judged):
    known = biased(50_000, 12)
    maps = [QuantileMap.fit(form(known.score), known.mass, weight * np.ones(50_000))(form(judged.score), judged.mass)
            for form, weight in ((lambda s: s, 1.0), (logit, 1.0), (lambda s: 1000 * s - 3, 7.0))]
    assert all(np.abs(maps[0] - other).max() < 0.01 for other in maps[1:])


def test_equal_scores_are_uniform_too(judged):
    """Half of all scores are 0, more at small masses, and the others have two digits."""
    def rounded(jets):
        return np.where(jets.score < 0.04, 0, np.round(jets.score, 2))

    known = biased(100_000, 13)
    mapped = QuantileMap.fit(rounded(known), known.coordinates("mass"), np.ones(100_000))(rounded(judged), judged.coordinates("mass"))
    assert 0.3 < (rounded(judged) == 0).mean() < 0.7
    assert all(by_chance(mapped[:50_000] > cut, bins(judged)["mass"][:50_000]) > 0.01 for cut in (0.2, 0.5, 0.9))
    # Which of equal jets comes first depends on themselves alone.
    again = QuantileMap.fit(rounded(known), known.coordinates("mass"), np.ones(100_000))(rounded(judged)[::-1], judged.coordinates("mass")[::-1])
    np.testing.assert_array_equal(again[::-1], mapped)


def test_one_score_for_all_is_ordered_by_chance(judged):
    mapped = QuantileMap.fit(np.full(1000, 0.5), judged.mass[:1000], np.ones(1000))(np.full(100_000, 0.5), judged.mass)
    assert kstest(mapped, "uniform").statistic < 0.06


def test_what_is_stored_gives_the_same(judged, in_both):
    file = io.BytesIO()
    np.savez(file, **in_both.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        again = QuantileMap.of(stored)
    coordinates = judged.coordinates("mass", "pt")
    np.testing.assert_array_equal(again(judged.score, coordinates), in_both(judged.score, coordinates))
    assert sum(array.nbytes for array in in_both.arrays().values()) < 1e6


def test_jets_outside_count_as_at_the_end_and_are_counted(in_both):
    coordinates = np.log([[100.0, 600.0], [1000, 600], [1e4, 600], [100, 300], [1000, 300]])
    mapped = in_both(np.full(5, 0.1), coordinates)
    assert in_both.outside(coordinates).tolist() == [False, True, True, True, True]
    assert mapped[1] == mapped[2] and np.isfinite(mapped).all()
    assert np.isnan(in_both(np.array([0.1, np.nan]), np.array([[np.nan, 6], [5, 6]]))).all()
    assert len(in_both(np.empty(0), np.empty((0, 2)))) == 0


@pytest.mark.parametrize(("change", "reason"), [
    ({"score": np.ones(10), "coordinates": np.ones(10), "weight": np.ones(10)}, "too few"), ({"coordinates": np.ones((200, 4))}, "1 to 3"),
    ({"score": np.full(200, np.nan)}, "not finite"), ({"weight": np.full(200, -1.0)}, "sum"),
], ids=["few", "coordinates", "NaN", "weights"])
def test_what_cannot_be_fitted_is_refused(change, reason):
    given = {"score": np.arange(200.0), "coordinates": np.arange(200.0), "weight": np.ones(200), **change}
    with pytest.raises(ValueError, match=reason):
        QuantileMap.fit(**given)
