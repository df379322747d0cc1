"""The parts that the input has one behind the other: files, and in them what begins anew."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ....io.ragged import Array, Columns, concatenate, length, slice_rows
from .beginnings import Beginnings
from .same_events import FirstRows


@dataclass
class Part:
    """A file, or what lies between two beginnings in it.

    Attributes:
        file, entry: number of the file, and the first entry.
        anew: what begins anew there inside a file, `falls.TIME`, `NUMBERS` or their sum; 0 where a file begins.
        first, low, top: time of the first row, least and largest time so far, s.
        joins: number of an earlier part of another file that has other singles of the same events, as a further tree of one file
            has; None if there is none.
    """

    file: int
    entry: int
    anew: int
    first: float
    low: float
    top: float
    joins: int | None = None


class Parts:
    """Numbers the parts of rows, which come in the order of the files; rows of which it is not known yet are held back.

    Args:
        inside: whether beginnings are looked for inside files.

    Attributes:
        parts: those so far.
        turns: file -> how often it falls back to where it began without beginning anything.
    """

    def __init__(self, inside: bool) -> None:
        self.inside = inside
        self.parts: list[Part] = []
        self.turns: dict[int, int] = {}
        self._held: Columns = {}
        self._beginnings = Beginnings()
        self._first = FirstRows()

    def add(self, rows: Columns | None) -> Columns:
        """Return rows with `part`, int64, and `origin`, int32, the number of the file with whose events theirs are counted; None releases those held back.

        Args:
            rows: with `file` `entry` `time` `x` `y` `z`, and perhaps `run` and `event`.
        """
        known = concatenate([self._held, rows or {}]) if length(self._held) and rows else rows or self._held
        n = length(known)
        if not n:
            return {}
        edges = [0, *(1 + np.flatnonzero(np.diff(np.asarray(known["file"])))).tolist(), n]
        number = np.empty(n, dtype=np.int64)
        for start, stop in pairwise(edges):
            done = self._number(slice_rows(known, start, stop), number[start:stop], rows is None or stop < n)
        self._held = slice_rows(known, edges[-2] + done, n)
        number = number[: edges[-2] + done]
        return {**slice_rows(known, 0, len(number)), "part": number, "origin": self._origins(number)}

    def _number(self, rows: Columns, number: Array, ended: bool) -> int:
        """Fill in the parts of rows of one file, and return how many of them are known."""
        file, time = int(np.asarray(rows["file"])[0]), np.asarray(rows["time"])
        if not self.parts or self.parts[-1].file != file:
            if not ended and self._first.waits_for_more(file, rows):
                return 0
            self._begin(rows, 0, 0)
            self._beginnings = Beginnings()
        begins, done = self._beginnings.add(rows, ended) if self.inside else ([], len(time))
        for k, (start, stop) in enumerate(pairwise([0, *(row for row, _ in begins), done])):
            if k:
                self._begin(rows, start, begins[k - 1][1])
            if stop > start:
                self._first.add(slice_rows(rows, start, stop))
                part = self.parts[-1]
                part.low, part.top = min(part.low, float(time[start:stop].min())), max(part.top, float(time[start:stop].max()))
                number[start:stop] = len(self.parts) - 1
        if self._beginnings.turns:
            self.turns[file] = self._beginnings.turns
        return done

    def _origins(self, number: Array) -> Array:
        origin = np.array([part.file if part.joins is None else self.parts[part.joins].file for part in self.parts], dtype=np.int32)
        if len(number) and number[0] != number[-1]:
            return origin[number]
        return np.full(len(number), origin[number[0]] if len(number) else 0, dtype=np.int32)

    def _begin(self, rows: Columns, start: int, anew: int) -> None:
        file, entry, time = (np.asarray(rows[name])[start] for name in ("file", "entry", "time"))
        joins = self._first.same_events(int(file), slice_rows(rows, start, length(rows)))
        # Of three trees of the same events, the first one counts.
        if joins is not None and self.parts[joins].joins is not None:
            joins = self.parts[joins].joins
        self.parts.append(Part(int(file), int(entry), anew, float(time), float(time), float(time), joins))
        self._first.begin(int(file))
