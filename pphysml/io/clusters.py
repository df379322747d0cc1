"""Whole baskets and clusters kept decoded, so that small blocks do not decode a large one many times."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from .ragged import Array, Column, Ragged

MAX_BYTES = 256 * 2**20
"""Largest size of what one tree keeps; RNTuple clusters may hold millions of entries."""


def whole(edges: Array, start: int, stop: int) -> tuple[int, int]:
    """Return the smallest range between `edges` that holds start:stop; start:stop itself if none does."""
    if start >= stop or not len(edges) or edges[0] > start or edges[-1] < stop:
        return start, stop
    first = int(edges[np.searchsorted(edges, start, side="right") - 1])
    last = int(edges[np.searchsorted(edges, stop, side="left")])
    return first, last


class Decoded:
    """The decoded columns of the baskets or clusters read last, one range per branch.

    A branch that is read in more than one way has a key for each.
    """

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[int, Column]] = {}
        self._too_large: set[Hashable] = set()

    def get(self, branch: Hashable, start: int, stop: int) -> Column | None:
        """Return entries start:stop of a branch if they are held."""
        first, column = self._held.get(branch, (0, np.zeros(0)))
        if start >= stop or start < first or stop > first + len(column):
            return None
        return cut(column, start - first, stop - first)

    def fits(self, branch: Hashable) -> bool:
        """Return whether it is worth reading more of a branch than was asked for."""
        return branch not in self._too_large

    def put(self, branch: Hashable, first: int, column: Column) -> None:
        """Hold a column that begins at entry `first`, unless that would be too much."""
        self._held.pop(branch, None)
        if _size(column) + sum(_size(held) for _, held in self._held.values()) > MAX_BYTES:
            self._too_large.add(branch)
        else:
            self._held[branch] = (first, column)

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()


def cut(column: Column, start: int, stop: int) -> Column:
    """Return a copy of rows start:stop, so that whoever gets them may change them."""
    part = rows(column, start, stop)
    return Ragged(part.flat.copy(), part.offsets) if isinstance(part, Ragged) else part.copy()


def rows(column: Column, start: int, stop: int) -> Column:
    """Return rows start:stop, which share the memory of the column."""
    return column.slice(start, stop) if isinstance(column, Ragged) else column[start:stop]


def _size(column: Column) -> int:
    return column.flat.nbytes + column.offsets.nbytes if isinstance(column, Ragged) else column.nbytes
