"""Arrays of a fixed size per entry, of which only the first values are real, and how many these are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from .checks import Fault
from .ragged import Array, Ragged


def counted(values: Array, counts: Array, pairs_of: int = 0) -> Ragged:
    """Return the first values of each entry of an array (entries, ...), flat per entry.

    Args:
        counts: how many, (entries,); no more than there are.
        pairs_of: where the values are those of all pairs of so many objects, row after row, this number; the
            pairs of the first `counts` objects are returned then.
    """
    rows = values.reshape(len(values), -1)
    if pairs_of:
        real = np.arange(pairs_of) < counts[:, None]
        return Ragged.from_counts(rows[(real[:, :, None] & real[:, None, :]).reshape(len(values), -1)], counts**2)
    return Ragged.from_counts(rows[np.arange(rows.shape[1]) < counts[:, None]], counts)


def without_zeros(columns: Iterable[Array]) -> Array:
    """Return how many objects each entry has up to the last one that is not 0 in all of the columns (entries, size)."""
    filled = np.any([column != 0 for column in columns], axis=0)
    last = filled.shape[1] - np.argmax(filled[:, ::-1], axis=1)
    counts: Array = np.where(filled.any(1), last, 0)
    return counts


def faults(counts: Array, sizes: Mapping[str, int]) -> Iterator[Fault]:
    """Yield the first entry whose count no array can have, and why; `sizes` are those of the arrays, by branch."""
    least = min(sizes, key=sizes.__getitem__)
    bad = (counts < 0) | (counts > sizes[least]) | (counts != np.rint(counts))
    if bad.any():
        row = int(np.argmax(bad))
        text = f"value {counts[row]} is no number of values of {least!r}, which has {sizes[least]} in every entry"
        yield Fault(row, text, int(bad.sum()) - 1)
