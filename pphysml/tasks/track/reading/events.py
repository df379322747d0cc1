"""Rows of a file to protons: which rows are one event, and whether all of them have come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ....errors import InputError
from ....io.problems import refuse
from ....io.ragged import Array, Columns, concatenate, length, slice_rows

MAX_ROWS = 1_000_000
"""An event of more rows is none, but a file without events."""


class Events:
    """Holds back the last event until its end has come; an event may not come twice.

    Where rows have no `event`, each stands for itself.
    """

    def __init__(self) -> None:
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
        if not rows or "event" not in rows:
            return rows, np.arange(len(edge))
        for values in (np.asarray(rows[name]) for name in ("file", "run", "event")):
            edge[1:] &= values[1:] == values[:-1]
        edge[1:] = ~edge[1:]
        starts = np.flatnonzero(edge)
        stop = len(edge) if last or not len(starts) else int(starts[-1])
        self._rest = slice_rows(rows, stop, len(edge))
        if len(edge) - stop > MAX_ROWS:
            raise InputError(f"event {np.asarray(rows['event'])[-1]} has more than {MAX_ROWS} rows; if the file does "
                             "not number the particles of the beam, name another branch with --map event=BRANCH, or use --frame-time", branch="event")
        complete = slice_rows(rows, 0, stop)
        self._remember(complete, starts[starts < stop])
        return complete, np.cumsum(edge[:stop]) - 1

    def _remember(self, rows: Columns, starts: Array) -> None:
        file, run, event = (np.asarray(rows[name])[starts] for name in ("file", "run", "event"))
        if not len(file):
            return
        cut = np.flatnonzero((np.diff(file) != 0) | (np.diff(run) != 0)) + 1
        for first, stop in pairwise([0, *cut.tolist(), len(file)]):
            key = (int(file[first]), int(run[first]))
            # Files are read one after the other, so that those before cannot go on.
            self._seen = {k: v for k, v in self._seen.items() if k[0] == key[0]}
            seen = self._seen.setdefault(key, Seen())
            seen.add(rows, starts[first:stop], event[first:stop])


class Seen:
    """The events of one file and run that are complete."""

    def __init__(self) -> None:
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
        refuse(rows, bad, "event", lambda row: (
            f"event {np.asarray(rows['event'])[row]} goes on behind other events; the rows of an event must follow one another: "
            "sort the file by event"))
