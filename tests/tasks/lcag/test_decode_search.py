"""The bounded search: valid trees of any size, never above the exact maximum, and close to it."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.decode import decode_exact, decode_search, tree_score
from pphysml.tasks.lcag.nested_trees import from_nested
from pphysml.tasks.lcag.trees import is_valid, parent_to_matrix


def random_tree(rng: np.random.Generator, n: int) -> np.ndarray:
    while True:
        nodes = list(range(n))
        while len(nodes) > 1:
            size = min(int(rng.integers(2, 6)), len(nodes))
            rng.shuffle(nodes)
            nodes = [*nodes[size:], nodes[:size]]
        matrix = parent_to_matrix(Ragged.from_rows([from_nested(nodes[0])[0]]), np.array([n]))[0].flat
        if matrix.max() < 8:
            return matrix.reshape(n, n)


@pytest.mark.parametrize("n", [2, 3, 6, 9])
def test_never_above_the_exact_maximum_and_scored_as_such(n: int) -> None:
    rng = np.random.default_rng(n)
    truth = np.array([random_tree(rng, n) for _ in range(40)])
    pairs = (rng.normal(size=(40, n, n, 8)) + 2.5 * np.eye(8)[truth]).astype(np.float32)
    exact, found = decode_exact(pairs), decode_search(pairs, 16)
    assert is_valid(found.matrix).all()
    assert (found.score <= exact.score + 1e-6).all()
    np.testing.assert_allclose(tree_score(pairs, None, found.matrix), found.score, atol=1e-6)
    same = (found.matrix == exact.matrix).all((1, 2))
    assert same.mean() > 0.9
    # Where the best tree was found, other trees of the beam are at best the second best.
    assert (found.margin[same] >= exact.margin[same] - 1e-6).all()


def test_wide_beam_is_exact_for_few_leaves() -> None:
    pairs = np.random.default_rng(0).normal(0, 3, (60, 4, 4, 8)).astype(np.float32)
    exact, found = decode_exact(pairs), decode_search(pairs, 1000)
    np.testing.assert_array_equal(found.matrix, exact.matrix)
    np.testing.assert_allclose(found.margin, exact.margin, atol=1e-6)


@pytest.mark.parametrize("n", [13, 18, 30])
def test_noiseless_large_trees_are_recovered(n: int) -> None:
    rng = np.random.default_rng(n)
    truth = np.array([random_tree(rng, n) for _ in range(4)])
    found = decode_search(4 * np.eye(8, dtype=np.float32)[truth], 4)
    np.testing.assert_array_equal(found.matrix, truth)


def test_noise_alone_still_gives_trees() -> None:
    pairs = np.random.default_rng(1).normal(0, 3, (5, 20, 20, 8)).astype(np.float32)
    pairs[0] = np.nan
    found = decode_search(pairs, 2)
    assert is_valid(found.matrix).all() and found.matrix.max() <= 7


def test_margin_is_unknown_to_a_beam_of_one_and_infinite_for_one_tree() -> None:
    assert np.isnan(decode_search(np.zeros((2, 5, 5, 8)), 1).margin).all()
    for n in (0, 1, 2):
        assert np.isposinf(decode_search(np.zeros((2, n, n, 8)), 1).margin).all()
