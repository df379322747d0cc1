"""Which part of a split and which fold events are in: by a hash of their ids where files have these, else of file name and entry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from ..io.hashing import GOLDEN, combined, mixed
from ..io.ragged import Array, Columns
from .config import Folds

FOLD = "fold"
"""Column of the fold of each entry."""


def example_hash(name: str, entries: Array) -> Array:
    """Return a number in [0, 1) for each entry of a file, the same on every machine.

    The file's name without its folder and the entry number are mixed by `io.hashing`.
    """
    start = np.uint64(0xCBF29CE484222325)
    with np.errstate(over="ignore"):
        for byte in PurePath(name).name.encode():
            start = (start ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        z = mixed(start + entries.astype(np.uint64) * GOLDEN)
    return _unit(z)


def event_hash(columns: Columns, paths: Sequence[str], ids: Sequence[str], purpose: str = "") -> Array:
    """Return a number in [0, 1) for each row, the same for all rows of an event, whatever file they are in.

    Rows without ids, see `id_values`, have that of `example_hash`.

    Args:
        columns: `file`, `entry`, and those of `ids` that the files have.
        paths: of the files.
        ids: columns that together name an event, the last of them its number.
        purpose: numbers of different ones are independent.
    """
    file, entry = np.asarray(columns["file"]), np.asarray(columns["entry"])
    found = np.empty(len(file))
    for index in np.unique(file):
        rows = file == index
        found[rows] = example_hash(f"{paths[index]}{purpose}", entry[rows])
    values, known = id_values(columns, ids)
    salt = np.full(len(file), int(example_hash(purpose, np.zeros(1, np.int64))[0] * 2**53))
    return np.where(known, _unit(combined(salt, *values)), found)


def id_values(columns: Columns, ids: Sequence[str]) -> tuple[list[Array], Array]:
    """Return the ids that there are, int64 (n,) each, and which rows have an event's: none without the last one, nor where no id is above 0."""
    if not ids or ids[-1] not in columns:
        return [], np.zeros(len(np.asarray(columns["file"])), bool)
    values = [np.asarray(columns[name]).astype(np.int64) for name in ids if name in columns]
    return values, np.any([value > 0 for value in values], axis=0)


def fold_numbers(columns: Columns, paths: Sequence[str], ids: Sequence[str], folds: Folds) -> Array:
    """Return the fold of each row, int64 from 0; see `event_hash`."""
    return (event_hash(columns, paths, ids, " fold") * folds.number).astype(np.int64)


def _unit(number: Array) -> Array:
    found: Array = (number >> np.uint64(11)).astype(np.float64) / 2.0**53
    return found
