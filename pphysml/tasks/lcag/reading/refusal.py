"""Truth that cannot be used, with its place."""

from __future__ import annotations

from collections.abc import Callable

from ....errors import TruthError
from ....io.problems import EntriesError, refuse
from ....io.ragged import Array, Columns


class TruthEntriesError(EntriesError, TruthError):
    """Entries whose truth cannot be used."""


def refuse_truth(chunk: Columns, bad: Array, branch: str, reason: Callable[[int], str], rule: object = None) -> None:
    """Do as `io.problems.refuse`, for truth.

    Raises:
        TruthEntriesError: with branch, entry and file.
    """
    refuse(chunk, bad, branch, reason, TruthEntriesError, rule)
