"""The parts that the input has one behind the other: files, and in them what begins anew."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ....io.ragged import Array, Columns, concatenate, length, slice_rows
from .beginnings import Beginnings


@dataclass
class Part:
    """A file, or what lies between two beginnings in it.

    Attributes:
        file, entry: number of the file, and the first entry.
        anew: what begins anew there inside a file, `falls.TIME`, `NUMBERS` or their sum; 0 where a file begins.
        first, low, top: time of the first row, least and largest time so far, s.
    """

    file: int
    entry: int
    anew: int
    first: float
    low: float
    top: float


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

    def add(self, rows: Columns | None) -> Columns:
        """Return rows with `part`, int64; None releases those held back.

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
        return {**slice_rows(known, 0, edges[-2] + done), "part": number[: edges[-2] + done]}

    def _number(self, rows: Columns, number: Array, ended: bool) -> int:
        """Fill in the parts of rows of one file, and return how many of them are known."""
        file, entry, time = int(np.asarray(rows["file"])[0]), np.asarray(rows["entry"]), np.asarray(rows["time"])
        if not self.parts or self.parts[-1].file != file:
            self._begin(file, int(entry[0]), 0, float(time[0]))
            self._beginnings = Beginnings()
        begins, done = self._beginnings.add(rows, ended) if self.inside else ([], len(time))
        for k, (start, stop) in enumerate(pairwise([0, *(row for row, _ in begins), done])):
            if k:
                self._begin(file, int(entry[start]), begins[k - 1][1], float(time[start]))
            if stop > start:
                part = self.parts[-1]
                part.low, part.top = min(part.low, float(time[start:stop].min())), max(part.top, float(time[start:stop].max()))
                number[start:stop] = len(self.parts) - 1
        if self._beginnings.turns:
            self.turns[file] = self._beginnings.turns
        return done

    def _begin(self, file: int, entry: int, anew: int, time: float) -> None:
        self.parts.append(Part(file, entry, anew, time, time, time))
