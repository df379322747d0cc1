"""Texts of singles, as the names of volumes that GATE writes, as one value each: bytes of one width."""

from __future__ import annotations

import numpy as np

from ....errors import ConfigError
from ....io.ragged import Array, Columns, Ragged
from ....io.schema import KEEP, KEEP_TEXT, kept_branch

LONGEST = 1000
"""Bytes of a text; all take as many as the longest one of a block."""


def one_value_each(rows: Columns) -> Columns:
    """Return rows whose kept branches have one value for every single.

    Raises:
        ConfigError: one has a list of values, or long texts; names the branch.
    """
    return {name: _one_each(name, column) if isinstance(column, Ragged) and name.startswith(KEEP) else column for name, column in rows.items()}


def as_texts(values: Array) -> Ragged:
    """Return bytes of one width as texts of their own lengths."""
    lengths = np.char.str_len(values)
    letters = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
    return Ragged.from_counts(letters[np.arange(letters.shape[1]) < lengths[:, None]], lengths)


def _one_each(name: str, column: Ragged) -> Array:
    longest = int(column.counts.max(initial=1))
    if not name.startswith(KEEP_TEXT):
        raise ConfigError(f"--keep {kept_branch(name)}: has a list of values for every single, and cannot be carried over.")
    if longest > LONGEST:
        raise ConfigError(f"--keep {kept_branch(name)}: has a text of {longest} letters; texts of at most {LONGEST} can be carried over.")
    letters = np.zeros((len(column), longest), dtype=np.uint8)
    letters[np.arange(longest) < column.counts[:, None]] = column.flat
    fixed: Array = letters.reshape(-1).view(f"S{longest}")
    return fixed
