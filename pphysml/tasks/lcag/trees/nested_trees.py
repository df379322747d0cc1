"""Single trees as nested lists: to read, to print, to count. Not for many events; see `matrices`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged
from .matrices import parent_problems, parent_to_matrix

Nested = Any
"""A leaf's index, or the list of a node's subtrees."""


def to_nested(parent: Array, n_leaves: int) -> Nested:
    """Return the tree of one parent array as nested lists of leaf indices, e.g. `[[0, 2], 1]`.

    Subtrees are ordered by their lowest leaf; nodes with one child are contracted.

    Raises:
        ValueError: not a tree.
    """
    _, codes = parent_to_matrix(Ragged.from_rows([parent], dtype=np.int64), np.array([n_leaves]))
    if codes[0]:
        raise ValueError(f"parent array {parent_problems(codes[0])}")
    below: list[list[int]] = [[] for _ in parent]
    for node, up in enumerate(parent):
        if up >= 0:
            below[up].append(node)

    def subtree(node: int) -> Nested:
        if node < n_leaves:
            return node
        subtrees = sorted((subtree(child) for child in below[node]), key=_lowest_leaf)
        return subtrees if len(subtrees) > 1 else subtrees[0]

    return subtree(list(parent).index(-1)) if len(parent) else []


def from_nested(nested: Nested) -> tuple[NDArray[np.int32], int]:
    """Return the parent array, root last, and the number of leaves of nested lists of 0...n-1.

    Raises:
        ValueError: the leaves are not 0...n-1, each once.
    """
    n = len(leaves := sorted(_leaves(nested)))
    if leaves != list(range(n)):
        raise ValueError(f"leaves must be 0 to {n - 1}, each once, not {leaves}")
    parent = [-1] * n

    def number(tree: Nested) -> int:
        if not isinstance(tree, list):
            return int(tree)
        children = [number(subtree) for subtree in tree]
        parent.append(-1)
        for child in children:
            parent[child] = len(parent) - 1
        return len(parent) - 1

    if n:
        number(nested)
    return np.array(parent, dtype=np.int32), n


def canonical_form(parent: Array, leaf_labels: Sequence[object]) -> str:
    """Return a text that two trees share exactly if they differ in the order of children only.

    `leaf_labels` has one label per leaf (A. Aho, J. Hopcroft, J. Ullman, 1974, example 3.2).
    """

    def write(tree: Nested) -> str:
        if isinstance(tree, list):
            return f"({' '.join(sorted(map(write, tree)))})"
        return str(leaf_labels[tree])

    return write(to_nested(parent, len(leaf_labels)))


def enumerate_trees(n: int) -> list[NDArray[np.uint8]]:
    """Return the matrices of all trees of n labelled leaves: 1, 1, 4, 26, 236, 2752 for n = 1...6."""
    nested = [from_nested(tree)[0] for tree in _trees(tuple(range(n)))]
    matrices, _ = parent_to_matrix(Ragged.from_rows(nested, np.int64), np.full(len(nested), n))
    return list(matrices.flat.reshape(-1, n, n))


def _trees(leaves: tuple[int, ...]) -> Iterator[Nested]:
    if len(leaves) == 1:
        yield leaves[0]
        return
    for blocks in partitions(leaves):
        if len(blocks) > 1:
            yield from map(list, product(*(list(_trees(block)) for block in blocks)))


def partitions(items: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    """Yield all ways to share the items among blocks; blocks in the order of their first item."""
    if not items:
        yield []
        return
    first, others = items[0], items[1:]
    for chosen in product((False, True), repeat=len(others)):
        block = (first, *(k for k, c in zip(others, chosen, strict=True) if c))
        for rest in partitions(tuple(k for k, c in zip(others, chosen, strict=True) if not c)):
            yield [block, *rest]


def _leaves(tree: Nested) -> Iterator[int]:
    if isinstance(tree, list):
        for subtree in tree:
            yield from _leaves(subtree)
    else:
        yield int(tree)


def _lowest_leaf(tree: Nested) -> int:
    return min(_leaves(tree))
