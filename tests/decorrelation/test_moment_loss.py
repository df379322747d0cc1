"""The moment loss against its definition, for dependences of known order, and as a loss."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from pphysml.decorrelation.moment_loss import moment_loss

from .pairs import OPTIMUM, area, jets, trained


def defined(score, mass, weight, order, bins):
    """Return the loss from pairs of different jets, between one score and the next."""
    n = len(score)
    bin_ = np.empty(n, dtype=int)
    bin_[np.argsort(mass)] = np.arange(n) * bins // n
    p = weight / np.array([weight[bin_ == b].sum() for b in bin_])
    others = np.array([1 - (p[bin_ == b] ** 2).sum() for b in range(bins)])
    middles = (2 * np.arange(bins) + 1) / bins - 1
    left = np.eye(bins) - np.stack([np.polyval(np.polyfit(middles, row, order), middles) for row in np.eye(bins)], 1)
    total = 0.0
    ordered = np.sort(score)
    for low, high in itertools.pairwise(ordered):
        below = score <= low
        for i in np.flatnonzero(below):
            for j in np.flatnonzero(below):
                if i != j:
                    product = p[i] * p[j] * left[bin_[i], bin_[j]]
                    total += (high - low) * (product if bin_[i] != bin_[j] else product / others[bin_[i]])
    return total / bins


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("sign", [1, -1])
def test_values_are_those_of_the_definition(order, sign):
    rng = np.random.default_rng(order)
    score, mass, weight = rng.random(41), rng.normal(size=41), np.where(rng.random(41) < 0.2, sign * 0.3, 1.0)
    found = moment_loss(*torch.tensor(np.stack([score, mass, weight])), order=order, bins=6)
    assert found.item() == pytest.approx(defined(score, mass, weight, order, 6), rel=1e-9)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    score, mass, weight = torch.rand(30, dtype=torch.float64, requires_grad=True), torch.rand(30), torch.rand(30)
    assert torch.autograd.gradcheck(lambda s: moment_loss(s, mass, weight, 1, 5), score)


def dependent(n, power, seed):
    """Return (score, mass) with a distribution function of the score that is a polynomial of the mass, from -1 to 1."""
    rng = np.random.default_rng(seed)
    mass = rng.uniform(-1, 1, n)
    legendre = [np.ones_like(mass), mass, 1.5 * mass**2 - 0.5, 2.5 * mass**3 - 1.5 * mass][power]
    first = rng.random(n) < 0.5 + 0.4 * legendre * (power > 0)
    return torch.tensor(np.where(first, rng.random(n) ** 2, rng.random(n) ** 0.5)), torch.tensor(mass)


@pytest.mark.parametrize("power", [0, 1, 2, 3])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_what_an_order_allows_costs_nothing(power, order):
    """Chance alone has the mean 0; what is left of a forbidden dependence is many times the scatter."""
    values = [moment_loss(*dependent(5000, power, seed), torch.ones(5000), order, 16).item() for seed in range(30)]
    distance = np.mean(values) / (np.std(values) / np.sqrt(30))
    assert abs(distance) < 4 if power <= order else distance > 15


def test_of_several_variables_it_is_the_mean():
    score, mass = dependent(200, 1, 0)
    other, weight = dependent(200, 2, 1)[1], torch.rand(200)
    both = moment_loss(score, torch.stack([mass, other], 1), weight, 0, 8)
    torch.testing.assert_close(both, (moment_loss(score, mass, weight, 0, 8) + moment_loss(score, other, weight, 0, 8)) / 2)


def test_negative_weights_take_jets_away_and_bins_without_weight_do_not_count():
    score, mass = dependent(64, 1, 0)
    torch.testing.assert_close(moment_loss(score, mass, torch.ones(64), 0, 4), moment_loss(score, mass, 3 * torch.ones(64), 0, 4))
    # In the lowest of the four bins the weights cancel: what is left are three bins.
    order = torch.argsort(mass)
    weight = torch.ones(64).index_fill(0, order[:8], -1.0)
    rest = order[16:]
    torch.testing.assert_close(moment_loss(score, mass, weight, 0, 4), moment_loss(score[rest], mass[rest], torch.ones(48), 0, 3))


@pytest.mark.parametrize("n", [0, 1, 3])
def test_of_too_few_jets_it_is_0(n):
    score = torch.rand(n, requires_grad=True)
    value = moment_loss(score, torch.rand(n), torch.ones(n))
    assert value.item() == 0 and (torch.autograd.grad(value, score)[0] == 0).all()


@pytest.mark.parametrize(("useful", "best"), [(True, OPTIMUM), (False, 0.5)])
def test_a_network_forgets_the_mass(useful, best):
    signal = jets(20000, useful, 0)[1].numpy()
    assert abs(area(trained(moment_loss, 300.0, useful), signal) - best) < 0.035
