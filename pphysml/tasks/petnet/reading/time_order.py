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
        self._held: Columns = {}
        self._last: tuple[int, float, int] | None = None

    def add(self, rows: Columns | None) -> Columns:
        """Return the next singles in order; None releases those held back.

        Raises:
            InputError: one comes too late; names file and entry.
        """
        self.done = rows is None
        if rows is not None and not length(rows):
            return {}
        if rows is not None:
            rows = self._in_segments(rows)
            self._refuse_late(rows)
        known = sorted_rows(concatenate([part for part in (self._held, rows) if part]))
        ready = length(known) if rows is None else max(0, length(known) - self.size)
        out, self._held = slice_rows(known, 0, ready), slice_rows(known, ready, length(known))
        if ready:
            self._last = (int(np.asarray(out["segment"])[-1]), float(np.asarray(out["time"])[-1]), int(np.asarray(out["file"])[-1]))
        return out if ready else {}

    def _in_segments(self, rows: Columns) -> Columns:
        rows = dict(rows)
        part = np.asarray(rows.pop("part"))
        segment = segments_of(self.parts, self.rule, whole=False)
        return {**rows, "segment": segment[part]}

    def _refuse_late(self, rows: Columns) -> None:
        if self._last is None:
            return
        segment, time, file = self._last
        late = (np.asarray(rows["segment"]) == segment) & (np.asarray(rows["time"]) < time)
        refuse(rows, late, "time", lambda row: (
            f"comes after {self.size} singles that are later in time; {WITHIN_FILE if np.asarray(rows['file'])[row] == file else BETWEEN_FILES}"))


def sorted_rows(rows: Columns) -> Columns:
    """Return singles sorted by segment and time; equal ones keep their order."""
    if not rows:
        return rows
    segment, time = np.asarray(rows["segment"]), np.asarray(rows["time"])
    if not out_of_order(segment, time).any():
        return rows
    return take(rows, np.lexsort((time, segment)))


def out_of_order(segment: Array, time: Array) -> Array:
    """Return where a single comes before the one in front of it, bool (n - 1,)."""
    step = np.diff(segment)
    before: Array = (step < 0) | ((step == 0) & (np.diff(time) < 0))
    return before
