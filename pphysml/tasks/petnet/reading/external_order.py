"""Singles in the order of time, out of files in any order: sorted runs in temporary files, merged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....io.external_sort import BLOCK, RUN, merged, order
from ....io.ragged import Array, Columns, concatenate, length, take
from ....io.spilled import Spilled
from .segments import Files, Rule, begins_anew


class ExternalOrder:
    """Sorts singles by (segment, time) with no more than some millions of them in memory.

    Equal times keep the order of the files. Temporary files hold all singles once; their folder is
    that of the environment variable TMPDIR.

    Args:
        rule: whether files begin segments, see `segments.Segments`; here a file counts as a whole.
        run: singles that are sorted at a time.
        block: singles that are returned at a time, about.

    Attributes:
        files: numbers of the files of each segment, once all singles have come.
    """

    def __init__(self, rule: Rule, run: int = RUN, block: int = BLOCK) -> None:
        self.rule, self.run, self.block = rule, run, block
        self.done = False
        self.files: Files = {}
        self._pool: list[Columns] = []
        self._pooled = 0
        self._spilled = Spilled("Singles")
        self._files: list[int] = []
        self._merged: Iterator[Columns] | None = None

    def add(self, rows: Columns | None) -> Columns:
        """Take singles and return none; None returns the next ones in order, until `done`.

        Raises:
            OutputError: the temporary files cannot be written.
        """
        if rows is not None:
            self._take(rows)
            return {}
        if self._merged is None:
            self._write()
            self._merged = self._merge()
        found = next(self._merged, {})
        self.done = not found
        if self.done:
            self._spilled.remove()
        return found

    def _take(self, rows: Columns) -> None:
        file = np.asarray(rows["file"])
        for number in np.unique(file):
            if self._pool and np.asarray(self._pool[0]["file"])[0] != number:
                self._write()
            part = take(rows, file == number)
            self._pool.append(part)
            self._pooled += length(part)
            if self._pooled >= self.run:
                self._write()

    def _write(self) -> None:
        """Sort what is in memory, and put it aside."""
        if not self._pool:
            return
        rows = concatenate(self._pool)
        self._pool, self._pooled = [], 0
        self._spilled.write(take(rows, order(rows, ("time",))))
        self._files.append(int(np.asarray(rows["file"])[0]))

    def _merge(self) -> Iterator[Columns]:
        opened = list(zip(self._files, self._spilled.opened(), strict=True))
        segments = self._segments([(file, np.asarray(run["time"])) for file, run in opened])
        self.files = {number: {file for file, of in segments.items() if of == number} for number in sorted(set(segments.values()))}
        for number in self.files:
            for rows in merged([run for file, run in opened if segments[file] == number], ("time",), self.block):
                ordered = take(rows, order(rows, ("time",)))
                yield {**ordered, "segment": np.full(length(rows), number, dtype=np.int64)}

    def _segments(self, runs: list[tuple[int, Array]]) -> dict[int, int]:
        """Return the segment of every file."""
        files = list(dict.fromkeys(file for file, _ in runs))
        first = np.array([min(time[0] for f, time in runs if f == file) for file in files])
        last = np.array([max(time[-1] for f, time in runs if f == file) for file in files])
        fresh = np.append(False, begins_anew(self.rule, np.arange(len(files)), first, last)) if files else np.zeros(0, dtype=bool)
        return dict(zip(files, np.cumsum(fresh).tolist(), strict=True))
