"""Where an acquisition begins inside a file: what falls back to where the file began, and is a job merged into it."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, length
from .falls import (
    FIRST,
    LOW,
    NUMBERS,
    TIME,
    TOP,
    WINDOW,
    N,
    begin_part,
    end_block,
    new_state,
    next_fall,
)
from .merged_jobs import AFTER, Numbers, compared_numbers, in_other_places

RUNS, EVENTS = 2**19, 2**44
"""Numbers of runs and events up to which both are one number of 63 bits."""


class Beginnings:
    """Finds the rows of one file that begin an acquisition, however many come at a time.

    Attributes:
        turns: how often rows fell back without beginning anything.
    """

    def __init__(self) -> None:
        self.turns = 0
        self._state = new_state()
        self._places = np.zeros((0, 3))

    def add(self, rows: Columns, ended: bool) -> tuple[list[tuple[int, int]], int]:
        """Return the rows that begin an acquisition with what begins anew there, and the number of rows of which that is known.

        Args:
            rows: the next ones, those first of which it was not known.
            ended: whether these are the last ones of the file.
        """
        time, clock = np.asarray(rows["time"], dtype=np.float64), clocks(rows)
        taken = np.empty(len(time), dtype=np.int64)
        found: list[tuple[int, int]] = []
        row, skip = 0, False
        while True:
            row, kind = next_fall(time, clock, row, skip, ended, self._state, taken)
            kind = self._anew(rows, time, clock, row, kind, ended) if kind > 0 else kind
            if kind < 0 or row == len(time):
                break
            if kind:
                found.append((row, kind))
                begin_part(self._state)
            self.turns += not kind
            skip = True
        end_block(time, clock, self._state, taken)
        self._places = self._in_front(rows, row, WINDOW)
        return found, row

    def _anew(self, rows: Columns, time: Array, clock: Array, row: int, kind: int, ended: bool) -> int:
        """Return what begins anew at a row where something falls back, 0 for nothing, -1 if later rows must be known."""
        if row + AFTER > len(time) and not ended:
            return -1
        state, stop = self._state, row + AFTER
        known = min(int(state.whole[N]), FIRST)
        numbers = compared_numbers(state.clocks[:known], state.times[:known], clock[row:stop], time[row:stop])
        if numbers is Numbers.IN_TURN or in_other_places(self._in_front(rows, row, min(known, WINDOW)), _places(rows, row, row + WINDOW)):
            return 0
        if numbers is Numbers.OTHERS or not kind & NUMBERS:
            return kind & TIME
        low, top = state.real[LOW], state.real[TOP]
        return NUMBERS + TIME if time[row : row + WINDOW].min() < 0.5 * (low + top) else NUMBERS

    def _in_front(self, rows: Columns, row: int, most: int) -> Array:
        """Return the places of the last rows in front of one, (n, 3)."""
        return np.concatenate([self._places, _places(rows, max(0, row - WINDOW), row)])[-most:]


def clocks(rows: Columns) -> Array:
    """Return run and event as one number that rises with both, -1 for none, int64 (n,)."""
    if "event" not in rows:
        return np.full(length(rows), -1, dtype=np.int64)
    event = np.asarray(rows["event"]).astype(np.int64)
    run = np.asarray(rows["run"]) if "run" in rows else np.zeros(1, dtype=np.int64)
    if run.any():
        event = np.where((event >= 0) & (event < EVENTS) & (run >= 0) & (run < RUNS), run.astype(np.int64) * EVENTS + event, -1)
    return event if event.min(initial=0) >= 0 else np.maximum(event, -1)


def _places(rows: Columns, start: int, stop: int) -> Array:
    return np.column_stack([np.asarray(rows[axis])[start:stop] for axis in "xyz"]).astype(np.float64)
