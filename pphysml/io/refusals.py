"""What a task refuses of a file whose values are right: block by block, or over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import InputError, TruthError
from .carry import Carry
from .opening import Opening
from .problems import EntriesError, Places, Problem, problems_of
from .ragged import Columns, length, take


@dataclass(frozen=True)
class Check:
    """What finds canonical columns that a task cannot use.

    Attributes:
        assemble: called with a block and what was carried from the one before; raises InputError.
        across: whether examples are made of many entries, so that blocks follow one another and None
            ends a file; otherwise each block stands for itself.
    """

    assemble: Callable[[Columns | None, Carry | None], tuple[object, Carry | None]]
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
        self._places = Places([opening.source], {0: opening.branches})
        self._carry: Carry | None = None
        self._ended = False

    def of(self, columns: Columns | None) -> list[tuple[object, Problem]]:
        """Return the problems of the next block, which has `file` and `entry`; None ends the file.

        With each comes what all of its kind share, so that they are said once.
        """
        if not self.check.across:
            return [] if columns is None else list(self._of_entries(columns))
        if self._ended:
            return []
        before = self._carry
        try:
            with self._places.completing():
                _, self._carry = self.check.assemble(None if columns is None else self._canonical(columns), self._carry)
                while columns is None and self._carry is not None:
                    before = self._carry
                    _, self._carry = self.check.assemble(None, self._carry)
        except InputError as error:
            self._ended = True
            return [self._problem(error)]
        if columns is not None or before is None:
            return []
        return [(sentence, self._warning(sentence)) for sentence in before.warnings(self._places.named)]

    def leave_out(self) -> None:
        """Skip a block; where blocks belong together, no further one can be looked at."""
        self._ended = True

    def _of_entries(self, columns: Columns) -> Iterator[tuple[object, Problem]]:
        """Yield what is refused of a block; the entries refused are left out then, to find what else there is."""
        while length(columns):
            try:
                with self._places.completing():
                    self.check.assemble(self._canonical(columns), None)
                return
            except EntriesError as error:
                # Truth that is broken in some entries is an error; truth that no entry can use is none
                # where nothing needs it.
                yield error.rule, problems_of(error)[0]
                columns = take(columns, ~error.bad)
            except InputError as error:
                yield self._problem(error)
                return

    def _canonical(self, columns: Columns) -> Columns:
        return self.opening.layout.canonical(columns)

    def _problem(self, error: InputError) -> tuple[object, Problem]:
        severe = self.need_truth or not isinstance(error, TruthError)
        if error.file is None:
            error.file, error.tree = self.opening.source.path, self.opening.source.tree
        return error.reason, problems_of(error, "error" if severe else "warning")[0]

    def _warning(self, sentence: str) -> Problem:
        return Problem(self.opening.source.path, self.opening.source.tree, None, None, sentence, "warning")
