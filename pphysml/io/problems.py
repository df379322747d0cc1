"""What can be wrong with input, said with its place: file, tree, branch and entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError
from .ragged import Array, Column
from .sources import Source

Severity = Literal["error", "warning"]

FILE_NUMBER = re.compile(r" of input file (\d+)")
"""How tasks name a file, of which they know the column `file` only."""

COLUMN = re.compile(r"Branch '(\w+)'")
"""How tasks name a branch, of which they know the column only."""


@dataclass(frozen=True)
class Problem:
    """One problem of one input file.

    Attributes:
        path: file.
        tree, branch, entry: place in the file, as far as it is known.
        message: what is wrong and what to do, without the place and the full stop.
        severity: "error" stops reading; "warning" does not.
    """

    path: str
    tree: str | None
    branch: str | None
    entry: int | None
    message: str
    severity: Severity = "error"

    def sentence(self) -> str:
        """Return place and message as one sentence."""
        where = self.path
        where += f", tree {self.tree!r}" if self.tree is not None else ""
        where += f", branch {self.branch!r}" if self.branch is not None else ""
        where += f", entry {self.entry}" if self.entry is not None else ""
        return f"{where}: {self.message}" + ("" if self.message.endswith((".", "?")) else ".")


class ProblemError(InputError):
    """Input that cannot be used; the message tells the first of `problems` and counts the rest."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        text = self.problems[0].sentence()
        more = len(self.problems) - 1
        if more:
            text += f" ({more} more problem{'s' if more > 1 else ''}: see `pphysml validate`.)"
        super().__init__(text)


class EntriesError(InputError):
    """Entries that a task cannot use, all for the same reason; the message tells of the first.

    Attributes:
        branch: name of the column to be blamed.
        bad: bool (entries,).
        reason: what is wrong with the first of them, and what to do.
    """

    def __init__(self, message: str, branch: str, bad: Array, reason: str) -> None:
        super().__init__(message)
        self.branch, self.bad, self.reason = branch, bad, reason


def with_places(message: str, sources: Sequence[Source], branches: Mapping[int, Mapping[str, str]]) -> str:
    """Return what a task refuses with paths and branches in the place of the numbers of files and the names of columns.

    Args:
        branches: column -> branch, of each file by number; those of the first one serve where none is named.
    """
    file = FILE_NUMBER.search(message)
    names = branches.get(int(file[1]) if file else min(branches, default=0), {})
    message = COLUMN.sub(lambda found: f"Branch {names.get(found[1], found[1])!r}", message)
    return FILE_NUMBER.sub(lambda found: f" of {sources[int(found[1])].path}", message)


@contextmanager
def naming_places(sources: Sequence[Source], branches: Mapping[int, Mapping[str, str]]) -> Iterator[None]:
    """Rewrite what is refused inside, see `with_places`."""
    try:
        yield
    except InputError as error:
        error.args = (with_places(str(error), sources, branches),)
        raise


def place(rows: Mapping[str, Column], row: int) -> str:
    """Return entry and file of a row."""
    where = f"entry {np.asarray(rows['entry'])[row]}" if "entry" in rows else f"row {row}"
    return where + (f" of input file {np.asarray(rows['file'])[row]}" if "file" in rows else "")


def refuse(rows: Mapping[str, Column], bad: Array, branch: str, reason: Callable[[int], str]) -> None:
    """Raise for the first bad row, if there is one.

    Args:
        rows: their `file` and `entry` are told.
        bad: bool (rows,).
        reason: what is wrong with a row, and what to do.

    Raises:
        InputError: names branch, entry and file.
    """
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(f"Branch {branch!r}, {place(rows, row)}: {reason(row)}.")
