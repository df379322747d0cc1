"""The exact decoder against enumeration of all trees, and against what it must recover."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.decode import decode_exact, tree_score
from pphysml.tasks.lcag.trees.matrices import parent_to_matrix
from pphysml.tasks.lcag.trees.nested_trees import enumerate_trees, from_nested
from pphysml.tasks.lcag.trees.validity import is_valid

CLASSES = 8


def random_scores(seed: int, events: int, n: int, clades: bool, classes: int = CLASSES):
    rng = np.random.default_rng(seed)
    pairs = rng.normal(0, 4, (events, n, n, classes)).astype(np.float32)
    return pairs, rng.normal(0, 3, (events, 1 << n, classes)).astype(np.float32) if clades else None


def node_scores(clades: np.ndarray, matrix: np.ndarray) -> float:
    """Sum over the distinct sets of leaves that are closer to each other than to all others."""
    n, total = len(matrix), 0.0
    balls = {frozenset(np.flatnonzero(matrix[i] <= h).tolist()) for i in range(n) for h in range(1, 8)}
    for ball in balls:
        if len(ball) > 1:
            members = sorted(ball)
            height = matrix[np.ix_(members, members)].max()
            total += float(clades[sum(1 << i for i in members), height])
    return total


def all_scores(pairs: np.ndarray, clades: np.ndarray | None, trees: np.ndarray) -> np.ndarray:
    """Scores of all trees from the definition, (B, trees)."""
    n = pairs.shape[1]
    i, j = np.triu_indices(n, 1)
    scores = pairs.astype(np.float64)[:, i, j, :][:, np.arange(len(i)), trees[:, i, j]].sum(-1)
    if clades is not None:
        scores += [[node_scores(c, t) for t in trees] for c in clades]
    return scores


def random_tree(rng: np.random.Generator, n: int) -> np.ndarray:
    while True:
        nodes = list(range(n))
        while len(nodes) > 1:
            size = min(int(rng.integers(2, 6)), len(nodes))
            rng.shuffle(nodes)
            nodes = [*nodes[size:], nodes[:size]]
        matrix = parent_to_matrix(Ragged.from_rows([from_nested(nodes[0])[0]]), np.array([n]))[0].flat
        if matrix.max() < CLASSES:
            return matrix.reshape(n, n)


@pytest.mark.parametrize("clades", [False, True])
@pytest.mark.parametrize(("n", "events"), [(2, 20), (3, 50), (4, 50), (5, 30), (6, 4)])
def test_best_and_second_best_are_those_of_enumeration(n: int, events: int, clades: bool) -> None:
    pairs, extra = random_scores(n, events, n, clades)
    trees = np.array(enumerate_trees(n))
    scores = all_scores(pairs, extra, trees)
    ordered = np.sort(scores, 1)
    decoded = decode_exact(pairs, extra)
    np.testing.assert_array_equal(decoded.matrix, trees[scores.argmax(1)])
    np.testing.assert_allclose(decoded.score, ordered[:, -1], atol=1e-9)
    if n == 2:
        assert np.isposinf(decoded.margin).all()
    else:
        np.testing.assert_allclose(decoded.margin, ordered[:, -1] - ordered[:, -2], atol=1e-9)


@pytest.mark.parametrize("classes", [3, 4])
def test_fewer_heights_than_generations(classes: int) -> None:
    pairs, extra = random_scores(1, 20, 5, True, classes)
    trees = np.array([t for t in enumerate_trees(5) if t.max() < classes])
    scores = all_scores(pairs, extra, trees)
    decoded = decode_exact(pairs, extra)
    np.testing.assert_array_equal(decoded.matrix, trees[scores.argmax(1)])
    ordered = np.sort(scores, 1)
    np.testing.assert_allclose(decoded.margin, ordered[:, -1] - ordered[:, -2], atol=1e-9)


@pytest.mark.parametrize("n", [7, 10, 12])
def test_noiseless_trees_are_recovered(n: int) -> None:
    rng = np.random.default_rng(n)
    truth = np.array([random_tree(rng, n) for _ in range(30)])
    decoded = decode_exact(np.eye(CLASSES, dtype=np.float32)[truth])
    np.testing.assert_array_equal(decoded.matrix, truth)
    np.testing.assert_allclose(decoded.score, n * (n - 1) / 2)
    # One element away from the truth at least, and any other tree differs in whole numbers.
    assert (decoded.margin >= 1).all() and (decoded.margin % 1 == 0).all()


def test_nodes_alone_decide_without_pair_scores() -> None:
    rng = np.random.default_rng(5)
    truth = np.array([random_tree(rng, 8) for _ in range(20)])
    clades = np.full((20, 256, CLASSES), -1.0, dtype=np.float32)
    for k, matrix in enumerate(truth):
        for i, h in np.ndindex(8, 7):
            clades[k, (1 << np.flatnonzero(matrix[i] <= h + 1)).sum()] = 1.0
    np.testing.assert_array_equal(decode_exact(np.zeros((20, 8, 8, CLASSES)), clades).matrix, truth)


def test_permuted_leaves_give_the_permuted_tree() -> None:
    n = 9
    pairs, extra = random_scores(2, 10, n, True)
    pairs = pairs + pairs.transpose(0, 2, 1, 3)
    order = np.random.default_rng(0).permutation(n)
    subsets = np.arange(1 << n)
    # Leaf k of the permuted event is leaf order[k].
    original = ((subsets[:, None] >> np.arange(n) & 1) << order).sum(1)
    a = decode_exact(pairs, extra)
    b = decode_exact(pairs[:, order][:, :, order], extra[:, original])
    np.testing.assert_array_equal(b.matrix, a.matrix[:, order][:, :, order])
    np.testing.assert_allclose(b.score, a.score, atol=1e-6)
    np.testing.assert_allclose(b.margin, a.margin, atol=1e-6)


def test_score_of_the_decoded_tree_is_its_tree_score() -> None:
    pairs, extra = random_scores(3, 10, 11, True)
    decoded = decode_exact(pairs, extra)
    assert is_valid(decoded.matrix).all() and (decoded.margin >= 0).all()
    np.testing.assert_allclose(tree_score(pairs, extra, decoded.matrix), decoded.score, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_leaves(n: int) -> None:
    decoded = decode_exact(np.zeros((3, n, n, CLASSES)))
    assert decoded.matrix.shape == (3, n, n) and not decoded.matrix.any()
    assert not decoded.score.any() and np.isposinf(decoded.margin).all()


def test_no_events() -> None:
    assert decode_exact(np.zeros((0, 4, 4, CLASSES))).matrix.shape == (0, 4, 4)


def test_scores_that_are_not_finite_are_forbidden_but_a_tree_comes_out() -> None:
    pairs, _ = random_scores(4, 1, 5, False)
    best = decode_exact(pairs).matrix[0]
    height = best[0, 4]
    for value in (np.nan, -np.inf):
        broken = pairs.copy()
        broken[0, 0, 4, height] = value
        found = decode_exact(broken)
        assert found.matrix[0, 0, 4] != height and np.isfinite(found.score[0])
    nothing = decode_exact(np.full((1, 5, 5, CLASSES), -np.inf))
    assert is_valid(nothing.matrix)[0] and np.isfinite(nothing.score[0])


def test_class_zero_and_the_lower_triangle_are_not_used() -> None:
    pairs, extra = random_scores(6, 5, 6, True)
    expected = decode_exact(pairs, extra)
    pairs[..., 0], extra[..., 0], extra[:, [0, 1, 2, 4]] = 100, 100, 100
    pairs[:, np.tri(6, dtype=bool)] = 50
    found = decode_exact(pairs, extra)
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(found.score, expected.score)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="clade scores must be"):
        decode_exact(np.zeros((2, 4, 4, 8)), np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match="pair scores must be"):
        decode_exact(np.zeros((2, 4, 4, 9)))
