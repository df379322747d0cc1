"""Entries that cannot be used, said with their place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ....errors import TruthError
from ....io.problems import EntriesError
from ....io.ragged import Array, Columns


class TruthEntriesError(EntriesError, TruthError):
    """Entries whose truth cannot be used."""


def refuse(
    chunk: Columns, bad: Array, branch: str, reason: Callable[[int], str], kind: type[EntriesError] = EntriesError
) -> None:
    """Raise for the first bad entry, if there is one.

    Args:
        chunk: gives the ids of the entries.
        bad: bool (entries,).
        reason: what is wrong with a row, and what to do.
        kind: what is raised.

    Raises:
        EntriesError: names branch, entry and file.
    """
    if not bad.any():
        return
    row = int(np.argmax(bad))
    where = f"entry {np.asarray(chunk['entry'])[row]}" if "entry" in chunk else f"row {row}"
    if "file" in chunk:
        where += f" of input file {np.asarray(chunk['file'])[row]}"
    raise kind(f"Branch {branch!r}, {where}: {reason(row)}.", branch, bad, reason(row))


def refuse_truth(chunk: Columns, bad: Array, branch: str, reason: Callable[[int], str]) -> None:
    """Do as `refuse`, for truth.

    Raises:
        TruthEntriesError: names branch, entry and file.
    """
    refuse(chunk, bad, branch, reason, TruthEntriesError)
