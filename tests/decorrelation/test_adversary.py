"""Adversaries: densities are normalised, what can be known is learned, a network forgets the mass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import truncnorm

from pphysml.decorrelation.adversary import MassBins, MassMixture, equal_bins
from pphysml.nn.gradient_reversal import reverse_gradient

from .pairs import OPTIMUM, area, jets, trained


def shaken(adversary):
    """Return it with parameters far from those it begins with."""
    with torch.no_grad():
        for parameter in adversary.parameters():
            parameter += torch.randn_like(parameter)
    return adversary


def test_bins_hold_equal_numbers_and_equal_masses_make_fewer():
    mass = np.random.default_rng(0).exponential(30, 1000)
    assert (np.histogram(mass, [-np.inf, *equal_bins(mass, 10), np.inf])[0] == 100).all()
    assert len(equal_bins(np.where(mass < 20, 0.0, mass), 10)) < 9


@pytest.mark.parametrize("conditions", [0, 2])
def test_probabilities_of_bins_sum_to_one(conditions):
    torch.manual_seed(0)
    edges = np.array([60.0, 80, 130])
    adversary = shaken(MassBins(edges, conditions))
    inputs = torch.rand(50), torch.rand(50, conditions) if conditions else None
    found = [torch.exp(-adversary(inputs[0], torch.full((50,), mass), inputs[1])) for mass in (50.0, 60.0, 90.0, 400.0)]
    assert all(f.shape == (50,) for f in found)
    torch.testing.assert_close(sum(found), torch.ones(50))


@pytest.mark.parametrize("conditions", [0, 1])
def test_densities_of_mixtures_are_normalised_inside_the_range(conditions):
    torch.manual_seed(0)
    adversary = shaken(MassMixture(50, 300, conditions))
    inputs = torch.rand(9), torch.rand(9, conditions) if conditions else None
    masses = torch.linspace(50, 300, 5001)
    repeated = inputs[0].repeat(5001), masses.repeat_interleave(9), None if inputs[1] is None else inputs[1].repeat(5001, 1)
    found = torch.exp(-adversary(*repeated)).detach().reshape(5001, 9)
    torch.testing.assert_close(torch.trapezoid(found, (masses - 50) / 250, dim=0), torch.ones(9), rtol=1e-3, atol=1e-3)
    for outside, end in ((20.0, 50.0), (900.0, 300.0)):
        torch.testing.assert_close(*(adversary(inputs[0], torch.full((9,), mass), inputs[1]) for mass in (outside, end)))


def learn(adversary, score, mass, conditions=None, weight=None, steps=200):
    """Train an adversary; return its mean."""
    optimizer = torch.optim.Adam(adversary.parameters(), 0.02)
    weight = torch.ones(len(score)) if weight is None else weight
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (weight * adversary(score, mass, conditions)).sum() / weight.sum()
        loss.backward()
        optimizer.step()
    return loss.item()


def known(n, width=0.15):
    """Return (score, mass): normal around the score, cut off at 0 and 1; and the mean of -log of the true density."""
    rng = np.random.default_rng(0)
    score = rng.random(n)
    true = truncnorm(-score / width, (1 - score) / width, score, width)
    mass = true.rvs(random_state=rng)
    return torch.tensor(score, dtype=torch.float32), torch.tensor(mass, dtype=torch.float32), -np.log(true.pdf(mass)).mean()


def test_a_mixture_learns_the_true_density():
    torch.manual_seed(0)
    score, mass, best = known(2000)
    assert best < -0.4
    assert abs(learn(MassMixture(0, 1), score, mass) - best) < 0.03
    assert abs(learn(MassMixture(0, 1), torch.rand(2000), mass, steps=50)) < 0.05


def test_bins_learn_what_can_be_known():
    torch.manual_seed(0)
    score, mass, _ = known(2000)
    edges = equal_bins(mass.numpy(), 10)
    alone = learn(MassBins(edges), torch.zeros(2000), mass)
    assert abs(alone - np.log(10)) < 0.01
    assert learn(MassBins(edges), score, mass) < alone - 0.4
    assert learn(MassBins(edges, 1), torch.zeros(2000), mass, score[:, None]) < alone - 0.4


def test_weights_make_the_distribution():
    """Jets of weight 0 are not learned, and negative weights take jets away."""
    torch.manual_seed(0)
    mass = torch.cat([torch.zeros(300), torch.ones(300), torch.ones(200)])
    weight = torch.cat([torch.ones(600), -torch.ones(200)])
    adversary = MassBins(np.array([0.5]))
    learn(adversary, torch.zeros(800), mass, weight=weight)
    assert torch.exp(-adversary(torch.zeros(1), torch.ones(1))).item() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("kind", ["bins", "mixture"])
@pytest.mark.parametrize(("useful", "best"), [(True, OPTIMUM), (False, 0.5)])
def test_a_network_forgets_the_mass(kind, useful, best):
    torch.manual_seed(0)
    x, signal = jets(2000, useful, 0)
    adversary = MassBins(equal_bins(x[~signal, 0].numpy(), 10)) if kind == "bins" else MassMixture(-4.0, 4.0)
    found = trained(lambda score, mass, weight: (weight * adversary(reverse_gradient(score, 100.0), mass)).mean(), 1.0, useful, extra=adversary)
    assert abs(area(found, jets(20000, useful, 0)[1].numpy()) - best) < 0.04
