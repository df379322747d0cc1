"""The sum over all trees against enumeration, closed forms and limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from pphysml.tasks.lcag.decode import decode_exact, log_partition, tree_score
from pphysml.tasks.lcag.trees.nested_trees import enumerate_trees

SCHROEDER = {1: 1, 2: 1, 3: 4, 4: 26, 5: 236, 6: 2752, 7: 39208, 8: 660032}


def scores(seed: int, events: int, n: int, clades: bool, width: float = 4.0):
    rng = np.random.default_rng(seed)
    pairs = rng.normal(0, width, (events, n, n, 8)).astype(np.float32)
    return pairs, rng.normal(0, width, (events, 1 << n, 8)).astype(np.float32) if clades else None


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("clades", [False, True])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_log_partition_is_that_of_enumeration(n: int, clades: bool, temperature: float) -> None:
    pairs, extra = scores(n, 4, n, clades)
    trees = np.array(enumerate_trees(n))
    each = np.array([
        tree_score(np.repeat(pairs[k : k + 1], len(trees), 0),
                   None if extra is None else np.repeat(extra[k : k + 1], len(trees), 0), trees)
        for k in range(len(pairs))
    ])
    expected = logsumexp(each / temperature, axis=1)
    np.testing.assert_allclose(log_partition(pairs, extra, temperature), expected, atol=2e-5)


@pytest.mark.parametrize("n", [1, 2, 5, 7, 8])
def test_without_scores_it_counts_the_trees(n: int) -> None:
    # With eight leaves, all trees have height seven at most.
    np.testing.assert_allclose(np.exp(log_partition(np.zeros((1, n, n, 8)))), SCHROEDER[n], rtol=1e-5)


def test_cold_limit_is_the_best_tree() -> None:
    pairs, extra = scores(1, 10, 9, True, 20.0)
    best = decode_exact(pairs, extra)
    total = log_partition(pairs, extra, 0.1)
    excess = total - best.score / 0.1
    assert (excess >= -1e-3).all()
    clear = best.margin > 5
    assert clear.any()
    np.testing.assert_allclose(excess[clear], 0, atol=1e-3)


def test_a_constant_per_pair_adds_up() -> None:
    pairs, extra = scores(2, 5, 8, True)
    shift = np.random.default_rng(3).normal(0, 30, (5, 8, 8, 1)).astype(np.float32)
    added = (shift[..., 0] * np.triu(np.ones((8, 8)), 1)).sum((1, 2))
    np.testing.assert_allclose(log_partition(pairs + shift, extra), log_partition(pairs, extra) + added, atol=1e-3)


def test_confident_scores_of_hundreds_neither_overflow_nor_vanish() -> None:
    pairs, _ = scores(4, 5, 12, False, 100.0)
    best = decode_exact(pairs)
    total = log_partition(pairs)
    assert np.isfinite(total).all() and (total >= best.score - 1e-2).all()
    second = best.score + np.log1p(np.exp(-best.margin))
    assert (total >= second - 1e-2).all() and (total < best.score + np.log(1e12)).all()


def test_forbidden_scores_leave_the_allowed_trees() -> None:
    pairs, _ = scores(5, 3, 5, False)
    pairs[:, 0, 1, 2:] = -np.inf
    trees = np.array([t for t in enumerate_trees(5) if t[0, 1] == 1])
    each = np.array([tree_score(np.repeat(p[None], len(trees), 0), None, trees) for p in pairs])
    np.testing.assert_allclose(log_partition(pairs), logsumexp(each, axis=1), atol=2e-5)
