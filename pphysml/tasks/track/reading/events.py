"""Rows of a file to protons: which rows are one event, and whether all of them have come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ....errors import InputError
from ....io.problems import refuse
from ....io.ragged import Array, Columns, concatenate, length, slice_rows

MAX_ROWS = 1_000_000
"""An event of more rows is none, but a file without events."""

NUMBERED = {"event": "the particles of the beam", "frame": "the readout frames"}
ONE = {"event": "an event", "frame": "a frame"}
"""What a column numbers, all of them and one."""


class Events:
    """Holds back the last event until its end has come; an event may not come twice.

    Where rows have no `event`, each stands for itself.

    Args:
        name: column that numbers the events, or what else has several rows, as `frame`.
    """

    def __init__(self, name: str = "event") -> None:
        self.name = name
        self._rest: Columns = {}
        self._seen: dict[tuple[int, int], Seen] = {}

    def add(self, rows: Columns, last: bool) -> tuple[Columns, Array]:
        """Return the rows of complete events, and the number of each row's event among these, from 0.

        Args:
            rows: in the order of the file.
            last: whether none follow.

        Raises:
            InputError: an event goes on behind another one, or is too large.
        """
        rows = concatenate([part for part in (self._rest, rows) if part])
        edge = np.ones(length(rows), dtype=bool)
        if not rows or self.name not in rows:
            return rows, np.arange(len(edge))
        for values in (np.asarray(rows[name]) for name in ("file", "run", self.name)):
            edge[1:] &= values[1:] == values[:-1]
        edge[1:] = ~edge[1:]
        starts = np.flatnonzero(edge)
        stop = len(edge) if last or not len(starts) else int(starts[-1])
        self._rest = slice_rows(rows, stop, len(edge))
        if len(edge) - stop > MAX_ROWS:
            other = ", or use --frame-time" if self.name == "event" else ""
            raise InputError(f"{self.name} {np.asarray(rows[self.name])[-1]} has more than {MAX_ROWS} rows; if these are not the numbers of "
                             f"{NUMBERED[self.name]}, name another branch with --map {self.name}=BRANCH{other}", branch=self.name)
        complete = slice_rows(rows, 0, stop)
        self._remember(complete, starts[starts < stop])
        return complete, np.cumsum(edge[:stop]) - 1

    def _remember(self, rows: Columns, starts: Array) -> None:
        file, run, event = (np.asarray(rows[name])[starts] for name in ("file", "run", self.name))
        if not len(file):
            return
        cut = np.flatnonzero((np.diff(file) != 0) | (np.diff(run) != 0)) + 1
        for first, stop in pairwise([0, *cut.tolist(), len(file)]):
            key = (int(file[first]), int(run[first]))
            # Files are read one after the other, so that those before cannot go on.
            self._seen = {k: v for k, v in self._seen.items() if k[0] == key[0]}
            seen = self._seen.setdefault(key, Seen(self.name))
            seen.add(rows, starts[first:stop], event[first:stop])


class Seen:
    """The events of one file and run that are complete."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._events: list[Array] = []
        self._highest: int | None = None

    def add(self, rows: Columns, starts: Array, event: Array) -> None:
        """Add events, which begin in the rows `starts`.

        Raises:
            InputError: one of them was there before.
        """
        # Events that rise, as GATE numbers them, need no search.
        if not ((np.diff(event) > 0).all() and (self._highest is None or event[0] > self._highest)):
            self._refuse_again(rows, starts, event)
        self._events.append(event)
        self._highest = max(int(event.max()), event[0] if self._highest is None else self._highest)

    def _refuse_again(self, rows: Columns, starts: Array, event: Array) -> None:
        every = np.concatenate([*self._events, event])
        _, first = np.unique(every, return_index=True)
        again = np.ones(len(every), dtype=bool)
        again[first] = False
        bad = np.zeros(length(rows), dtype=bool)
        bad[starts] = again[len(every) - len(event) :]
        refuse(rows, bad, self.name, lambda row: (
            f"{self.name} {np.asarray(rows[self.name])[row]} goes on behind other {self.name}s; the rows of {ONE[self.name]} must follow one another: "
            f"sort the file by {self.name}"))
