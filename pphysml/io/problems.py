"""What can be wrong with input, with its place: file, tree, branch and entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Literal, NamedTuple

import numpy as np

from ..errors import FileName, InputError, worded
from .ragged import Array, Column
from .sources import Source

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One problem of one input file.

    Attributes:
        path: file.
        tree, branch, entry: place in the file, as far as it is known.
        message: what is wrong and what to do, without the place and the full stop.
        severity: "error" stops reading; "warning" does not.
        more: further entries of which the same is known.
    """

    path: str
    tree: str | None
    branch: str | None
    entry: int | None
    message: str
    severity: Severity = "error"
    more: int = 0

    def sentence(self) -> str:
        """Return place and message as one sentence."""
        return worded(self.message, self.path, self.tree, self.branch, self.entry, self.more)


class ProblemError(InputError):
    """Input that cannot be used; it has place and message of the first of `problems`, and counts the rest."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        first = self.problems[0]
        super().__init__(first.message, file=first.path, tree=first.tree, branch=first.branch, entry=first.entry)

    def __str__(self) -> str:
        more = len(self.problems) - 1
        rest = f" ({more} more problem{'s' if more > 1 else ''}: see `pphysml validate`.)" if more else ""
        return super().__str__() + rest


def problems_of(error: InputError, severity: Severity = "error") -> list[Problem]:
    """Return the problems that an error tells of; its file is known."""
    if isinstance(error, ProblemError):
        return error.problems
    more = error.more if isinstance(error, EntriesError) else 0
    return [Problem(str(error.file), error.tree, error.branch, error.entry, error.reason.removesuffix("."), severity, more)]


class EntriesError(InputError):
    """Entries that a task cannot use, all for the same reason; place and reason are those of the first, the others are counted.

    Attributes:
        bad: bool (rows,), where they are among the rows that were given.
        rule: by which they are refused, the same whatever their values are.
    """

    def __init__(self, rows: Mapping[str, Column], bad: Array, branch: str, reason: Callable[[int], str], rule: object = None) -> None:
        row = int(np.argmax(bad))
        where = place(rows, row)
        super().__init__(reason(row), file=where.file, branch=branch, entry=where.entry)
        self.bad = bad
        if rule is None:
            rule = reason.__code__ if isinstance(reason, FunctionType) else reason
        self.rule = (branch, rule)

    @property
    def more(self) -> int:
        """How many further entries are refused."""
        return int(self.bad.sum()) - 1

    def __str__(self) -> str:
        if not self.more:
            return super().__str__()
        refused = f"{self.more} more of the {len(self.bad)} entries read with it {'is' if self.more == 1 else 'are'} refused"
        return f"{super().__str__().removesuffix('.')} ({refused} for the same reason)."


def refuse(rows: Mapping[str, Column], bad: Array, branch: str, reason: Callable[[int], str],
           kind: type[EntriesError] = EntriesError, rule: object = None) -> None:
    """Raise for the first bad row, if there is one.

    Args:
        rows: give `file` and `entry`.
        bad: bool (rows,).
        branch: name of the column to be blamed.
        reason: what is wrong with a row, and what to do.
        kind: what is raised.
        rule: what all that is refused for the same reason shares, if `reason` is made anew for each block.

    Raises:
        EntriesError: with branch, entry and file.
    """
    if bad.any():
        raise kind(rows, bad, branch, reason, rule)


class Place(NamedTuple):
    """An entry, and the number of its input file; None for columns in memory."""

    file: int | None
    entry: int

    def text(self, named: FileName) -> str:
        """Return it in words, as "entry 5 of run.root"."""
        return f"entry {self.entry}" + ("" if self.file is None else f" of {named(self.file)}")


def place(rows: Mapping[str, Column], row: int) -> Place:
    """Return where a row comes from; columns in memory without the column `entry` have one entry per row."""
    file = int(np.asarray(rows["file"])[row]) if "file" in rows else None
    return Place(file, int(np.asarray(rows["entry"])[row]) if "entry" in rows else row)


@contextmanager
def of_first_file(rows: Mapping[str, Column]) -> Iterator[None]:
    """Give what is refused inside, and has no file, that of the first row."""
    try:
        yield
    except InputError as error:
        if error.file is None and "file" in rows and len(rows["file"]):
            error.file = place(rows, 0).file
        raise


class Places:
    """What the numbers of input files and the names of columns stand for.

    Args:
        sources: the input files.
        branches: column -> branch, of each file by number.
    """

    def __init__(self, sources: Sequence[Source], branches: Mapping[int, Mapping[str, str]]) -> None:
        self.sources = sources
        self.branches = branches

    def named(self, number: int) -> str:
        """Return the path of an input file."""
        return self.sources[number].path

    @contextmanager
    def completing(self) -> Iterator[None]:
        """Put path, tree and branch into what a task refuses inside.

        Where it names no file, the branches of the first one serve.
        """
        try:
            yield
        except InputError as error:
            if isinstance(error.file, str):
                raise
            number = min(self.branches, default=0) if error.file is None else error.file
            error.named = self.named
            if error.branch is not None:
                error.branch = self.branches.get(number, {}).get(error.branch, error.branch)
            if error.file is not None:
                error.file, error.tree = self.sources[number].path, self.sources[number].tree
            raise
