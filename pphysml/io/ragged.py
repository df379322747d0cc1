"""Ragged columns: a flat array and offsets, the currency between files, tasks and tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths.

    Attributes:
        flat: values of all rows one after the other, shape (total, ...).
        offsets: int64, shape (rows + 1,), offsets[0] == 0; row i is flat[offsets[i]:offsets[i+1]].
    """

    flat: Array
    offsets: NDArray[np.int64]

    @classmethod
    def from_counts(cls, flat: Array, counts: Array) -> Ragged:
        """Build from the length of each row."""
        offsets = np.zeros(len(counts) + 1, dtype=np.int64)
        np.cumsum(counts, out=offsets[1:])
        return cls(flat, offsets)

    @classmethod
    def from_rows(cls, rows: Sequence[Any], dtype: Any = None) -> Ragged:
        """Build from a sequence of rows; for tests and small inputs."""
        arrays = [np.asarray(row, dtype=dtype) for row in rows]
        flat = np.concatenate(arrays) if arrays else np.zeros(0, dtype=dtype)
        return cls.from_counts(flat, np.array([len(a) for a in arrays], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Array:
        return self.flat[self.offsets[row] : self.offsets[row + 1]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Length of each row, shape (rows,)."""
        return np.diff(self.offsets)

    def take(self, rows: Array) -> Ragged:
        """Return the selected rows in the given order (index array, boolean mask)."""
        return self.at(Selection(rows).of_values(self.offsets))

    def at(self, selected: tuple[Array, NDArray[np.int64]]) -> Ragged:
        """Return rows by the values and offsets of `Selection.of_values`."""
        return Ragged(np.take(self.flat, selected[0], axis=0), selected[1])

    def slice(self, start: int, stop: int) -> Ragged:
        """Return rows start:stop without copying the values."""
        offsets = self.offsets[start : stop + 1]
        return Ragged(self.flat[offsets[0] : offsets[-1]], offsets - offsets[0])

    def rows_with(self, chosen: Array) -> NDArray[np.bool_]:
        """Return which rows have a chosen value; `chosen` is bool, one for each value."""
        found: NDArray[np.bool_] = np.diff(np.concatenate([[0], np.cumsum(chosen)])[self.offsets]) > 0
        return found

    def first_of(self, chosen: Array, row: int, values: Array | None = None) -> Any:
        """Return the first chosen value of a row, of `values` if they are given in its place."""
        start, stop = self.offsets[row], self.offsets[row + 1]
        return (self.flat if values is None else values)[start:stop][chosen[start:stop]][0]

    def padded(self, width: int | None = None, fill: float = 0) -> Array:
        """Return a dense array (rows, width, ...); rows longer than `width` are clipped."""
        counts = self.counts
        if width is None:
            width = int(counts.max()) if len(counts) else 0
        dense = np.full((len(self), width, *self.flat.shape[1:]), fill, dtype=self.flat.dtype)
        keep = np.arange(width) < counts[:, None]
        if len(counts) and counts.max() > width:
            column = np.arange(len(self.flat)) - np.repeat(self.offsets[:-1], counts)
            dense[keep] = self.flat[column < width]
        else:
            dense[keep] = self.flat
        return dense


Column = Array | Ragged
Columns = dict[str, Column]
"""Named columns of equal length: arrays (one value, or one fixed-shape value, per row) or Ragged."""


def ragged(columns: Mapping[str, Column], name: str) -> Ragged:
    """Return a column that must have many values per row.

    Raises:
        InputError: it has one, or is not there.
    """
    if name not in columns:
        raise InputError(f"There is no branch {name!r}; simulated events do not have it, so give files that do.")
    column = columns[name]
    if not isinstance(column, Ragged):
        raise InputError("must have many values per event, but has one", branch=name)
    return column


def length(columns: Mapping[str, Column]) -> int:
    """Return the number of rows, checking that all columns agree."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of different lengths: {lengths}")
    return next(iter(lengths.values()), 0)


class Selection:
    """Rows in a given order (index array, boolean mask), and the values that ragged columns have there.

    Columns with the same offsets have the same values selected, which are found once.
    """

    def __init__(self, rows: Array) -> None:
        # A mask costs ten times as much as indices for every column.
        self.rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        self._offsets: NDArray[np.int64] | None = None
        self._values: tuple[Array, NDArray[np.int64]] | None = None

    def of_values(self, offsets: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
        """Return the numbers of the rows' values, and their own offsets."""
        if self._values is None or self._offsets is None or not np.array_equal(self._offsets, offsets):
            self._offsets, self._values = offsets, self._found(offsets)
        return self._values

    def _found(self, offsets: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
        counts = np.diff(offsets)[self.rows]
        selected = np.zeros(len(self.rows) + 1, np.int64)
        np.cumsum(counts, out=selected[1:])
        values = np.repeat(offsets[self.rows] - selected[:-1], counts)
        values += np.arange(len(values))
        return values, selected


def take(columns: Mapping[str, Column], rows: Array) -> Columns:
    """Return the selected rows of every column, in the given order (index array, boolean mask); of all rows, the columns themselves."""
    if np.asarray(rows).dtype == bool and np.all(rows):
        return dict(columns)
    selection = Selection(rows)
    return {name: column.at(selection.of_values(column.offsets)) if isinstance(column, Ragged) else column[selection.rows]
            for name, column in columns.items()}


def slice_rows(columns: Mapping[str, Column], start: int, stop: int) -> Columns:
    """Return rows start:stop of every column without copying."""
    return {
        name: column.slice(start, stop) if isinstance(column, Ragged) else column[start:stop]
        for name, column in columns.items()
    }


def concatenate(parts: Sequence[Mapping[str, Column]]) -> Columns:
    """Join column sets that have the same names, one after the other; one alone stays as it is."""
    if len(parts) < 2:
        return dict(parts[0]) if parts else {}
    joined: Columns = {}
    for name, first in parts[0].items():
        columns = [part[name] for part in parts]
        if isinstance(first, Ragged):
            ragged = [c for c in columns if isinstance(c, Ragged)]
            flat = np.concatenate([c.flat for c in ragged])
            joined[name] = Ragged.from_counts(flat, np.concatenate([c.counts for c in ragged]))
        else:
            joined[name] = np.concatenate([np.asarray(c) for c in columns])
    return joined
