"""Singles in the order of time, out of files in any order: sorted runs in temporary files, merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ....io.external_sort import BLOCK, RUN, merged, order
from ....io.ragged import Columns, concatenate, length, take
from ....io.spilled import Spilled
from .parts import Part
from .segments import Rule, segments_of


class ExternalOrder:
    """Sorts singles by (segment, time) with no more than some millions of them in memory.

    Equal times keep the order of the files. Temporary files hold all singles once; their folder is
    that of the environment variable TMPDIR.

    Args:
        rule: whether parts begin segments, see `segments.segments_of`; here a part counts as a whole.
        parts: all of them, once all singles have come.
        run: singles that are sorted at a time.
        block: singles that are returned at a time, about.
    """

    def __init__(self, rule: Rule, parts: Sequence[Part], run: int = RUN, block: int = BLOCK) -> None:
        self.rule, self.parts, self.run, self.block = rule, parts, run, block
        self.done = False
        self._pool: list[Columns] = []
        self._pooled = 0
        self._spilled = Spilled("Singles")
        self._part_of: list[int] = []
        self._merged: Iterator[Columns] | None = None

    def add(self, rows: Columns | None) -> list[Columns]:
        """Take singles and return none; None returns the next ones in order, one part at a time, until `done`.

        Raises:
            OutputError: the temporary files cannot be written.
        """
        if rows is not None:
            self._take(rows)
            return []
        if self._merged is None:
            self._write()
            self._merged = self._merge()
        found = next(self._merged, {})
        self.done = not found
        if self.done:
            self._spilled.remove()
        return [found] if found else []

    def _take(self, rows: Columns) -> None:
        part = np.asarray(rows["part"])
        for number in np.unique(part):
            if self._pool and np.asarray(self._pool[0]["part"])[0] != number:
                self._write()
            those = take(rows, part == number)
            self._pool.append(those)
            self._pooled += length(those)
            if self._pooled >= self.run:
                self._write()

    def _write(self) -> None:
        """Sort what is in memory, and put it aside."""
        if not self._pool:
            return
        rows = concatenate(self._pool)
        self._pool, self._pooled = [], 0
        self._part_of.append(int(np.asarray(rows.pop("part"))[0]))
        self._spilled.write(take(rows, order(rows, ("time",))))

    def _merge(self) -> Iterator[Columns]:
        segment_of = segments_of(self.parts, self.rule, whole=True)[self._part_of].tolist()
        runs = self._spilled.opened()
        for number in sorted(set(segment_of)):
            for rows in merged([run for run, of in zip(runs, segment_of, strict=True) if of == number], ("time",), self.block):
                ordered = take(rows, order(rows, ("time",)))
                yield {**ordered, "segment": np.full(length(rows), number, dtype=np.int64)}
