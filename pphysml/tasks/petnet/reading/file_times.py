"""Whether files lie in time as they should: one behind the other, in the order in which they were given."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ....errors import FileName
from ....io.ragged import Columns, length
from .segments import Files, Rule

SHARE = 0.01
"""Share of the shorter of two files that may overlap the other: singles out of order at the ends."""


class Span(NamedTuple):
    """First and last time of a file, s."""

    first: float
    last: float
    file: int

    def text(self, named: FileName) -> str:
        """Return it in words."""
        return f"of {named(self.file)} ({self.first:g} to {self.last:g} s)"

    def overlaps(self, other: Span) -> bool:
        """Return whether both have more of their time in common than singles out of order explain."""
        common = min(self.last, other.last) - max(self.first, other.first)
        return common > SHARE * min(self.last - self.first, other.last - other.first)


class FileTimes:
    """Keeps the first and the last time of every file, and compares them at the end."""

    def __init__(self) -> None:
        self._spans: dict[int, Span] = {}

    def add(self, rows: Columns) -> None:
        """Take the next rows, with `file` and `time` (s)."""
        if not length(rows):
            return
        file, time = np.asarray(rows["file"]), np.asarray(rows["time"])
        starts = np.flatnonzero(np.append(True, np.diff(file) != 0))
        ends = (reduce.reduceat(time, starts).tolist() for reduce in (np.minimum, np.maximum))
        for number, first, last in zip(file[starts].tolist(), *ends, strict=True):
            known = self._spans.get(number, Span(first, last, number))
            self._spans[number] = Span(min(known.first, first), max(known.last, last), number)

    def warnings(self, files: Files, rule: Rule, named: FileName) -> list[str]:
        """Return what does not fit, sentences without full stops; nothing where each file was to be one by itself.

        Args:
            files: numbers of the files of each stretch of time that goes on, see `segments.Segments`.
        """
        if rule == "independent":
            return []
        return [*self._overlaps(files, named), *self._wrong_order(files, named)]

    def _overlaps(self, files: Files, named: FileName) -> list[str]:
        found = []
        for members in files.values():
            spans = sorted(self._spans[number] for number in members)
            latest = spans[0]
            for span in spans[1:]:
                if latest.overlaps(span):
                    found.append((latest, span))
                latest = max(latest, span, key=lambda one: one.last)
        return [f"the singles {latest.text(named)} and those {span.text(named)} overlap in time{_more(found)}: they were paired with each other as those of one scanner; "
                "if the files are acquisitions of their own, give --files independent" for latest, span in found[:1]]

    def _wrong_order(self, files: Files, named: FileName) -> list[str]:
        spans = [self._spans[number] for number in sorted(self._spans)]
        found = [(a, b) for a, b in pairwise(spans) if b < a and not b.overlaps(a)]
        joined = len(files) == 1
        result = ("all were put in the order of time" if joined else
                  "the files were taken as acquisitions of their own, without pairs of both; if they are parts of one, give them in the order of time")
        return [f"the singles {a.text(named)} come after those {b.text(named)}, which were given behind them{_more(found)}: {result}" for a, b in found[:1]]


def _more(found: list[tuple[Span, Span]]) -> str:
    return f" (and {len(found) - 1} more of such)" if len(found) > 1 else ""
