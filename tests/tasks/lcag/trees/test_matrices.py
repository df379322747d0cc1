"""Trees as matrices and parent arrays: counts, round trips, and what must be refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.trees import matrices
from pphysml.tasks.lcag.trees.matrices import matrix_to_parent, parent_problems, parent_to_matrix
from pphysml.tasks.lcag.trees.nested_trees import enumerate_trees, from_nested, to_nested
from pphysml.tasks.lcag.trees.validity import is_valid, is_valid_ragged


def all_symmetric(n: int, levels: int) -> np.ndarray:
    upper = np.triu_indices(n, 1)
    values = np.array(list(itertools.product(range(1, levels + 1), repeat=len(upper[0]))), dtype=np.uint8)
    matrices = np.zeros((len(values), n, n), dtype=np.uint8)
    matrices[:, upper[0], upper[1]] = values
    return matrices | matrices.transpose(0, 2, 1)


def flat(matrices: np.ndarray) -> tuple[Ragged, np.ndarray]:
    events, n = matrices.shape[:2]
    return Ragged.from_counts(matrices.reshape(-1), np.full(events, n * n)), np.full(events, n)


def reference_parent(matrix: np.ndarray) -> list[tuple[int, frozenset[int]]]:
    """Nodes as (height, leaves), from the definition: the distinct balls of the ultrametric."""
    n = len(matrix)
    nodes = set()
    for i, h in itertools.product(range(n), range(int(matrix.max()) + 1)):
        ball = frozenset(np.flatnonzero(matrix[i] <= h).tolist())
        nodes.add((int(matrix[np.ix_(sorted(ball), sorted(ball))].max()), ball))
    return sorted(nodes, key=lambda node: (node[0], min(node[1])))


@pytest.mark.parametrize(("n", "levels"), [(3, 3), (4, 3), (4, 4), (5, 2)])
def test_valid_matrices_are_exactly_those_of_trees(n: int, levels: int) -> None:
    candidates = all_symmetric(n, levels)
    found = {m.tobytes() for m in candidates[is_valid(candidates)]}
    assert found == {m.tobytes() for m in enumerate_trees(n) if m.max() <= levels}


def test_matrix_that_the_published_conversion_accepts_is_refused() -> None:
    # Non-ultrametric, but lca2adjacency of BaumBauen (21fd68d) makes a "tree" of it.
    matrix = np.array([[[0, 1, 1, 2], [1, 0, 2, 2], [1, 2, 0, 2], [2, 2, 2, 0]]], dtype=np.uint8)
    assert not is_valid(matrix)[0]


@pytest.mark.parametrize("i,j,value", [(0, 0, 1), (0, 1, 0), (1, 0, 2)])
def test_one_wrong_element_is_refused(i: int, j: int, value: int) -> None:
    matrix = 1 - np.eye(3, dtype=np.uint8)
    assert is_valid(matrix[None])[0]
    matrix[i, j] = value
    assert not is_valid(matrix[None])[0]


def test_missing_generation_is_refused() -> None:
    matrix = np.array([[0, 1, 3], [1, 0, 3], [3, 3, 0]], dtype=np.uint8)
    assert not is_valid(matrix[None])[0]


def test_rows_of_wrong_length_and_mixed_sizes() -> None:
    two = np.array([0, 1, 1, 0], dtype=np.uint8)
    rows = Ragged.from_rows([two, [0], [], two[:3]], dtype=np.uint8)
    assert is_valid_ragged(rows, np.array([2, 1, 0, 2])).tolist() == [True, True, True, False]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_nodes_are_the_balls_of_the_ultrametric(n: int) -> None:
    matrices = np.array(enumerate_trees(n))
    parents, levels = matrix_to_parent(*flat(matrices))
    for k, matrix in enumerate(matrices):
        nodes = reference_parent(matrix)
        assert levels[k].tolist() == [height for height, _ in nodes]
        for node, up in enumerate(parents[k]):
            above = [i for i, (_, leaves) in enumerate(nodes) if leaves > nodes[node][1]]
            # Of a chain of growing sets, the smallest is the parent.
            assert up == (min(above, key=lambda i: len(nodes[i][1])) if above else -1)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_matrix_to_parent_and_back(n: int) -> None:
    matrices, counts = flat(np.array(enumerate_trees(n)))
    parents, _ = matrix_to_parent(matrices, counts)
    back, codes = parent_to_matrix(parents, counts)
    assert not codes.any()
    np.testing.assert_array_equal(back.flat, matrices.flat)
    assert (parents.flat[parents.offsets[1:] - 1] == -1).all()


def test_order_of_nodes_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    parent, n = from_nested([[0, [3, 1]], [2, 5], [4, 6, 7]])
    expected, _ = parent_to_matrix(Ragged.from_rows([parent]), np.array([n]))
    for _ in range(20):
        new = np.concatenate([np.arange(n), n + rng.permutation(len(parent) - n)])
        shuffled = np.empty_like(parent)
        shuffled[new] = np.where(parent < 0, -1, new[parent])
        found, codes = parent_to_matrix(Ragged.from_rows([shuffled]), np.array([n]))
        assert codes[0] == 0
        np.testing.assert_array_equal(found.flat, expected.flat)


def test_nodes_with_one_child_are_contracted() -> None:
    # 0 and 1 meet in 3, whose only way up is 4 and 5; leaf 2 hangs below a lone node 6.
    parents = Ragged.from_rows([[3, 3, 6, 4, 5, 7, 7, -1], [3, 3, 4, 4, -1]], dtype=np.int32)
    matrices, codes = parent_to_matrix(parents, np.array([3, 3]))
    assert codes.tolist() == [0, 0]
    np.testing.assert_array_equal(matrices[0], [0, 1, 2, 1, 0, 2, 2, 2, 0])
    np.testing.assert_array_equal(matrices[1], matrices[0])


def test_fewest_leaves() -> None:
    parents = Ragged.from_rows([[], [-1], [1, -1]], dtype=np.int32)
    matrices, codes = parent_to_matrix(parents, np.array([0, 1, 1]))
    assert codes.tolist() == [0, 0, 0]
    assert matrices.counts.tolist() == [0, 1, 1]
    again, levels = matrix_to_parent(matrices, np.array([0, 1, 1]))
    assert again.counts.tolist() == [0, 1, 1]
    assert again.flat.tolist() == [-1, -1] and levels.flat.tolist() == [0, 0]


@pytest.mark.parametrize(("parent", "n_leaves", "code"), [
    ([-1], 2, matrices.TOO_FEW),
    ([2, 2, 3], 2, matrices.OUT_OF_RANGE),
    ([2, 2, -2], 2, matrices.OUT_OF_RANGE),
    ([2, 2, 2], 2, matrices.NO_ROOT),
    ([2, -1, -1], 2, matrices.TWO_ROOTS),
    ([1, -1, 1], 3, matrices.LEAF_WITH_CHILDREN),
    ([2, 2, -1, 2], 2, matrices.CHILDLESS),
    ([-1], 0, matrices.CHILDLESS),
    ([2, 2, -1, 4, 3], 2, matrices.CYCLE),
    ([4, 4, 2, 3, -1], 2, matrices.CYCLE),
])
def test_what_is_no_tree_is_named(parent: list[int], n_leaves: int, code: int) -> None:
    good = [2, 2, -1]
    parents = Ragged.from_rows([good, parent, good], dtype=np.int32)
    matrices, codes = parent_to_matrix(parents, np.array([2, n_leaves, 2]))
    assert codes.tolist() == [0, code, 0]
    assert not matrices[1].any() and matrices[2].tolist() == [0, 1, 1, 0]
    assert len(parent_problems(code)) > 10


def test_more_generations_than_fit_are_refused() -> None:
    # A comb of 300 leaves: each node holds one leaf and the node below.
    n = 300
    parent = [n, *range(n, 2 * n - 1), *range(n + 1, 2 * n - 1), -1]
    assert parent_to_matrix(Ragged.from_rows([parent], dtype=np.int32), np.array([n]))[1][0] == matrices.TOO_HIGH


def test_numbering_agrees_with_nested_lists() -> None:
    nested = [[0, [1, 3]], 2, [4, 5]]
    parent, n = from_nested(nested)
    matrices, _ = parent_to_matrix(Ragged.from_rows([parent]), np.array([n]))
    canonical, _ = matrix_to_parent(matrices, np.array([n]))
    assert to_nested(canonical[0], n) == nested == to_nested(parent, n)
