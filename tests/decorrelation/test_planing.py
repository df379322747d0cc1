"""Planing: classes get the same spectra, and a network that is trained with them does not use the mass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.decorrelation.planing import FLAT, Planing

from .pairs import OPTIMUM, area, jets, trained


def sample(n=60000, seed=0, signed=False):
    """Return (mass, pT), classes and weights: falling background, and a signal at a mass."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, n)
    mass = np.where(classes == 1, rng.normal(80, 12, n), 50 + rng.exponential(40, n)).clip(50, 300)
    pt = 400 + rng.exponential(150, n) + 0.5 * mass
    return np.stack([mass, pt], 1), classes, rng.choice([2.0, 1.0, -0.5], n) if signed else rng.random(n)


def spectra(planing, coordinates, classes, weight):
    """Return the spectrum of each class, its sum is 1 before planing, (classes, bins...)."""
    coordinates = coordinates.reshape(len(classes), -1)
    inside = np.clip(coordinates, [e[0] for e in planing.edges], [e[-1] for e in planing.edges])
    return np.stack([np.histogramdd(inside[classes == c], planing.edges, weights=weight[classes == c])[0] for c in range(int(classes.max()) + 1)])


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("reference", [FLAT, 0, 1])
@pytest.mark.parametrize("signed", [False, True])
def test_all_classes_get_the_same_spectrum(columns, reference, signed):
    coordinates, classes, weight = sample(signed=signed)
    coordinates = coordinates[:, :columns]
    planing = Planing.fit(coordinates, classes, weight, reference, bins=20, cap=50.0)
    total = np.array([weight[classes == c].sum() for c in (0, 1)]).reshape(-1, *[1] * columns)
    before, after = (spectra(planing, coordinates, classes, w) / total for w in (weight, weight * planing(coordinates, classes)))
    assert np.abs(before[0] - before[1]).sum() > 0.5
    np.testing.assert_allclose(after[0], after[1], atol=1e-12)
    assert after[0].sum() == pytest.approx(1)
    # What the cap leaves free is the reference.
    free = (planing.factors.max(0) < 49.9) & (after[0] > 0)
    volume = np.diff(planing.edges[0]) if columns == 1 else np.multiply.outer(*map(np.diff, planing.edges))
    ratio = after[0][free] / (volume if reference == FLAT else before[reference])[free]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)


def test_an_odd_jet_does_not_make_the_range_in_which_a_spectrum_is_flat():
    coordinates, classes, weight = sample()
    mass = coordinates[:, 0]
    usual = Planing.fit(mass, classes, weight, FLAT, bins=20)(mass, classes)
    mass[0] = 1e9
    odd, inside = Planing.fit(mass, classes, weight, FLAT, bins=20)(mass, classes), mass < 110
    assert np.isclose(odd[inside], usual[inside], rtol=0.01).mean() > 0.999  # a few at the edges are in the next bin


def test_factors_stay_below_the_cap_and_where_a_class_is_missing_no_jet_counts():
    mass = np.concatenate([np.linspace(0, 10, 1000), np.linspace(0, 5, 990), np.linspace(9, 9.9, 10)])
    classes = np.repeat([0, 1], 1000)
    planing = Planing.fit(mass, classes, np.ones(2000), bins=40, cap=3.0)
    factors = planing(mass, classes)
    assert factors.max() == pytest.approx(3) and factors.min() == 0
    assert (factors[(mass > 5.5) & (mass < 8.5)] == 0).all()
    # The classes share too little: what is left is less than before, and the same for both.
    planing = Planing.fit(mass, classes, np.ones(2000), bins=40, cap=1.0)
    sums = np.bincount(classes, planing(mass, classes))
    assert sums[0] == pytest.approx(sums[1]) and sums[0] < 600


def test_a_sample_without_factors_has_the_same_spectra():
    coordinates, classes, weight = sample(200000)
    planing = Planing.fit(coordinates[:, 0], classes, weight, reference=1, bins=20)
    kept = planing.accepted(coordinates[:, 0], classes, np.random.default_rng(1))
    weighted = spectra(planing, coordinates[:, 0], classes, weight * planing(coordinates[:, 0], classes)) / planing.factors.max()
    sampled = spectra(planing, coordinates[:, 0], classes, weight * kept)
    variance = spectra(planing, coordinates[:, 0], classes, weight**2 * kept)
    squares = ((sampled - weighted) ** 2)[variance > 0] / variance[variance > 0]
    assert squares.size > 30 and abs(squares.sum() - squares.size) < 4 * np.sqrt(2 * squares.size)


def test_stored_factors_are_the_same_and_jets_outside_have_those_of_the_end():
    coordinates, classes, weight = sample()
    planing = Planing.fit(coordinates, classes, weight)
    again = Planing.of(planing.arrays())
    np.testing.assert_array_equal(again(coordinates, classes), planing(coordinates, classes))
    far = np.array([[1e6, 1e6], [0.0, 0.0]])
    ends = np.array([[e[-1] for e in planing.edges], [e[0] for e in planing.edges]])
    np.testing.assert_array_equal(planing(far, np.zeros(2, int)), planing(ends, np.zeros(2, int)))


def test_a_class_without_weight_is_refused():
    with pytest.raises(ValueError, match="Class 1"):
        Planing.fit(np.arange(4.0), np.array([0, 0, 1, 1]), np.array([1.0, 1, 1, -1]))


def test_a_network_forgets_the_mass():
    """Mass and z are independent in each class: with the spectra of the mass made equal, z alone is the best."""
    x, signal = (t.numpy() for t in jets(50000, True, 0))
    planing = Planing.fit(x[:, 0], signal.astype(int), np.ones(len(x)), reference=1, cap=30.0)

    def weigh(batch, which):
        return torch.tensor(planing(batch[:, 0].numpy(), which.numpy().astype(int)), dtype=torch.float32)

    found = trained(lambda score, mass, weight: score.sum(), 0.0, True, weigh=weigh)
    assert abs(area(found, jets(20000, True, 0)[1].numpy()) - OPTIMUM) < 0.02


@pytest.mark.parametrize("values", [2, 3, 8])
def test_of_few_values_each_has_its_own_factors(values):
    rng = np.random.default_rng(4)
    classes = np.arange(30_000) % 2
    column = np.where(classes == 1, rng.integers(0, values, 30_000), np.minimum(rng.geometric(0.4, 30_000) - 1, values - 1)).astype(float)
    factors = Planing.fit(column, classes, np.ones(30_000), reference=1)(column, classes)
    sums = np.array([np.bincount(column[classes == k].astype(int), factors[classes == k], values) for k in (0, 1)])
    np.testing.assert_allclose(*(sums / sums.sum(1, keepdims=True)), atol=1e-9)
