"""The bounded search: the best of all forests where they can be listed, valid ones of any size."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.decode.exact import decode_batch
from pphysml.tasks.lcag.decode.search import search_batch
from pphysml.tasks.lcag.trees.matrices import parent_to_matrix
from pphysml.tasks.lcag.trees.nested_trees import enumerate_trees, from_nested, partitions

CLASSES = 8


def search(pairs, rounds=4, gap_free=True, leaves=None):
    """Return matrix, background, score, margin; leaves None for one tree."""
    events, n = pairs.shape[:2]
    leaves = np.zeros((events, 0, 2), dtype=np.float32) if leaves is None else leaves
    found = np.zeros((events, n, n), np.uint8), np.zeros((events, n), bool), np.zeros(events), np.zeros(events)
    search_batch(pairs, rounds, gap_free, leaves, *found)
    return found


def exact(pairs, gap_free=True, leaves=None):
    events, n = pairs.shape[:2]
    leaves = np.zeros((events, 0, 2), dtype=np.float32) if leaves is None else leaves
    found = np.zeros((events, n, n), np.uint8), np.zeros((events, n), bool), np.zeros(events), np.zeros(events)
    none = np.zeros((events, 0, 0), dtype=np.float32), leaves, np.zeros((events, 0), dtype=np.float32)
    decode_batch(pairs, *none, gap_free, *found)
    return found


def random_scores(seed, events, n, classes=CLASSES, width=3.0):
    rng = np.random.default_rng(seed)
    pairs = rng.normal(0, width, (events, n, n, classes)).astype(np.float32)
    return pairs, rng.normal(0, width, (events, n, 2)).astype(np.float32)


def random_tree(rng, n):
    while True:
        nodes = list(range(n))
        while len(nodes) > 1:
            size = min(int(rng.integers(2, 6)), len(nodes))
            rng.shuffle(nodes)
            nodes = [*nodes[size:], nodes[:size]]
        matrix = parent_to_matrix(Ragged.from_rows([from_nested(nodes[0])[0]]), np.array([n]))[0].flat
        if matrix.max() < CLASSES:
            return matrix.reshape(n, n)


def nodes_of(matrix):
    """The sets of leaves of all nodes of a forest, with their levels."""
    inside = [(frozenset([i, *np.flatnonzero((row > 0) & (row <= h)).tolist()]), int(h))
              for i, row in enumerate(matrix) for h in row if h]
    return sorted(set(inside), key=lambda node: len(node[0]))


def check(matrix, gap_free, one_tree, classes=CLASSES):
    """Fail unless the matrix is that of a forest: nested sets, one level each, rising upwards."""
    n = len(matrix)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert not matrix.diagonal().any() and matrix.max(initial=0) < classes
    nodes = nodes_of(matrix)
    assert len({members for members, _ in nodes}) == len(nodes)
    for a, level in nodes:
        below = [other for b, other in nodes if b < a]
        assert all(a <= b or b <= a or not a & b for b, _ in nodes)
        assert all(other < level for other in below)
        if gap_free:
            assert level == max(below, default=0) + 1
        for i, j in product(a, a):
            joint = [k for members, k in nodes if {i, j} <= members]
            assert i == j or matrix[i, j] == min(joint)
    if one_tree:
        assert matrix[~np.eye(n, dtype=bool)].all()


def score_of(pairs, matrix, background, leaves):
    i, j = np.triu_indices(len(matrix), 1)
    total = pairs.astype(float)[i, j, matrix[i, j]].sum()
    return total if leaves is None else total + leaves[np.arange(len(matrix)), 1 - background].sum(dtype=float)


def levelled(tree, classes):
    """The tree with every choice of levels that rise upwards."""
    nodes = [members for members, _ in nodes_of(tree)]
    for levels in product(range(1, classes), repeat=len(nodes)):
        chosen = dict(zip(nodes, levels, strict=True))
        if all(chosen[a] < chosen[b] for a in nodes for b in nodes if a < b):
            matrix = np.zeros_like(tree)
            for members in reversed(nodes):
                matrix[np.ix_(sorted(members), sorted(members))] = chosen[members]
            yield matrix * (1 - np.eye(len(tree), dtype=np.uint8))


def all_trees(n, gap_free, classes):
    trees = [tree for tree in enumerate_trees(n) if tree.max(initial=0) < classes]
    return trees if gap_free else [matrix for tree in trees for matrix in levelled(tree, classes)]


def all_forests(n, gap_free, classes):
    trees = {k: all_trees(k, gap_free, classes) for k in range(1, n + 1)}
    for blocks in partitions(tuple(range(n))):
        for chosen in product(*(trees[len(block)] for block in blocks)):
            matrix = np.zeros((n, n), dtype=np.uint8)
            for block, tree in zip(blocks, chosen, strict=True):
                matrix[np.ix_(block, block)] = tree
            yield matrix


@pytest.mark.parametrize(
    ("n", "gap_free", "classes"),
    [(2, True, 8), (3, True, 8), (4, True, 8), (5, True, 8), (5, True, 3), (2, False, 5), (3, False, 5), (4, False, 5), (5, False, 4)])
def test_best_of_all_trees(n, gap_free, classes) -> None:
    pairs, _ = random_scores(n, 30, n, classes)
    trees = np.array(all_trees(n, gap_free, classes))
    i, j = np.triu_indices(n, 1)
    scores = pairs.astype(float)[:, i, j, :][:, np.arange(len(i)), trees[:, i, j]].sum(-1)
    matrix, background, score, margin = search(pairs, 2, gap_free)
    np.testing.assert_array_equal(matrix, trees[scores.argmax(1)])
    np.testing.assert_allclose(score, scores.max(1), atol=1e-5)
    assert not background.any()
    # The margin is that to some other tree, which is at best the second best.
    second = np.sort(scores, 1)[:, -2] if len(trees) > 1 else -np.inf
    assert (margin >= score - second - 1e-5).all()
    assert np.isposinf(margin).all() == (len(trees) == 1)
    if n == 3:
        np.testing.assert_allclose(margin, score - second, atol=1e-5)


@pytest.mark.parametrize("gap_free", [True, False])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_best_of_all_forests(n, gap_free) -> None:
    pairs, leaves = random_scores(10 + n, 40, n, 5)
    forests = list(all_forests(n, gap_free, 5))
    matrix, background, score, margin = search(pairs, 2, gap_free, leaves)
    for k in range(len(pairs)):
        choices = [(~m.any(1) & (leaves[k, :, 0] >= leaves[k, :, 1])) for m in forests]
        each = np.array([score_of(pairs[k], m, b * 1, leaves[k]) for m, b in zip(forests, choices, strict=True)])
        np.testing.assert_array_equal(matrix[k], forests[each.argmax()])
        np.testing.assert_array_equal(background[k], choices[each.argmax()])
        np.testing.assert_allclose(score[k], each.max(), atol=1e-5)
    assert (margin >= exact(pairs, gap_free, leaves)[3] - 1e-5).all()


@pytest.mark.parametrize("gap_free", [True, False])
@pytest.mark.parametrize("forest", [False, True])
def test_never_above_the_exact_maximum_and_close_to_it(forest, gap_free) -> None:
    rng = np.random.default_rng(7)
    truth = np.array([random_tree(rng, 10) for _ in range(60)])
    pairs, leaves = random_scores(8, 60, 10, width=1.0)
    pairs += 2.0 * np.eye(CLASSES, dtype=np.float32)[truth]
    leaves = leaves if forest else None
    best, found = exact(pairs, gap_free, leaves), search(pairs, 8, gap_free, leaves)
    gap = best[2] - found[2]
    assert (gap > -1e-4).all() and (gap < 1e-4).mean() > 0.9
    same = (found[0] == best[0]).all((1, 2))
    assert (found[3][same] >= best[3][same] - 1e-4).all()


@pytest.mark.parametrize("gap_free", [True, False])
@pytest.mark.parametrize("forest", [False, True])
@pytest.mark.parametrize(("n", "classes"), [(2, 2), (5, 2), (11, 8), (17, 4), (60, 8)])
def test_noise_alone_gives_valid_forests_and_their_score(n, classes, forest, gap_free) -> None:
    pairs, leaves = random_scores(n, 3, n, classes, 4.0)
    pairs[1] = np.random.default_rng(n).choice([-1e4, 0, 1e4], pairs[1].shape)
    pairs[2], leaves[2] = -1e4, -1e4
    leaves = leaves if forest else None
    matrix, background, score, margin = search(pairs, 2, gap_free, leaves)
    assert (margin >= 0).all()
    for k in range(len(pairs)):
        check(matrix[k], gap_free, not forest, classes)
        assert not (background[k] & matrix[k].any(1)).any()
        expected = score_of(pairs[k], matrix[k], background[k] * 1, leaves[k] if forest else None)
        np.testing.assert_allclose(score[k], expected, rtol=1e-7, atol=1e-4)


@pytest.mark.parametrize("forest", [False, True])
def test_permuted_leaves_give_the_permuted_forest(forest) -> None:
    n = 14
    pairs, leaves = random_scores(3, 12, n)
    pairs = pairs + pairs.transpose(0, 2, 1, 3)
    order = np.random.default_rng(0).permutation(n)
    a = search(pairs, 3, leaves=leaves if forest else None)
    b = search(pairs[:, order][:, :, order].copy(), 3, leaves=leaves[:, order].copy() if forest else None)
    np.testing.assert_array_equal(b[0], a[0][:, order][:, :, order])
    np.testing.assert_array_equal(b[1], a[1][:, order])
    np.testing.assert_allclose(b[2], a[2], atol=1e-6)
    np.testing.assert_allclose(b[3], a[3], atol=1e-6)


@pytest.mark.parametrize("gap_free", [True, False])
def test_forest_without_class_zero_and_background_is_one_tree(gap_free) -> None:
    pairs, _ = random_scores(4, 20, 8)
    pairs[..., 0] = -1e4
    leaves = np.tile(np.array([-1e4, 0], dtype=np.float32), (20, 8, 1))
    forest, tree = search(pairs, 1, gap_free, leaves), search(pairs, 1, gap_free)
    np.testing.assert_array_equal(forest[0], tree[0])
    np.testing.assert_allclose(forest[2], tree[2], atol=1e-5)


@pytest.mark.parametrize("n", [13, 18, 30])
def test_noiseless_large_trees_are_recovered(n) -> None:
    rng = np.random.default_rng(n)
    truth = np.array([random_tree(rng, n) for _ in range(4)])
    found = search(4 * np.eye(CLASSES, dtype=np.float32)[truth], 1)
    np.testing.assert_array_equal(found[0], truth)
    # Any other tree differs in one pair at least, each worth 4.
    assert (found[3] >= 4).all() and (found[3] % 4 == 0).all()


def test_noiseless_forests_with_background_are_recovered() -> None:
    rng = np.random.default_rng(2)
    truth = np.zeros((6, 24, 24), dtype=np.uint8)
    for matrix in truth:
        for first, size in ((0, 9), (9, 2), (11, 6)):
            matrix[first : first + size, first : first + size] = random_tree(rng, size)
    alone = np.arange(24) >= 17
    leaves = np.broadcast_to(np.where(alone[:, None], [0, -2], [-2, 0]).astype(np.float32), (6, 24, 2)).copy()
    found = search(4 * np.eye(CLASSES, dtype=np.float32)[truth], 1, leaves=leaves)
    np.testing.assert_array_equal(found[0], truth)
    np.testing.assert_array_equal(found[1], np.broadcast_to(alone, (6, 24)))
    np.testing.assert_allclose(found[3], 2)


def test_more_rounds_never_lower_the_score() -> None:
    pairs, _ = random_scores(5, 10, 15)
    scores = [search(pairs, rounds)[2] for rounds in (1, 3, 9)]
    assert (np.diff(scores, axis=0) >= 0).all() and (scores[-1] > scores[0]).any()


def test_events_do_not_depend_on_their_neighbours() -> None:
    pairs, leaves = random_scores(6, 5, 12)
    together = search(pairs, 3, leaves=leaves)
    for k in range(5):
        alone = search(pairs[k : k + 1], 3, leaves=leaves[k : k + 1])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_array_equal(a[k], b[0])


def test_class_zero_of_one_tree_and_the_lower_triangle_are_not_used() -> None:
    pairs, _ = random_scores(9, 5, 12)
    expected = search(pairs, 2)
    pairs[..., 0] = 100
    pairs[:, np.tri(12, dtype=bool)] = 50
    for a, b in zip(search(pairs, 2), expected, strict=True):
        np.testing.assert_array_equal(a, b)
