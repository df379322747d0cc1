"""Rows of the input that cannot be used, said with their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Column


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


@contextmanager
def naming_first_file(rows: Mapping[str, Column]) -> Iterator[None]:
    """Say in which file the rows begin that are refused as a whole."""
    try:
        yield
    except InputError as error:
        file = np.asarray(rows["file"]) if "file" in rows else np.zeros(0)
        if len(file):
            error.args = (f"The hits of input file {file[0]}: {error}",)
        raise
