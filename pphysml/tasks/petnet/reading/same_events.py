"""Whether two files, or trees of one, hold singles of the same events, as those of low and of high energies do."""

from __future__ import annotations

import numpy as np

from ....io.hashing import combined
from ....io.ragged import Array, Columns, concatenate, length, slice_rows
from .beginnings import clocks
from .falls import FIRST
from .merged_jobs import SAME_TIME

FEWEST = 3
"""Events that both must have."""

LATER = 1024
"""Rows whose events are compared with those of the first rows of a part."""

SHARE = 0.3
"""Share of the singles of events that both have which must be at the time of the other; more than jobs at any rate have by chance."""

AGAIN = 0.25
"""Share of the singles of such events that may be in both, if they are to be others."""

LATEST = 16
"""Earlier parts of other files with which a part is compared."""

LOOKED_AT = ("clock", "time", "x", "y", "z")


class FirstRows:
    """The first rows of every part."""

    def __init__(self) -> None:
        self._rows: list[Columns] = []
        self._files: list[int] = []

    def begin(self, file: int) -> None:
        """Begin a part of a file."""
        self._rows.append({})
        self._files.append(file)

    def add(self, rows: Columns) -> None:
        """Take the next rows of the part that was begun last."""
        known = length(self._rows[-1])
        if known < FIRST and "event" in rows:
            self._rows[-1] = concatenate([part for part in (self._rows[-1], _looked_at(rows, FIRST - known)) if part])

    def waits_for_more(self, file: int, rows: Columns) -> bool:
        """Return whether more rows must be seen, before it is known whether they are of the same events as those of another file."""
        return length(rows) < LATER and "event" in rows and any(of != file for of in self._files)

    def same_events(self, file: int, rows: Columns) -> int | None:
        """Return the latest part of another file that has other singles of the events of rows, None if there is none."""
        if "event" not in rows:
            return None
        others = [number for number, of in enumerate(self._files) if of != file and self._rows[number]]
        if not others:
            return None
        later = _looked_at(rows, LATER)
        return next((number for number in others[: -LATEST - 1 : -1] if _are_of_same_events(self._rows[number], later)), None)


def _looked_at(rows: Columns, most: int) -> Columns:
    few = slice_rows(rows, 0, min(most, length(rows)))
    return {"clock": clocks(few), **{name: np.asarray(few[name]) for name in LOOKED_AT[1:]}}


def _are_of_same_events(known: Columns, later: Columns) -> bool:
    clock, time = np.asarray(known["clock"]), np.asarray(known["time"])
    order = np.argsort(clock, kind="stable")
    wanted = np.asarray(later["clock"])
    place = np.minimum(np.searchsorted(clock[order], wanted), len(clock) - 1)
    shared = (wanted >= 0) & (clock[order][place] == wanted)
    n = int(shared.sum())
    if n < FEWEST:
        return False
    near = np.abs(time[order][place] - np.asarray(later["time"]))[shared] <= SAME_TIME
    again = np.isin(_keys(later)[shared], _keys(known))
    return bool(near.sum() > SHARE * n and again.sum() <= AGAIN * n)


def _keys(rows: Columns) -> Array:
    real = (np.asarray(rows[name], dtype=np.float64).view(np.int64) for name in LOOKED_AT[1:])
    return combined(np.asarray(rows["clock"]), *real)
