"""Matrices over the leaves of events as flat rows of n*n values: where each element stands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array


class Elements(NamedTuple):
    """The elements of all events' matrices, row after row.

    Attributes:
        event, row, column: of each element, (elements,).
        at: where each event's matrix begins, (events + 1,).
        mirror: number of the element with row and column exchanged, (elements,).
    """

    event: Array
    row: Array
    column: Array
    at: Array
    mirror: Array

    @classmethod
    def of(cls, n_leaves: Array) -> Elements:
        """Return those of events of n leaves each."""
        n = np.asarray(n_leaves, dtype=np.int64)
        at = np.concatenate([[0], np.cumsum(n * n)])
        event = np.repeat(np.arange(len(n)), n * n)
        row, column = np.divmod(np.arange(at[-1]) - at[event], n[event])
        return cls(event, row, column, at, at[event] + column * n[event] + row)
