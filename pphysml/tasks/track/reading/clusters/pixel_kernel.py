"""Compiled search for fired pixels that touch."""

from __future__ import annotations

import numpy as np
from numba import njit

from .....io.ragged import Array
from .cluster_kernel import Ints, root


@njit(cache=True, nogil=True)
def join_pixels(sensor: Ints, column: Ints, row: Ints, one: Ints, other: Ints) -> Array:
    """Return the first pixel of each one's cluster, int64 (N,): those that touch, by their corners too, are one.

    Args:
        sensor, column, row: sorted by these, none twice, (N,).
        one, other: pixels that are joined besides, (M,).
    """
    parent = np.arange(len(sensor))
    begin = 0
    for i in range(len(sensor)):
        if i > 0 and sensor[i - 1] == sensor[i] and column[i - 1] == column[i] and row[i - 1] == row[i] - 1:
            _unite(parent, i - 1, i)
        # The pixels of the column before that touch come in the order of their rows.
        while _is_before(sensor, column, row, begin, i):
            begin += 1
        j = begin
        while j < i and sensor[j] == sensor[i] and column[j] == column[i] - 1 and row[j] <= row[i] + 1:
            _unite(parent, j, i)
            j += 1
    for k in range(len(one)):
        _unite(parent, one[k], other[k])
    for i in range(len(sensor)):
        parent[i] = root(parent, i)
    return parent


@njit(cache=True, nogil=True)
def _is_before(sensor: Ints, column: Ints, row: Ints, j: int, i: int) -> bool:
    """Return whether pixel j lies before all of the next column's neighbours of pixel i, and of those behind it."""
    if sensor[j] != sensor[i]:
        return True
    return bool(column[j] < column[i] - 1 or (column[j] == column[i] - 1 and row[j] < row[i] - 1))


@njit(cache=True, nogil=True)
def _unite(parent: Ints, i: int, j: int) -> None:
    a, b = root(parent, i), root(parent, j)
    parent[max(a, b)] = min(a, b)
