"""Probabilities of pairs are frequencies: what is added to the logarithm of the ratio, and what matchings are summed with."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from pphysml.nn.matching_marginals import matching_marginals
from pphysml.tasks.petnet.likelihood.mixture import Mixture
from pphysml.tasks.petnet.likelihood.recalibration import SURENESS_KNOTS, SURENESS_SPREAD, sureness

NEAR = 0.7
"""Standard deviation of the distance of two singles of a pair."""

WIDE = np.sqrt(1 + NEAR**2 / 4)
"""And of the place of any single."""


class Windows:
    """Windows of a few singles on a line, alone or two of a pair; the ratio of true pairs to pairs of any singles is known."""

    def __init__(self, n=20_000, alone=1.2, paired=0.8, seed=4):
        rng = np.random.default_rng(seed)
        lone, pairs = rng.poisson([alone, paired], size=(n, 2)).T
        both = rng.normal(size=(pairs.sum(), 1)) + NEAR / 2 * rng.normal(size=(pairs.sum(), 1)) * [1, -1]
        window = np.concatenate([np.repeat(np.arange(n), lone), np.repeat(np.arange(n), 2 * pairs)])
        self.place = np.concatenate([rng.normal(size=lone.sum()) * WIDE, both.ravel()])
        event = np.concatenate([-1 - np.arange(lone.sum()), np.repeat(np.arange(len(both)), 2)])
        groups = np.split(np.argsort(window, kind="stable"), np.cumsum(np.bincount(window, minlength=n))[:-1])
        self.first, self.second = np.concatenate([of[np.column_stack(np.triu_indices(len(of), 1))] for of in groups]).T
        self.true = event[self.first] == event[self.second]
        self.paired = 2 * paired / (alone + 2 * paired)
        a, b = self.place[self.first], self.place[self.second]
        of_true, of_any = norm.logpdf((a + b) / 2) + norm.logpdf(a - b, 0, NEAR), norm.logpdf([a, b], 0, WIDE).sum(0)
        self.log_ratio = np.log(2 * paired / (alone + 2 * paired) ** 2) + of_true - of_any

    def worst(self, weight):
        """Return the largest difference of probability and frequency."""
        p, _ = matching_marginals(len(self.place), self.first, self.second, weight)
        inside = [(p >= low) & (p < low + 0.1) for low in np.arange(0, 1, 0.1)]
        return max(abs(p[k].mean() - self.true[k].mean()) for k in inside if k.sum() > 1000)


def test_probabilities_in_matchings_are_frequencies():
    windows = Windows()
    factor = Mixture.log_factor(SimpleNamespace(log_ratio=lambda ends: windows.log_ratio, paired=windows.paired), None)
    assert windows.worst(factor) < 0.03
    # With randoms that may have a partner elsewhere true pairs look too unlikely.
    assert windows.worst(windows.log_ratio) > 0.1


def drawn(n=200_000, seed=3):
    """Return logarithms of the ratio of pairs in the window and of randoms, and how many of the former are random."""
    rng = np.random.default_rng(seed)
    # Two normal densities, so that the ratio of n / 2 true pairs to n / 2 randoms has the logarithm 4 x.
    true, random, reference = rng.normal(1, 1 / np.sqrt(2), n // 2), rng.normal(-1, 1 / np.sqrt(2), n // 2), rng.normal(-1, 1 / np.sqrt(2), 4 * n)
    return 4 * np.concatenate([true, random]), 4 * reference, n / 2


def test_nothing_is_added_to_a_ratio_that_is_right():
    assert np.abs(sureness(*drawn())[1]).max() < 0.15


@pytest.mark.parametrize("wrong", [lambda w: 1.5 * w, lambda w: 0.7 * w + 0.6, lambda w: w - 0.8 * np.exp(-w**2 / 4)])
def test_a_wrong_ratio_is_put_right(wrong):
    prompts, randoms, n_random = drawn()
    knots, added = sureness(wrong(prompts), wrong(randoms), n_random)
    right = np.linspace(-3, 3, 13)
    told = wrong(right)
    assert np.abs(told + np.interp(told, knots, added) - right).max() < 0.3 < np.abs(told - right).max()


def test_no_pairs_add_nothing():
    assert not sureness(np.zeros(0), np.zeros(0), 0)[1].any()


def test_the_likelihood_is_the_largest():
    prompts, randoms, n_random = (of + 0.5 if np.ndim(of) else of for of in drawn(4000))
    knots, added = sureness(prompts, randoms, n_random)

    def loss(values):
        ratio = [of + np.interp(of, SURENESS_KNOTS, values) for of in (prompts, randoms)]
        expected = np.exp(ratio[1]).sum() * n_random / len(randoms)
        return expected - np.logaddexp(0, ratio[0]).sum() + (values**2).sum() / (2 * SURENESS_SPREAD**2)

    assert loss(added) < minimize(loss, np.zeros(len(knots)), method="Powell").fun + 0.1
