"""Singles in the order of time, out of files that are nearly in it, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Columns, concatenate, length, slice_rows, take
from .parts import Part
from .segments import Rule, segments_of

WITHIN_FILE = "read the file in any order with --sort full"
BETWEEN_FILES = "give the files in the order of time, read them in any with --sort full, or give --files independent if they are acquisitions of their own"
"""What to do."""

At = tuple[int, float, int]


class BufferedOrder:
    """Sorts singles by (segment, time), holding back the last ones of them.

    A segment is a stretch of time that goes on: see `segments`. Equal times keep the order of the file.

    Args:
        rule: whether parts begin segments.
        parts: those of all singles that have come.
        size: singles held back; one may come later than so many that follow it in time.

    Attributes:
        done: whether all singles are out.
    """

    def __init__(self, rule: Rule, parts: Sequence[Part], size: int) -> None:
        self.rule, self.parts, self.size = rule, parts, size
        self.done = False
        self._held: list[Columns] = []
        self._last: At | None = None

    def add(self, rows: Columns | None) -> list[Columns]:
        """Return the next singles in order, in parts that follow each other; None releases those held back.

        Raises:
            InputError: one comes too late; names file and entry.
        """
        self.done = rows is None
        if rows is not None and not length(rows):
            return []
        if rows is not None:
            rows = self._in_segments(rows)
            self._refuse_late(rows)
            self._hold(rows)
        out = self._released(0 if rows is None else self.size)
        self._last = at(out[-1], -1) if out else self._last
        return out

    def _hold(self, rows: Columns) -> None:
        """Keep singles behind the others, in order; those that are so already, as most files are, are not copied."""
        behind = not self._held or at(self._held[-1], -1)[:2] <= at(rows, 0)[:2]
        if behind and not out_of_order(np.asarray(rows["segment"]), np.asarray(rows["time"])).any():
            self._held.append(rows)
        else:
            self._held = [sorted_rows(concatenate([*self._held, rows]))]

    def _released(self, left: int) -> list[Columns]:
        """Take out the first singles, so that so many are left."""
        out = []
        n = sum(map(length, self._held)) - left
        while n > 0 and self._held:
            first = self._held.pop(0)
            if length(first) > n:
                self._held.insert(0, slice_rows(first, n, length(first)))
                first = slice_rows(first, 0, n)
            out.append(first)
            n -= length(first)
        return out

    def _in_segments(self, rows: Columns) -> Columns:
        rows = dict(rows)
        part = np.asarray(rows.pop("part"))
        segment = segments_of(self.parts, self.rule, whole=False)
        return {**rows, "segment": segment[part]}

    def _refuse_late(self, rows: Columns) -> None:
        if self._last is None:
            return
        segment, time, file = self._last
        of = np.asarray(rows["segment"])
        late = (of < segment) | ((of == segment) & (np.asarray(rows["time"]) < time))
        refuse(rows, late, "time", lambda row: (
            f"comes after {self.size} singles that are later in time; {WITHIN_FILE if np.asarray(rows['file'])[row] == file else BETWEEN_FILES}"))


def at(rows: Columns, row: int) -> At:
    """Return segment, time (s) and file of a row."""
    return int(np.asarray(rows["segment"])[row]), float(np.asarray(rows["time"])[row]), int(np.asarray(rows["file"])[row])


def sorted_rows(rows: Columns) -> Columns:
    """Return singles sorted by segment and time; equal ones keep their order."""
    segment, time = np.asarray(rows["segment"]), np.asarray(rows["time"])
    return take(rows, np.lexsort((time, segment)))


def out_of_order(segment: Array, time: Array) -> Array:
    """Return where a single comes before the one in front of it, bool (n - 1,)."""
    step = np.diff(segment)
    before: Array = (step < 0) | ((step == 0) & (np.diff(time) < 0))
    return before
