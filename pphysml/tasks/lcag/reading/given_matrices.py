"""Matrices that a file gives as truth: those of no tree are refused, and it is said what is wrong with the first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, Ragged, ragged
from ..trees.labelled_trees import merged
from ..trees.matrices import matrix_to_parent
from ..trees.validity import (
    APART,
    ASYMMETRIC,
    DIAGONAL,
    GAP,
    NOT_ULTRAMETRIC,
    WRONG_LENGTH,
    matrix_codes,
)
from ..trees.validity_rules import ValidityRules
from .refusal import refuse_truth

SEVERAL = "where one event may hold several trees, set data.forest=true (a model must have been trained so)"


def given_matrices(chunk: Columns, branch: str, n_leaves: Array, rules: ValidityRules) -> Ragged:
    """Return a branch's matrices, flat rows of n*n, which are all valid.

    Of classes of ancestors, a node of a higher class than one above it is merged with the node above.

    Raises:
        TruthEntriesError: matrices of no tree; names the entry and what is wrong.
    """
    matrices = ragged(chunk, branch)
    codes = matrix_codes(matrices, n_leaves, rules)
    if not rules.gap_free and (crooked := codes == NOT_ULTRAMETRIC).any():
        straight, of_tree = merged(matrices.take(crooked), n_leaves[crooked])
        matrices = Ragged(matrices.flat.copy(), matrices.offsets)
        matrices.flat[np.repeat(crooked, matrices.counts)] = straight.flat
        codes[np.flatnonzero(crooked)[of_tree]] = 0
    for code, fault in FAULTS.items():
        refuse_truth(chunk, codes == code, branch, _reason(fault, ragged(chunk, branch), n_leaves), rule=fault)
    return matrices


Fault = Callable[[NDArray[np.int64], int], str]
"""What is wrong with a matrix (n, n), or with a row of wrong length, for n leaves."""


def _reason(fault: Fault, matrices: Ragged, n_leaves: Array) -> Callable[[int], str]:
    def reason(row: int) -> str:
        n, values = int(n_leaves[row]), matrices[row].astype(np.int64)
        return fault(values.reshape(n, n) if len(values) == n * n else values, n)

    return reason


def _wrong_length(values: NDArray[np.int64], n: int) -> str:
    return f"has {len(values)} values for {n} leaves, not their square"


def _diagonal(matrix: NDArray[np.int64], n: int) -> str:
    leaf = int(np.argmax(np.diagonal(matrix) != 0))
    return f"has {matrix[leaf, leaf]} on the diagonal, for leaf {leaf} with itself, where 0 must be"


def _asymmetric(matrix: NDArray[np.int64], n: int) -> str:
    i, j = np.argwhere(matrix != matrix.T)[0]
    return f"is not symmetric: {matrix[i, j]} for leaves {i} and {j}, {matrix[j, i]} the other way round"


def _apart(matrix: NDArray[np.int64], n: int) -> str:
    return f"has zeros between leaves, which are not in one tree then; {SEVERAL}"


def _not_ultrametric(matrix: NDArray[np.int64], n: int) -> str:
    level = np.where((matrix == 0) & ~np.eye(n, dtype=bool), 256, matrix)
    for k in range(n):
        below = np.maximum(level[:, k, None], level[None, k])
        below[k] = below[:, k] = 256
        if (level > below).any():
            i, j = np.argwhere(level > below)[0]
            return (f"is not that of a tree: leaves {i}, {j} and {k} have {matrix[i, j]} for the first two, "
                    f"{matrix[i, k]} and {matrix[j, k]} with the third, where the two largest must be equal")
    raise AssertionError("the matrix is ultrametric")


def _gap(matrix: NDArray[np.int64], n: int) -> str:
    flat = Ragged.from_counts(matrix.reshape(-1).astype(np.uint8), np.array([n * n]))
    parent, level = matrix_to_parent(flat, np.array([n]))
    highest = np.zeros(len(parent.flat), dtype=np.int64)
    below = parent.flat >= 0
    np.maximum.at(highest, parent.flat[below], level.flat[below].astype(np.int64))
    node = int(np.argmax((level.flat > 0) & (level.flat > highest + 1)))
    return (f"has a gap: a node of generation {level.flat[node]} whose highest child is of generation {highest[node]}; a node "
            "must be one above its highest child (for classes of ancestors, LCAS, set data.classes=stages)")


FAULTS: dict[int, Fault] = {
    WRONG_LENGTH: _wrong_length, DIAGONAL: _diagonal, ASYMMETRIC: _asymmetric, APART: _apart,
    NOT_ULTRAMETRIC: _not_ultrametric, GAP: _gap,
}
