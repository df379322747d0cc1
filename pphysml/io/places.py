"""Rows that a task cannot use, said with their place; see `problems.with_places` for what becomes of the words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..errors import InputError
from .ragged import Array, Column


def place(rows: Mapping[str, Column], row: int) -> str:
    """Return entry and file of a row."""
    where = f"entry {np.asarray(rows['entry'])[row]}" if "entry" in rows else f"row {row}"
    return where + (f" of input file {np.asarray(rows['file'])[row]}" if "file" in rows else "")


def refuse(rows: Mapping[str, Column], bad: Array, branch: str, reason: Callable[[int], str]) -> None:
    """Raise for the first bad row, if there is one.

    Args:
        rows: their `file` and `entry` are told.
        bad: bool (rows,).
        reason: what is wrong with a row, and what to do.

    Raises:
        InputError: names branch, entry and file.
    """
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"Branch {branch!r}, {place(rows, row)}: {reason(row)}.")
