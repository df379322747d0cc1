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
    order, counts = _falling(columns[0], columns[1], offsets)
    if len(counts) and counts.max() > most:
        place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        order = np.flatnonzero(place < most) if order is None else order[place < most]
    return Ragged.from_counts(_table(columns, order), np.minimum(counts, most)), counts


def _falling(px: Array, py: Array, offsets: Array) -> tuple[Array | None, Array]:
    """Return the numbers of what has a transverse momentum in order, None where all are, and how many there are of each jet."""
    squared, counts = px * px + py * py, np.diff(offsets)
    if _falls(squared, offsets):
        return None, counts
    number = np.flatnonzero(squared > 0)
    jet = np.repeat(np.arange(len(counts)), counts)[number]
    # The bits of positive numbers are in their order, so that one sort serves both.
    key = (jet.astype(np.uint64) << np.uint64(32)) | ~squared[number].view(np.uint32)
    return number[np.argsort(key)], np.bincount(jet, minlength=len(counts))


def _falls(values: Array, offsets: Array) -> bool:
    """Return whether all values are above 0, and those of each jet in order."""
    if not len(values):
        return True
    falling = values[1:] <= values[:-1]
    firsts = offsets[1:-1]
    falling[firsts[(firsts > 0) & (firsts < len(values))] - 1] = True
    return bool(falling.all() and values.min() > 0)


def _table(columns: Sequence[Array], order: Array | None) -> Array:
    n = len(columns[0]) if order is None else len(order)
    table = np.empty((n, len(columns)), np.float32)
    for start in range(0, n, ROWS):
        rows = table[start : start + ROWS]
        chosen = slice(start, start + len(rows)) if order is None else order[start : start + ROWS]
        for k, column in enumerate(columns):
            rows[:, k] = column[chosen]
    return table
