"""Tables of factors: known densities are found without truth, margins agree, and unscattered pairs are told."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.likelihood import tables_fit
from pphysml.tasks.petnet.likelihood.tables import (
    AXES,
    BINS,
    ENOUGH,
    OUTER,
    reach_of,
    table_log_ratio,
)
from pphysml.tasks.petnet.likelihood.tables_fit import Binned, cross_fit, fit_tables
from pphysml.tasks.petnet.likelihood.unscattered import unscattered_table

N_TRUE, N_RANDOM, SAMPLE = 60_000, 40_000, 200_000
NAMES = sorted({name for axes in AXES for name in axes})


def pairs_of(rng, n, true):
    """Quantities from 0 to 1; of true pairs, `aside` falls, and the faster the higher the `lower` energy."""
    values = {name: rng.random(n) for name in NAMES}
    if true:
        values["aside"] = rng.beta(1, 1 + 8 * values["lower"])
        values["slope"] = rng.beta(2, 5, n)
    return values


def density_ratio(values):
    b = 1 + 8 * values["lower"]
    slope = 30 * values["slope"] * (1 - values["slope"]) ** 4
    return N_TRUE / N_RANDOM * b * (1 - values["aside"]) ** (b - 1) * slope


def bins_of(values):
    bins = {name: np.clip(v * BINS, 0, BINS - 1).astype(np.int64) for name, v in values.items()}
    return np.stack([bins[a] * BINS + bins[b] for a, b in AXES])


@pytest.fixture(scope="module")
def material():
    rng = np.random.default_rng(0)
    true, random, sample = pairs_of(rng, N_TRUE, True), pairs_of(rng, N_RANDOM, False), pairs_of(rng, SAMPLE, False)
    prompts = {name: np.concatenate([true[name], random[name]]) for name in NAMES}
    # To begin with, one quantity is known, as an image would know lines; nothing of the energies is.
    start = np.log(N_TRUE / N_RANDOM * 5 * (1 - prompts["aside"]) ** 4 + 1e-9)
    return prompts, Binned(bins_of(prompts), bins_of(sample), start, N_RANDOM / SAMPLE)


def test_the_density_of_true_pairs_is_found_without_truth(material):
    prompts, binned = material
    probability = 1 / (1 + np.exp(-table_log_ratio(fit_tables(binned), binned.prompts)))
    ratio = density_ratio(prompts)
    expected = ratio / (1 + ratio)
    assert np.abs(probability - expected).mean() < 0.04
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1)):
        inside = (probability >= low) & (probability < high)
        assert abs(expected[inside].mean() - probability[inside].mean()) < 0.035
    assert np.isclose(probability.sum(), N_TRUE, rtol=0.03)


def test_random_pairs_times_the_factors_are_as_many_as_the_true_ones_in_every_row(material, monkeypatch):
    monkeypatch.setattr(tables_fit, "SMOOTHING", (1e-6, 1))
    monkeypatch.setattr(tables_fit, "PRIOR", 1e-6)
    _, binned = material
    tables = fit_tables(binned)
    expected = binned.share * np.exp(table_log_ratio(tables, binned.randoms))
    true = 1 / (1 + np.exp(-table_log_ratio(tables, binned.prompts)))
    found, wanted = (np.bincount(b[-1] // BINS, w, BINS) for b, w in ((binned.randoms, expected), (binned.prompts, true)))
    assert np.allclose(found, wanted, rtol=0.02)


def test_halves_tell_of_each_other_as_all_pairs_do_and_less_surely(material):
    _, binned = material
    crossed, tables = cross_fit(binned), fit_tables(binned)
    whole = table_log_ratio(tables, binned.prompts)
    assert np.corrcoef(np.clip(crossed.prompts, -5, 5), np.clip(whole, -5, 5))[0, 1] > 0.98

    def likelihood(prompts, randoms):
        return np.log1p(np.exp(np.minimum(prompts, 30))).sum() - binned.share * np.exp(randoms).sum()

    assert likelihood(*crossed) < likelihood(whole, table_log_ratio(tables, binned.randoms))
    other = Binned(binned.prompts[:, ::-1], binned.randoms[:, ::-1], binned.start[::-1], binned.share)
    assert np.allclose(cross_fit(other).prompts[::-1], crossed.prompts)


def test_unscattered_pairs_are_told_by_where_the_peak_lies():
    energy, place = np.linspace(0.391, 0.601, BINS + 1)[:-1, None] + 0.004, np.arange(BINS)[None, :]
    lines = np.exp(-0.5 * (place / 5) ** 2)
    unscattered = 2000 * np.exp(-0.5 * ((energy - 0.511) / 0.028) ** 2) * lines
    scattered = 60 * np.clip((0.5 - energy) / 0.1, 0, 1) * np.exp(-0.5 * (place / 12) ** 2)
    bins = np.arange(BINS * BINS)
    found = unscattered_table(bins, (unscattered + scattered).ravel(), (0.391, 0.601)).reshape(BINS, BINS)
    expected = unscattered / (unscattered + scattered)
    assert (found >= 0).all() and (found <= 1).all()
    # Amid the unscattered lines those of low energy are not told, which are few.
    assert np.average(np.abs(found - expected), weights=unscattered + scattered) < 0.06
    aside = np.broadcast_to(place > 10, expected.shape)
    assert np.average(np.abs(found - expected)[aside], weights=(unscattered + scattered)[aside]) < 0.06
    assert expected[aside].min() < 0.05 < 0.8 < expected[aside].max()


def test_without_a_peak_every_pair_counts_as_unscattered():
    low = np.repeat(np.arange(5), BINS) * BINS + np.tile(np.arange(BINS), 5)
    assert (unscattered_table(low, np.ones(len(low)), (0.391, 0.601)) == 1).all()


def test_bins_go_on_to_the_farthest_pair_if_there_are_enough():
    rng = np.random.default_rng(1)
    for n, farther in ((ENOUGH - 1, False), (ENOUGH, True)):
        true = np.arange(n) < n // 2
        distance = np.stack([np.where(true, np.abs(rng.normal(0, sigma, n)), rng.uniform(0, 100, n)) for sigma in (5.0, 10.0)])
        knots, share = reach_of(distance, true.astype(np.float64)).transpose(1, 0, 2)
        begin, end = knots[:, -2], knots[:, -1]
        assert (np.diff(knots, axis=1) >= 0).all() and (np.diff(share, axis=1) >= 0).all()
        assert np.array_equal(share[:, [0, -1]], [[0, 1], [0, 1]])
        last = np.array([np.quantile(of[true], 0.99) for of in distance])
        if farther:
            assert np.allclose(begin, 1.2 * last, rtol=1e-3)
            assert np.array_equal(end, distance.max(axis=1))
            assert np.allclose(share[:, -2], 1 - OUTER)
        else:
            assert np.allclose(begin, 1.2 * last, rtol=1e-3)
            assert np.allclose(share[:, -2], 1.0)
            # Half of the true pairs are not much nearer than the others: all bins are equally wide.
            assert np.allclose(share[:, :-1], knots[:, :-1] / knots[:, -2:-1])


def test_a_small_source_beside_scattered_pairs_has_many_bins():
    rng = np.random.default_rng(2)
    distance = np.abs(np.where(rng.random(20_000) < 0.95, rng.normal(0, 0.5, 20_000), rng.uniform(0, 60, 20_000)))
    (knots, share), _ = reach_of(np.stack([distance, distance]), np.ones(20_000))
    # Of equally wide bins it has one.
    assert np.interp(1.0, knots, share) > 8 / BINS
