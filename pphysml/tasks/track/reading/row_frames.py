"""Frames of which an entry of the file is a part: collected as rows come, or when all are there and sorted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol

from ....errors import ConfigError
from ....io.carry import Carry
from ....io.problems import of_first_file
from ....io.ragged import Columns
from ....io.schema import kept_branch
from .events import Events


class Sorter(Protocol):
    """What rows in any order are put aside in."""

    def add(self, rows: Columns) -> None:
        """Take rows."""


class RowFrames(Carry):
    """Makes frames of rows; what it returns does not depend on how many rows come at a time.

    Args:
        entry: what a row is, in the plural, as "steps".
        events: by which rows are known to be complete.
        sorter: takes rows that come in any order; None where they come in that of their events.

    Attributes:
        done: whether nothing is to come any more.
    """

    def __init__(self, entry: str, events: Events, sorter: Sorter | None) -> None:
        self.done = False
        self._entry, self._events, self._sorter = entry, events, sorter
        self._left: Iterator[Columns] | None = None
        self._next: Columns | None = None

    def add(self, rows: Columns | None) -> Columns:
        """Take rows in the order of the file, and return the frames that are complete.

        None, at the end, returns those that are left; with a sorter only the next ones, until it is `done`.

        Raises:
            InputError: rows that cannot be used; names file, entry and branch.
            ConfigError: --keep, which makes no sense where many rows make one frame.
            OutputError: there is no room for what is put aside to be sorted.
        """
        if rows is None:
            return self._one_of_the_rest()
        self._refuse_kept(rows)
        with of_first_file(rows):
            complete = self._events.add(self.prepared(rows), last=False)
        if self._sorter is None:
            return self.frames(complete, last=False)
        self._sorter.add(complete)
        return {}

    @abstractmethod
    def prepared(self, rows: Columns) -> Columns:
        """Return rows with what their file lacks, checked."""

    @abstractmethod
    def frames(self, rows: Columns, last: bool) -> Columns:
        """Return the frames that are complete with rows of complete events; `last` says that none follow."""

    @abstractmethod
    def sorted_frames(self) -> Iterator[Columns]:
        """Yield the frames of all rows that were put aside, block by block."""

    def _one_of_the_rest(self) -> Columns:
        if self._left is None:
            self._left = self._rest()
            self._next = next(self._left, None)
        found, self._next = self._next or {}, next(self._left, None)
        self.done = self._next is None
        return found

    def _rest(self) -> Iterator[Columns]:
        complete = self._events.add({}, last=True)
        if self._sorter is None:
            yield self.frames(complete, last=True)
            return
        self._sorter.add(complete)
        yield from self.sorted_frames()

    def _refuse_kept(self, rows: Columns) -> None:
        kept = [kept_branch(name) for name in rows if name.startswith("keep:")]
        if kept:
            raise ConfigError(f"--keep {kept[0]}: entries of this file are {self._entry}, of which many make one frame; "
                              "join by `file` and `hit_entry` of the output instead.")
