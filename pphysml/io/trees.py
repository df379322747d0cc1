"""What there is in an input file of any kind: trees, whose branches are read range by range."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import ClassVar, NamedTuple

from .content import Content
from .problems import ProblemError
from .ragged import Column
from .schema import FileKind


class Tree(ABC):
    """Entries with branches, of an open file.

    Attributes:
        content: what was written into it, with which all that is read is compared, whole stretches at a time.
    """

    path: str
    name: str
    content: Content

    @property
    @abstractmethod
    def entries(self) -> int:
        """Number of entries."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """What users call such a tree, as `TTree`."""

    @abstractmethod
    def branches(self) -> list[str]:
        """Return the names of all branches, those of sub-branches with their full path."""

    @abstractmethod
    def type_name(self, branch: str) -> str:
        """Return the type of a branch in the file; "unknown" where it cannot be found out."""

    @abstractmethod
    def compressions(self) -> dict[str, str]:
        """Return branch -> algorithm with its level, "none", or "unknown"."""

    def bytes_of(self, branches: Iterable[str]) -> int:
        """Return the bytes of all values of branches, as they are in memory; 0 where the file does not say it."""
        return 0

    @abstractmethod
    def read(self, branch: str, start: int, stop: int, text: bool = False) -> Column:
        """Return entries start:stop of one branch in the type of the file, for the caller to change.

        Args:
            text: whether the branch must hold texts, which come as `Ragged` of uint8, instead of numbers.

        Raises:
            InputError: the branch is damaged (its entries are given), does not hold what it must, or not what was written.
        """

    @abstractmethod
    def forget(self) -> None:
        """Free the memory of what was decoded beyond the entries asked for."""

    def holds_texts(self, branch: str) -> bool:
        """Whether a branch that holds no numbers holds one text per entry."""
        try:
            self.read(branch, 0, 0, text=True)
        except ProblemError:
            return False
        return True


class Stored(NamedTuple):
    """An object of an open file that is no tree: its class, and how it is read as a text."""

    kind: str
    text: Callable[[], str]


class InputFile(ABC):
    """An open file, a context manager.

    Attributes:
        kind: of the file; layouts are of one kind.
        wanted: what such a file must have for a tree to be found.
    """

    kind: ClassVar[FileKind]
    wanted: ClassVar[str]

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of its bytes."""

    @abstractmethod
    def class_names(self) -> dict[str, str]:
        """Return name -> class of everything in it, in folders too.

        Raises:
            InputError: a folder is damaged.
        """

    @abstractmethod
    def tree_names(self) -> dict[str, str]:
        """Return name -> class of the trees in it."""

    @abstractmethod
    def tree(self, name: str, content: Content | None = None) -> Tree:
        """Return a tree.

        Args:
            content: what was written into it.

        Raises:
            InputError: there is no such tree (the nearest names are given), it is of a kind that cannot be read, or damaged.
        """

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    def titles(self) -> set[str]:
        """Return the titles of what is in it, not in its folders."""
        return set()

    def stored(self, name: str) -> list[Stored]:
        """Return the objects of a name, not in folders, in the order in which they were written."""
        return []

    def __enter__(self) -> InputFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
