"""Probabilities of matchings against enumeration."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from pphysml.nn.matching import matching_loss
from pphysml.nn.matching_kernel import bethe_marginals
from pphysml.nn.matching_marginals import matching_marginals


def enumerated(n, first, second, weight):
    """Return edge probabilities and the log of the sum, from a list of all subsets of edges."""
    total, marginal = 0.0, np.zeros(len(first))
    for size in range(n // 2 + 1):
        for subset in combinations(range(len(first)), size):
            nodes = [k for e in subset for k in (first[e], second[e])]
            if len(set(nodes)) == len(nodes):
                product = np.exp(sum(weight[e] for e in subset))
                total += product
                marginal[list(subset)] += product
    return marginal / total, np.log(total)


def graph(n, share, seed):
    rng = np.random.default_rng(seed)
    edges = np.array([e for e in combinations(range(n), 2) if rng.random() < share]).reshape(-1, 2)
    return edges[:, 0], edges[:, 1], rng.normal(0, 2, len(edges))


@pytest.mark.parametrize("n, share", [(2, 1.0), (3, 1.0), (5, 1.0), (6, 0.6), (9, 0.3), (10, 0.25)])
@pytest.mark.parametrize("seed", range(4))
def test_the_sums_are_those_over_all_matchings(n, share, seed):
    first, second, weight = graph(n, share, seed)
    marginal, log_sum = matching_marginals(n, first, second, weight)
    expected, expected_sum = enumerated(n, first, second, weight)
    assert np.allclose(marginal, expected, atol=1e-12)
    assert np.isclose(log_sum, expected_sum)


def test_components_are_independent_and_the_order_of_edges_means_nothing():
    parts = [graph(4, 0.9, 1), graph(5, 0.7, 2), graph(2, 1, 3)]
    starts = np.cumsum([0, 4, 5])
    first = np.concatenate([p[0] + s for p, s in zip(parts, starts, strict=True)])
    second = np.concatenate([p[1] + s for p, s in zip(parts, starts, strict=True)])
    weight = np.concatenate([p[2] for p in parts])
    alone = np.concatenate([matching_marginals(5, *p)[0] for p in parts])
    order = np.random.default_rng(0).permutation(len(first))
    together, log_sum = matching_marginals(11, second[order], first[order], weight[order])
    assert np.allclose(together, alone[order])
    assert np.isclose(log_sum, sum(matching_marginals(5, *p)[1] for p in parts))


def test_nodes_never_have_more_than_one_partner():
    first, second, weight = graph(30, 0.2, 5)
    marginal, _ = matching_marginals(30, first, second, weight + 3)
    load = np.bincount(first, marginal, 30) + np.bincount(second, marginal, 30)
    assert load.max() <= 1 + 1e-6
    assert load.max() > 0.9


def test_belief_propagation_is_exact_on_trees_and_near_on_sparse_graphs():
    rng = np.random.default_rng(1)
    n = 9
    first = np.array([rng.integers(k) for k in range(1, n)])
    second, weight = np.arange(1, n), rng.normal(0, 2, n - 1)
    marginal = np.empty(n - 1)
    log_sum = bethe_marginals(first, second, n, weight, marginal)
    expected, expected_sum = enumerated(n, first, second, weight)
    assert np.allclose(marginal, expected, atol=1e-7)
    assert np.isclose(log_sum, expected_sum, atol=1e-6)


def test_no_edge_and_huge_weights():
    assert matching_marginals(3, np.zeros(0, int), np.zeros(0, int), np.zeros(0))[1] == 0
    marginal, log_sum = matching_marginals(3, np.array([0, 1]), np.array([1, 2]), np.array([1e4, -1e4]))
    assert np.allclose(marginal, [1, 0]) and np.isfinite(log_sum)


def test_the_loss_is_the_probability_of_the_true_matching_and_its_gradient_is_right():
    first, second, weight = graph(6, 0.8, 7)
    true = np.zeros(len(first), dtype=bool)
    true[0] = True
    rest = np.flatnonzero(~np.isin(first, [first[0], second[0]]) & ~np.isin(second, [first[0], second[0]]))
    true[rest[0]] = True
    w = torch.tensor(weight, requires_grad=True)
    arguments = (6, torch.tensor(first), torch.tensor(second), torch.tensor(true))
    loss = matching_loss(w, *arguments)
    _, log_sum = enumerated(6, first, second, weight)
    assert np.isclose(loss.item(), log_sum - weight[true].sum())
    assert torch.autograd.gradcheck(lambda v: matching_loss(v, *arguments), (w,))
