"""Constituents as one table for all jets of a chunk, those of each jet by falling transverse momentum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....io.ragged import Array, Ragged

TABLE, NUMBER = "constituents", "constituents_in_file"
"""Columns of examples: rows of the values of `particle_columns` and expressions for each jet; and how many constituents it has."""

ROWS = 2048
"""Filled at a time: columns of a large table would be written to memory one by one."""


def packed(columns: Sequence[Array], offsets: Array, most: int) -> tuple[Ragged, Array]:
    """Return the table, float32 (constituents, columns), and how many constituents each jet has, (jets,).

    What has no transverse momentum, as a candidate of weight 0, is no part of a jet; of more than `most`, those with the
    largest are kept.

    Args:
        columns: of all constituents, jet by jet; the first two are px and py.
        offsets: where those of each jet begin, (jets + 1,).
    """
    squared, counts = columns[0] * columns[0] + columns[1] * columns[1], np.diff(offsets)
    if len(squared) and (squared.min() <= 0 or counts.max() > most):
        return _chosen(columns, squared, counts, most)
    table = _table(columns, None)
    jets = _unsorted(squared, offsets)
    if len(jets):
        # Rounding changes the order of a few jets.
        rows = np.repeat(offsets[jets] - np.cumsum(counts[jets]) + counts[jets], counts[jets])
        rows += np.arange(len(rows))
        table[rows] = table[rows[_falling(squared[rows], np.repeat(np.arange(len(jets)), counts[jets]))]]
    return Ragged.from_counts(table, counts), counts


def _chosen(columns: Sequence[Array], squared: Array, counts: Array, most: int) -> tuple[Ragged, Array]:
    """Return the same where constituents are left out."""
    number = np.flatnonzero(squared > 0)
    jet = np.repeat(np.arange(len(counts)), counts)[number]
    order, found = number[_falling(squared[number], jet)], np.bincount(jet, minlength=len(counts))
    place = np.arange(len(order)) - np.repeat(np.cumsum(found) - found, found)
    return Ragged.from_counts(_table(columns, order[place < most]), np.minimum(found, most)), found


def _falling(squared: Array, jet: Array) -> Array:
    """Return the order of constituents of ascending jets, (n,), in which the squares of their transverse momenta, above 0, fall in each."""
    # The bits of positive numbers are in their order, so that one sort serves both.
    return np.argsort((jet.astype(np.uint64) << np.uint64(32)) | ~squared.view(np.uint32))


def _unsorted(values: Array, offsets: Array) -> Array:
    """Return the jets whose values rise somewhere."""
    rising = np.flatnonzero(values[1:] > values[:-1]) + 1
    jets = np.searchsorted(offsets, rising, side="right") - 1
    return np.unique(jets[offsets[jets] < rising])


def _table(columns: Sequence[Array], order: Array | None) -> Array:
    n = len(columns[0]) if order is None else len(order)
    table = np.empty((n, len(columns)), np.float32)
    for start in range(0, n, ROWS):
        rows = table[start : start + ROWS]
        chosen = slice(start, start + len(rows)) if order is None else order[start : start + ROWS]
        for k, column in enumerate(columns):
            rows[:, k] = column[chosen]
    return table
