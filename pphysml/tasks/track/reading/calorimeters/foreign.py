"""Hits that lie in no layer: counted, left out, and too many of them refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .....errors import FileName, InputError
from .....io.problems import Place, place
from .....io.ragged import Array, Columns

MOST = 0.05
"""Share of the hits that may lie in no layer."""

JUDGED = 500_000
"""Hits after which that is judged, again and again, beside the end of the input: noise may come all at once."""


IN_FRONT = "; sensors in front of the object are described in the geometry by front_tracker: {layers: [Z, Z]}"
"""Said of hits in front of the first layer."""


class ForeignHits:
    """Counts the hits that lie in no layer.

    Args:
        branch: the column of their positions.
        known: what the layers are, in words.
    """

    def __init__(self, branch: str, known: str) -> None:
        self.branch, self.known = branch, known
        self.hits = self.outside = 0
        self._first: tuple[Place, str] | None = None
        self._in_front = ""

    def see(self, outside: Array, values: Array, rows: Columns, row: Array | None = None, words: str = "z = {:.6g} mm", begins: float = -np.inf) -> None:
        """Take which hits lie in no layer, and the rows of the file that they are in.

        Args:
            outside: bool (H,).
            values: by which their layers are known, (H,).
            row: of each hit, (H,); None where each has a row of its own.
            words: to say a value in.
            begins: value from which on there are layers.

        Raises:
            InputError: of those so far there are too many.
        """
        if self._first is None and outside.any():
            first = int(np.argmax(outside))
            self._first = place(rows, first if row is None else int(row[first])), words.format(values[first])
            self._in_front = IN_FRONT if values[first] < begins else ""
        before, total = self.hits, np.cumsum(outside)
        for at in range((before // JUDGED + 1) * JUDGED, before + len(outside) + 1, JUDGED):
            self._refuse_many(at, self.outside + int(total[at - before - 1]))
        self.hits += len(outside)
        self.outside += int(outside.sum())

    def end(self) -> None:
        """Judge all.

        Raises:
            InputError: there are too many of them.
        """
        self._refuse_many(self.hits, self.outside)

    def facts(self) -> dict[str, Any]:
        """Return how many there are."""
        return {"hits_in_no_layer": self.outside}

    def warnings(self, named: FileName) -> Iterator[str]:
        """Yield how many there are, and where the first is."""
        if self._first is not None:
            where, said = self._first
            yield (f"{self.outside} of {self.hits} hits ({self.outside / self.hits:.2g} of all) lie in none of the layers {self.known} and are left out, "
                   f"the first at {said}, {where.text(named)}{self._in_front}")

    def _refuse_many(self, hits: int, outside: int) -> None:
        if outside <= max(1.0 if outside < hits else 0.0, MOST * hits):
            return
        assert self._first is not None
        where, said = self._first
        raise InputError(f"{outside} of {hits} hits lie in none of the layers {self.known}, the first at {said}: the geometry is another one; "
                         f"give that with --geometry{self._in_front}", file=where.file, branch=self.branch, entry=where.entry)
