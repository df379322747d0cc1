import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config.simulation import SimulationConfig
from pphysml.tasks.lcag.simulation.lost_leaves import drop_leaves
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

# A tree as a leaf's number, or the tuple of the children.


def as_tree(parent, node):
    children = np.flatnonzero(parent == node)
    return tuple(as_tree(parent, c) for c in children) if len(children) else int(node)


def prune(tree, seen):
    """Contract by recursion: the tree without unseen leaves, or None."""
    if isinstance(tree, int):
        return tree if seen[tree] else None
    left = [p for p in (prune(child, seen) for child in tree) if p is not None]
    return (tuple(left) if len(left) > 1 else left[0]) if left else None


def height(tree):
    return 0 if isinstance(tree, int) else 1 + max(map(height, tree))


def leaves(tree):
    return [tree] if isinstance(tree, int) else [x for child in tree for x in leaves(child)]


def fill(tree, matrix, number):
    if isinstance(tree, int):
        return
    inside = [number[leaf] for leaf in leaves(tree)]
    matrix[np.ix_(inside, inside)] = height(tree)
    for child in tree:
        fill(child, matrix, number)
    np.fill_diagonal(matrix, 0)


@pytest.mark.parametrize("efficiency", [0.2, 0.6, 0.95])
def test_dropping_leaves_is_the_recursive_contraction(efficiency):
    block = LcagSimulation(SimulationConfig(max_leaves=12), 1).block(0, 400)
    leaf_at = block["px"].offsets
    seen = np.random.default_rng(2).random(leaf_at[-1]) < efficiency
    parent, lcag, n_seen = drop_leaves(block["parent"], leaf_at, seen)
    for event in range(400):
        visible = seen[leaf_at[event] : leaf_at[event + 1]]
        n = int(visible.sum())
        assert n_seen[event] == n
        before = block["parent"][event]
        expected = prune(as_tree(before, len(before) - 1), visible)
        number = {old: new for new, old in enumerate(np.flatnonzero(visible))}
        matrix = np.zeros((n, n), dtype=np.uint8)
        if n:
            fill(expected, matrix, number)
        assert np.array_equal(lcag[event].reshape(n, n), matrix)
        after = parent[event]
        if n == 0:
            assert len(after) == 0
            continue
        assert after[-1] == -1
        assert (after[:-1] > np.arange(len(after) - 1)).all()
        again = as_tree(after, len(after) - 1)
        other = np.zeros_like(matrix)
        fill(again, other, {i: i for i in range(n)})
        assert np.array_equal(other, matrix)
        assert all(np.sum(after == node) >= 2 for node in range(n, len(after)))


def test_matrices_of_visible_trees_are_ultrametric_without_gaps():
    block = LcagSimulation(SimulationConfig(lost_leaves=0.25), 3).block(0, 1000)
    for event in range(1000):
        n = block["px"].counts[event]
        m = block["lcag"][event].reshape(n, n)
        assert (m[:, None] <= np.maximum(m[:, :, None], m[None])).all()
        for level in np.unique(m[m >= 2]):
            for i, j in np.argwhere(m == level):
                ball = np.flatnonzero(m[i] <= level)
                assert j in ball
                assert (m[np.ix_(ball, ball)] == level - 1).any()


def test_one_leaf_and_none():
    parent = Ragged.from_rows([[3, 3, 4, 4, -1], [2, 2, -1], [2, 2, -1]], dtype=np.int32)
    seen = np.array([True, True, False, True, False, False, False])
    left, lcag, n = drop_leaves(parent, np.array([0, 3, 5, 7]), seen)
    assert left[0].tolist() == [2, 2, -1]
    assert left[1].tolist() == [-1]
    assert left[2].tolist() == []
    assert lcag[0].tolist() == [0, 1, 1, 0]
    assert lcag[1].tolist() == [0]
    assert n.tolist() == [2, 1, 0]


def test_losing_nothing_changes_nothing():
    block = LcagSimulation(SimulationConfig(), 4).block(0, 500)
    every = np.ones(len(block["px"].flat), dtype=bool)
    parent, lcag, _ = drop_leaves(block["parent"], block["px"].offsets, every)
    assert np.array_equal(parent.flat, block["parent"].flat)
    assert np.array_equal(lcag.flat, block["lcag"].flat)
