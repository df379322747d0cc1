"""Steps that come in any order, put into that of their events, and their protons into that of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ....io.external_sort import ExternalSort
from ....io.ragged import Columns, length
from .frames import first_times

EVENTS = ("file", "job", "run", "event")
TIMES = ("file", "job", "time")

IN_EVENT = ("track_id", "time", "z")
"""As GATE writes the steps of an event: particle by particle, each along its way."""


class SortedSteps:
    """Collects all steps, in temporary files where they are more than some millions; see `ExternalSort`.

    Args:
        by_time: whether protons are wanted in the order of their first hits, and not of their numbers.
    """

    def __init__(self, by_time: bool) -> None:
        self.by_time = by_time
        self._steps: ExternalSort | None = None

    def add(self, rows: Columns) -> None:
        """Take the steps of complete or broken events, with `job`.

        Raises:
            OutputError: there is no room for them.
        """
        if self._steps is None and rows:
            self._steps = ExternalSort(EVENTS, IN_EVENT) if "event" in rows else ExternalSort(TIMES)
        if self._steps is not None and rows:
            self._steps.add(rows)

    def protons(self, made: Callable[[Columns, bool], Columns]) -> Iterator[Columns]:
        """Yield protons in order, block by block.

        Args:
            made: makes protons of steps; the second argument says whether no more come.
        """
        if self._steps is None:
            return
        protons = _made(self._steps.blocks(), made)
        if not self.by_time or self._steps.by == TIMES:
            yield from protons
            return
        in_time = ExternalSort(TIMES)
        for some in protons:
            in_time.add({**some, "time": first_times(some), "times": some["time"]})
        for some in in_time.blocks():
            yield {**{name: column for name, column in some.items() if name != "times"}, "time": some["times"]}


def _made(blocks: Iterator[Columns], made: Callable[[Columns, bool], Columns]) -> Iterator[Columns]:
    for rows in blocks:
        protons = made(rows, False)
        if length(protons):
            yield protons
    last = made({}, True)
    if length(last):
        yield last
