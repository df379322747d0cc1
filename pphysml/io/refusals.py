"""What a task refuses of a file whose values are right: block by block, or over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, TruthError
from ..lazy import load_attribute
from .opening import Opening
from .problems import FILE_NUMBER, EntriesError, Problem, Severity, with_places
from .ragged import Columns, length, take


@dataclass(frozen=True)
class Check:
    """What finds canonical columns that a task cannot use.

    Attributes:
        assemble: called with a block and what was carried from the one before; raises InputError.
        across: whether examples are made of many entries, so that blocks follow one another and None
            ends a file; otherwise each block stands for itself.
    """

    assemble: Callable[[Columns | None, Any], tuple[object, Any]]
    across: bool = False


class Refusals:
    """Problems that a task has with one file.

    Args:
        need_truth: whether truth that the task can do nothing with is an error, and no warning.
    """

    def __init__(self, opening: Opening, check: Check, need_truth: bool) -> None:
        self.opening = opening
        self.check = check
        self.need_truth = need_truth
        self._carry: Any = None
        self._ended = False

    def of(self, columns: Columns | None) -> list[Problem]:
        """Return the problems of the next block, with `file` and `entry`; None ends the file."""
        if not self.check.across:
            return [] if columns is None else list(self._of_entries(columns))
        if self._ended:
            return []
        try:
            before = self._carry
            _, self._carry = self.check.assemble(None if columns is None else self._canonical(columns), self._carry)
        except InputError as error:
            self._ended = True
            return [self._problem(error)]
        return [] if columns is not None else [self._warning(sentence) for sentence in getattr(before, "warnings", ())]

    def leave_out(self) -> None:
        """Skip a block; where blocks belong together, no further one can be looked at."""
        self._ended = True

    def _of_entries(self, columns: Columns) -> Iterator[Problem]:
        """Yield what is refused of a block; the entries refused are left out then, to find what else there is."""
        source, branches = self.opening.source, self.opening.branches
        while length(columns):
            try:
                self.check.assemble(self._canonical(columns), None)
                return
            except EntriesError as error:
                entry = int(np.asarray(columns["entry"])[error.bad][0])
                yield Problem(source.path, source.tree, branches.get(error.branch, error.branch), entry, error.reason)
                columns = take(columns, ~error.bad)
            except InputError as error:
                yield self._problem(error)
                return

    def _canonical(self, columns: Columns) -> Columns:
        convert = self.opening.layout.to_canonical
        converted: Columns = columns if convert is None else load_attribute(convert)(columns)
        return converted

    def _problem(self, error: InputError) -> Problem:
        severe = self.need_truth or not isinstance(error, TruthError)
        return self._of_file(str(error), "error" if severe else "warning")

    def _warning(self, sentence: str) -> Problem:
        return self._of_file(sentence, "warning")

    def _of_file(self, sentence: str, severity: Severity) -> Problem:
        message = with_places(FILE_NUMBER.sub("", sentence), [], {0: self.opening.branches})
        return Problem(self.opening.source.path, self.opening.source.tree, None, None, message, severity)
