"""Matrices given as truth: exactly those of trees are accepted, and what is wrong with the others is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pphysml.errors import TruthError
from pphysml.io.problems import EntriesError
from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.reading.given_matrices import given_matrices
from pphysml.tasks.lcag.trees.labelled_trees import merged
from pphysml.tasks.lcag.trees.validity_rules import ValidityRules

RULES = [ValidityRules(forest, gap_free) for forest in (False, True) for gap_free in (True, False)]


def rows_of(matrices):
    events, n = matrices.shape[:2]
    return Ragged.from_counts(matrices.reshape(-1), np.full(events, n * n)), np.full(events, n)


def accepted(matrices, rules):
    """Return which matrices are not refused, leaving out what is refused until nothing is."""
    left = np.arange(len(matrices))
    while len(left):
        given, n = rows_of(matrices[left])
        try:
            given_matrices({"lcag": given}, "lcag", n, rules)
        except EntriesError as error:
            left = left[~error.bad]
        else:
            break
    return np.isin(np.arange(len(matrices)), left)


def every(n, levels, symmetric):
    """Return all matrices of n leaves with levels from 0, or all symmetric ones with zeros on the diagonal."""
    where = np.triu_indices(n, 1) if symmetric else tuple(np.indices((n, n)).reshape(2, -1))
    values = np.array(list(itertools.product(range(levels), repeat=len(where[0]))), dtype=np.uint8)
    matrices = np.zeros((len(values), n, n), dtype=np.uint8)
    matrices[:, where[0], where[1]] = values
    return matrices | matrices.transpose(0, 2, 1) if symmetric else matrices


def is_of_a_tree(matrix, rules):
    """By the definition, for every pair and triple of leaves."""
    n = len(matrix)
    level = np.where((matrix == 0) & ~np.eye(n, dtype=bool), 256, matrix.astype(int))
    pairs = list(itertools.permutations(range(n), 2))
    if matrix.diagonal().any() or (matrix != matrix.T).any() or (not rules.forest and any(level[p] == 256 for p in pairs)):
        return False
    if any(level[i, j] > max(level[i, k], level[k, j]) for i, j, k in itertools.permutations(range(n), 3)):
        return False
    nodes = [(level[p], [u for u in range(n) if level[p[0], u] <= level[p]]) for p in pairs if 1 < level[p] < 256]
    return not rules.gap_free or all((level[np.ix_(inside, inside)] == h - 1).any() for h, inside in nodes)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("n", "levels", "symmetric"), [(2, 4, False), (3, 3, False), (3, 4, True), (4, 4, True)])
def test_exactly_the_matrices_of_trees_are_accepted(n, levels, symmetric, rules):
    matrices = every(n, levels, symmetric)
    expected = np.array([is_of_a_tree(m, rules) for m in matrices])
    if not rules.gap_free:
        # Classes may fall upwards, see below.
        expected |= is_labelled(matrices, rules)
    np.testing.assert_array_equal(accepted(matrices, rules), expected)


def partitions(items):
    if not items:
        yield []
        return
    for rest in partitions(items[1:]):
        yield [items[:1], *rest]
        for k, block in enumerate(rest):
            yield [*rest[:k], [items[0], *block], *rest[k + 1:]]


def labelled_trees(leaves, labels):
    """Yield {pair: labels of its ancestors, the lowest first} for all trees of some leaves, with all labels of the nodes."""
    if len(leaves) == 1:
        yield {}
        return
    for blocks in (p for p in partitions(leaves) if len(p) > 1):
        for below in itertools.product(*(list(labelled_trees(block, labels)) for block in blocks)):
            for label in labels:
                tree = {pair: (*chain, label) for part in below for pair, chain in part.items()}
                across = [tuple(sorted(p)) for a, b in itertools.combinations(blocks, 2) for p in itertools.product(a, b)]
                yield tree | dict.fromkeys(across, (label,))


def matrix_of(n, pairs):
    matrix = np.zeros((n, n), dtype=np.uint8)
    for (i, j), value in pairs.items():
        matrix[i, j] = matrix[j, i] = value
    return matrix


def is_labelled(matrices, rules):
    """Return which matrices are of trees with any classes of nodes; 0 is a class above all others."""
    n, top = matrices.shape[1], 9
    known = set()
    for tree in labelled_trees(list(range(n)), (1, 2, 3, top) if rules.forest else (1, 2, 3)):
        known.add((matrix_of(n, {p: chain[0] for p, chain in tree.items()}) % top).tobytes())
    return np.array([m.tobytes() in known for m in matrices])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_higher_class_below_a_lower_one_is_merged_as_in_the_tree_itself(n):
    """J/psi (class 1) -> K0S (2) pi pi: the two pions of the K0S get the class of the J/psi."""
    given, expected = {}, {}
    for tree in labelled_trees(list(range(n)), (1, 2, 3)):
        matrix = matrix_of(n, {pair: chain[0] for pair, chain in tree.items()})
        given[matrix.tobytes()] = matrix
        expected.setdefault(matrix.tobytes(), set()).add(matrix_of(n, {pair: min(chain) for pair, chain in tree.items()}).tobytes())
    assert all(len(answers) == 1 for answers in expected.values())
    found, of_tree = merged(*rows_of(np.array(list(given.values()))))
    assert of_tree.all() and {m.tobytes() for m in found.flat.reshape(-1, n, n)} == set.union(*expected.values())
    for k, key in enumerate(given):
        assert found[k].tobytes() in expected[key]
    matrices = every(n, 3, True) + np.uint8(1) - np.eye(n, dtype=np.uint8)
    np.testing.assert_array_equal(merged(*rows_of(matrices))[1], [m.tobytes() in given for m in matrices])


TREE = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 2, 0, 3], [3, 3, 3, 0]], dtype=np.uint8)


def changed(*elements, symmetric=True):
    matrix = TREE.copy()
    for i, j, value in elements:
        matrix[i, j] = value
        if symmetric:
            matrix[j, i] = value
    return matrix


@pytest.mark.parametrize(("matrix", "words"), [
    (changed((2, 2, 1)), "has 1 on the diagonal, for leaf 2 with itself"),
    (changed((1, 3, 2), symmetric=False), "is not symmetric: 2 for leaves 1 and 3, 3 the other way round"),
    (changed((0, 3, 0)), "zeros between leaves"),
    (changed((0, 3, 2)), "leaves 1, 3 and 0 have 3 for the first two, 1 and 2 with the third"),
    (changed((0, 1, 1), (0, 2, 3), (1, 2, 3)), "a node of generation 3 whose highest child is of generation 1"),
])
def test_what_is_wrong_is_said_with_its_place_and_number(matrix, words):
    given, n = rows_of(np.array([TREE, matrix, TREE, matrix, matrix]))
    ones = Ragged.from_counts(np.ones(n.sum()), n)
    chunk = {"file": np.zeros(5, dtype=np.int32), "entry": np.arange(40, 45), "px": ones, "py": ones, "pz": ones,
             "e": Ragged(2 * ones.flat, ones.offsets), "lcag": given}
    with pytest.raises(TruthError) as caught:
        assemble(chunk, None, LcagConfig())
    assert words in str(caught.value) and "branch 'lcag', entry 41" in str(caught.value)
    assert "2 more of the 5 entries read with it" in str(caught.value)
