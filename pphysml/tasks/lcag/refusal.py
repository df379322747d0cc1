"""Truth that cannot be used, said with its place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import InputError
from ...io.ragged import Array, Columns


def refuse(chunk: Columns, bad: Array, branch: str, reason: Callable[[int], str]) -> None:
    """Raise for the first bad entry, if there is one.

    Args:
        chunk: gives the ids of the entries.
        bad: bool (entries,).
        reason: what is wrong with a row, and what to do.

    Raises:
        InputError: names branch, entry and file.
    """
    if not bad.any():
        return
    row = int(np.argmax(bad))
    where = f"entry {np.asarray(chunk['entry'])[row]}" if "entry" in chunk else f"row {row}"
    if "file" in chunk:
        where += f" of input file {np.asarray(chunk['file'])[row]}"
    raise InputError(f"Branch {branch!r}, {where}: {reason(row)}.")
