"""Singles in the order of time, out of files in any order: sorted runs in temporary files, merged."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ....errors import OutputError
from ....io.ragged import Array, Columns, concatenate, length, take
from .segments import Files, Rule, begins_anew

RUN = 2_000_000
"""Singles that are sorted at a time."""

BLOCK = 500_000
"""Singles that are merged at a time, about."""


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
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._runs: list[tuple[int, Path]] = []
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
        if self.done and self._folder is not None:
            self._folder.cleanup()
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
        """Sort what is in memory, and write it to a folder of its own, an array per column."""
        if not self._pool:
            return
        rows = concatenate(self._pool)
        rows = take(rows, np.argsort(np.asarray(rows["time"]), kind="stable"))
        self._pool, self._pooled = [], 0
        try:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="pphysml-")
            path = Path(self._folder.name) / str(len(self._runs))
            path.mkdir()
            for number, column in enumerate(rows.values()):
                np.save(path / f"{number}.npy", np.asarray(column))
        except OSError as error:
            raise OutputError(f"Singles cannot be sorted: temporary files cannot be written: {error.strerror}; "
                              "name a folder with more room in TMPDIR.") from error
        self._names = list(rows)
        self._runs.append((int(np.asarray(rows["file"])[0]), path))

    def _merge(self) -> Iterator[Columns]:
        opened = [(file, {name: np.load(path / f"{number}.npy", mmap_mode="r") for number, name in enumerate(self._names)})
                  for file, path in self._runs]
        segments = self._segments([(file, run["time"]) for file, run in opened])
        self.files = {number: {file for file, of in segments.items() if of == number} for number in sorted(set(segments.values()))}
        for number in self.files:
            runs = [run for file, run in opened if segments[file] == number]
            for rows in self._merge_segment(runs):
                yield {**rows, "segment": np.full(length(rows), number, dtype=np.int64)}

    def _segments(self, runs: list[tuple[int, Array]]) -> dict[int, int]:
        """Return the segment of every file."""
        files = list(dict.fromkeys(file for file, _ in runs))
        first = np.array([min(time[0] for f, time in runs if f == file) for file in files])
        last = np.array([max(time[-1] for f, time in runs if f == file) for file in files])
        fresh = np.append(False, begins_anew(self.rule, np.arange(len(files)), first, last)) if files else np.zeros(0, dtype=bool)
        return dict(zip(files, np.cumsum(fresh).tolist(), strict=True))

    def _merge_segment(self, runs: list[dict[str, Array]]) -> Iterator[Columns]:
        step = max(1, self.block // (8 * len(runs)))
        samples = np.sort(np.concatenate([run["time"][::step] for run in runs]))
        edges = samples[8 * len(runs) :: 8 * len(runs)]
        places = [np.concatenate([[0], np.searchsorted(run["time"], edges), [len(run["time"])]]) for run in runs]
        for k in range(len(edges) + 1):
            parts: list[Columns] = [{name: np.array(column[p[k] : p[k + 1]]) for name, column in run.items()}
                                    for run, p in zip(runs, places, strict=True)]
            rows = concatenate(parts)
            if length(rows):
                yield take(rows, np.argsort(np.asarray(rows["time"]), kind="stable"))
