"""Distance correlation against its definition, limits and symmetries, and as a loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.decorrelation.distance_correlation import disco

from .pairs import OPTIMUM, area, jets, trained


def defined(score, mass, weight):
    """Return the squared distance correlation from all pairs."""
    p = weight / weight.sum()

    def centred(column):
        distance = (column[:, None] - column[None]).abs()
        mean = distance @ p
        return distance - mean[:, None] - mean[None] + p @ mean

    a, b = centred(score), centred(mass)
    return p @ (a * b) @ p / torch.sqrt((p @ (a * a) @ p) * (p @ (b * b) @ p))


def sample(n, weights="ones", ties=False):
    rng = np.random.default_rng(n)
    mass = rng.normal(size=n)
    score = 0.4 * mass + rng.normal(size=n)
    if ties:
        score, mass = np.round(score), np.round(mass)
    weight = {"ones": np.ones(n), "positive": rng.random(n) + 0.1, "either sign": rng.choice([1.5, 1, -0.5], n, p=[0.4, 0.4, 0.2])}[weights]
    return (torch.tensor(column, dtype=torch.float64) for column in (score, mass, weight))


@pytest.mark.parametrize("weights", ["ones", "positive", "either sign"])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [3, 16, 17, 300])
def test_values_and_gradients_are_those_of_the_definition(n, ties, weights):
    score, mass, weight = sample(n, weights, ties)
    score.requires_grad_(), mass.requires_grad_()
    found, expected = disco(score, mass, weight), defined(score, mass, weight)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(torch.autograd.grad(found, (score, mass)), torch.autograd.grad(expected, (score, mass)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-12)


def test_of_two_jets_it_is_one_and_of_fewer_nothing():
    two = torch.tensor([0.1, 0.7], requires_grad=True)
    value = disco(two, torch.tensor([3.0, 2.0]), torch.tensor([1.0, 2.0]))
    assert value.item() == pytest.approx(1)
    np.testing.assert_allclose(torch.autograd.grad(value, two)[0], 0, atol=1e-6)
    for n in (0, 1):
        one = torch.ones(n, requires_grad=True)
        value = disco(one, torch.ones(n), torch.ones(n))
        assert value.item() == 0
        assert (torch.autograd.grad(value, one)[0] == 0).all()


@pytest.mark.parametrize(("score", "weight"), [([0.3] * 4, [1.0] * 4), ([1.0, 2, 3, 5], [0.0] * 4), ([1.0, 2, 3, 5], [1, -1, 1, -1]), ([0.3, 0.3, 0.3, 9], [1, 1, 1, 0])],
                         ids=["constant", "no weights", "weights that cancel", "constant where there is weight"])
def test_where_there_is_no_correlation_to_speak_of_it_is_0(score, weight):
    score = torch.tensor(score, requires_grad=True)
    value = disco(score, torch.tensor([1.0, 4, 2, 3]), torch.tensor(weight, dtype=torch.float32))
    assert value.item() == 0
    assert (torch.autograd.grad(value, score)[0] == 0).all()


def test_scales_order_and_repeated_jets_do_not_matter():
    score, mass, weight = sample(50, "positive")
    value = disco(score, mass, weight)
    torch.testing.assert_close(disco(3 - 2 * score, 100 * mass + 1e4, 7 * weight), value)
    torch.testing.assert_close(disco(score.flip(0), mass.flip(0), weight.flip(0)), value)
    twice = torch.cat([torch.arange(50), torch.arange(20)])
    whole = torch.where(torch.arange(50) < 20, 2.0, 1.0)
    torch.testing.assert_close(disco(score[twice], mass[twice], torch.ones(70)), disco(score, mass, whole))
    torch.testing.assert_close(disco(score, 5 - 2 * score, weight), torch.tensor(1.0, dtype=torch.float64))


@pytest.mark.parametrize("weights", ["ones", "either sign"])
def test_of_several_variables_it_is_the_mean_over_axes_and_diagonals(weights):
    score, mass, weight = sample(80, weights)
    other = mass**2 + torch.tensor(np.random.default_rng(2).normal(size=80)) * 7
    a, b = (column / column.std(correction=0) for column in (mass, other))
    expected = torch.stack([defined(score, column, weight) for column in (a, b, a + b, a - b)]).mean()
    torch.testing.assert_close(disco(score, torch.stack([mass, other], 1), weight), expected, rtol=1e-9, atol=1e-12)
    # One column is one variable, in whatever units the others are, and a constant one has no part.
    torch.testing.assert_close(disco(score, mass[:, None], weight), disco(score, mass, weight))
    torch.testing.assert_close(disco(score, torch.stack([50 - 3 * mass, other / 9], 1), weight), expected)
    assert torch.isfinite(disco(score, torch.stack([mass, mass * 0 + 4], 1), weight))


def test_negative_weights_take_jets_away_and_it_is_never_negative():
    score, mass, weight = sample(60, "positive")
    more = [torch.cat([column, column[:30]]) for column in (score, mass)]
    torch.testing.assert_close(disco(*more, torch.cat([weight, -weight[:30]])), disco(score[30:], mass[30:], weight[30:]), rtol=1e-6, atol=1e-9)
    assert all(disco(*sample(n, "either sign")) >= 0 for n in range(10, 200))


def test_of_independent_columns_it_is_what_chance_makes():
    """n times it has the mean E|x - x'| E|y - y'| / (V_x V_y)^(1/2), for uniform numbers (1/3)^2 / (2/45)."""
    rng, n = np.random.default_rng(3), 500
    values = [n * disco(*torch.tensor(rng.random((2, n))), torch.ones(n)).item() for _ in range(150)]
    assert abs(np.mean(values) - 2.5) < 4 * np.std(values) / np.sqrt(150)
    assert np.std(values) < 1.5


@pytest.mark.parametrize(("useful", "best"), [(True, OPTIMUM), (False, 0.5)])
def test_a_network_forgets_the_mass(useful, best):
    signal = jets(20000, useful, 0)[1].numpy()
    assert abs(area(trained(disco, 30.0, useful), signal) - best) < 0.035


@pytest.mark.parametrize(("useful", "least"), [(True, OPTIMUM + 0.1), (False, 0.8)])
def test_a_network_alone_looks_at_the_mass(useful, least):
    nothing = trained(lambda score, mass, weight: score.sum(), 0.0, useful)
    assert area(nothing, jets(20000, useful, 0)[1].numpy()) > least
