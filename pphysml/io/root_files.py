"""Open ROOT files and their trees; every failure says what is wrong with which file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uproot

from ..errors import ConfigError, did_you_mean
from .arrays import to_column, to_text
from .clusters import Decoded, cut, rows, whole
from .content import AGAIN, Content
from .flat_baskets import flat_values
from .foreign import CUT_SHORT, explain, first_line, known, problem, reading
from .handles import (
    OLD_RNTUPLE,
    boundaries,
    by_name,
    damaged_basket,
    is_tree,
    unreadable,
    values,
)
from .problems import Problem, ProblemError
from .ragged import Column
from .root_compression import of_rntuple, of_ttree
from .sources import is_remote
from .trees import InputFile, Stored, Tree

TREE_CLASSES = ("TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple", OLD_RNTUPLE)


class RootFile(InputFile):
    """An open ROOT file.

    Attributes:
        directory: uproot's.
    """

    kind = "ROOT"
    wanted = "a TTree or an RNTuple"

    def __init__(self, path: str, directory: Any) -> None:
        super().__init__(path)
        self.directory = directory

    @classmethod
    def open(cls, path: str) -> RootFile:
        """Open a file.

        Raises:
            InputError: there is none, it may not be read, is no ROOT file, or is cut short.
            ConfigError: a remote address needs a package that is not installed.
        """
        with reading(path):
            try:
                # uproot would split "file.root:tree" itself, and at other colons too.
                file = uproot.open({path: None}, object_cache=None, array_cache=None)
            except ImportError:
                raise ConfigError(f"{path}: needs `pip install pphysml[xrootd]`.") from None
            end, size = file.file.fEND, file.file.source.num_bytes
            # The list of keys is not where it was, if bytes have come between.
            moved = end < size and not file.keys(recursive=False)
            if end <= size and not moved:
                return cls(path, file)
            file.close()
            raise problem(path, None, None, f"has {size - end} bytes behind its end, and nothing is found in it; {AGAIN}" if moved else CUT_SHORT)

    @property
    def size(self) -> int:
        """Number of its bytes."""
        return int(self.directory.file.source.num_bytes) if is_remote(self.path) else os.path.getsize(self.path)

    def class_names(self) -> dict[str, str]:
        """Return name -> class of everything in it; see `trees.InputFile`."""
        with reading(self.path):
            return dict(self.directory.classnames(recursive=True, cycle=False))

    def tree_names(self) -> dict[str, str]:
        """Return name -> class of the trees, in subdirectories too."""
        return {name: kind for name, kind in self.class_names().items() if kind in TREE_CLASSES}

    def tree(self, name: str, content: Content | None = None) -> RootTree:
        """Return a TTree or RNTuple; see `trees.InputFile`."""
        classes = self.class_names()
        kind = classes.get(name)
        if kind is not None and kind not in TREE_CLASSES:
            raise problem(self.path, None, None, f"{name!r} is a {kind}, not a tree")
        if kind is None:
            trees = [tree for tree, its in classes.items() if its in TREE_CLASSES]
            raise problem(self.path, None, None, f"there is no tree {name!r}.{did_you_mean(name, trees)}")
        with reading(self.path, name):
            handle = self.directory[name]
            if not is_tree(handle):
                raise problem(self.path, name, None, unreadable(kind))
            return RootTree(self.path, name, handle, *by_name(handle), content or Content([]))

    def close(self) -> None:
        """Close it."""
        self.directory.close()

    def titles(self) -> set[str]:
        """Return the titles of what is in it, as the list of its keys has them."""
        with reading(self.path):
            return {known(partial(self._title, name)) for name in self.directory.keys(recursive=False)}

    def stored(self, name: str) -> list[Stored]:
        """Return the objects of a name, those of earlier cycles first."""
        keys = [key for key in self.directory.keys(recursive=False, cycle=True) if key.partition(";")[0] == name]
        return [Stored(self.directory.classname_of(key), partial(self._text, key)) for key in sorted(keys, key=_cycle)]

    def _text(self, key: str) -> str:
        return str(self.directory[key])

    def _title(self, name: str) -> str:
        return str(self.directory.key(name).fTitle)


def _cycle(key: str) -> int:
    cycle = key.rpartition(";")[2]
    return int(cycle) if cycle.isdecimal() else 0


@dataclass(frozen=True)
class RootTree(Tree):
    """A TTree or RNTuple of an open file.

    Attributes:
        repeated: names that several branches have, so that none of them is read.
        content: see `trees.Tree`.
    """

    path: str
    name: str
    handle: Any
    handles: Mapping[str, Any]
    repeated: frozenset[str] = frozenset()
    content: Content = field(default_factory=lambda: Content([]))
    _decoded: Decoded = field(default_factory=Decoded)

    @property
    def entries(self) -> int:
        """Number of entries."""
        return int(self.handle.num_entries)

    @property
    def kind(self) -> str:
        """`TTree` or `RNTuple`."""
        return "RNTuple" if "RNTuple" in type(self.handle).__name__ else "TTree"

    def branches(self) -> list[str]:
        """Return the names of all branches, those of sub-branches with their full path."""
        return list(self.handles)

    def type_name(self, branch: str) -> str:
        """Return the C++ type of a branch; "unknown" where it cannot be found out."""
        return known(lambda: str(self.handles[branch].typename) or "a record")

    def compressions(self) -> dict[str, str]:
        """Return branch -> algorithm; see `trees.Tree`."""
        return (of_rntuple if self.kind == "RNTuple" else of_ttree)(self.handle, self.handles)

    def bytes_of(self, branches: Iterable[str]) -> int:
        """Return the bytes of all values of branches; see `trees.Tree`."""
        if self.kind != "TTree":
            return 0
        with reading(self.path, self.name):
            return sum(int(self.handles[branch].uncompressed_bytes) for branch in branches if branch in self.handles)

    def read(self, branch: str, start: int, stop: int, text: bool = False) -> Column:
        """Return entries start:stop of one branch; see `trees.Tree`."""
        if branch in self.repeated:
            raise problem(self.path, self.name, branch, "several branches have this name, and which one is meant cannot be "
                          "known; copy the tree with another name for one of them")
        key = (branch, text)
        column = self._decoded.get(key, start, stop)
        if column is not None:
            return column
        self._check_entries(branch)
        first, last = self._whole(key, *self.content.around(branch, start, stop))
        column = self._decode(branch, first, last, text)
        self._compare(branch, first, column, text)
        if (first, last) == (start, stop):
            return column
        # A stretch of which a part was decoded is not compared yet.
        low, high = self.content.within(branch, first, last)
        self._decoded.put(key, low, rows(column, low - first, high - first))
        return cut(column, start - first, stop - first)

    def forget(self) -> None:
        """Free the memory of what was decoded beyond the entries asked for."""
        self._decoded.clear()

    def _whole(self, key: tuple[str, bool], start: int, stop: int) -> tuple[int, int]:
        if not self._decoded.fits(key):
            return start, stop
        with reading(self.path, self.name, key[0]):
            return whole(boundaries(self.handles[key[0]]), start, stop)

    def _compare(self, branch: str, start: int, column: Column, text: bool) -> None:
        """Refuse what is not what was written."""
        fault = self.content.fault(branch, start, column)
        if fault is None and len(column) and self.content.wants_all(branch):
            with reading(self.path, self.name, branch):
                edges = boundaries(self.handles[branch])
            fault = self.content.fault_of_all(branch, edges, lambda first, last: self._decode(branch, first, last, text))
        if fault is not None:
            raise ProblemError([Problem(self.path, self.name, branch, *fault)])

    def _decode(self, branch: str, start: int, stop: int, text: bool) -> Column:
        numbers = None if text else flat_values(self.handles[branch], start, stop)
        if numbers is not None:
            return numbers
        try:
            array = values(self.handles[branch], start, stop)
            if len(array) != stop - start:
                raise ValueError("fewer entries than announced")
        except Exception as error:  # zlib, zstd, lz4, lzma and uproot each raise their own
            raise self._damage(branch, start, stop, error) from error
        try:
            return to_text(array) if text else to_column(array)
        except Exception:  # what uproot makes of the types of others is not always what awkward knows
            wanted = "one text per entry" if text else "numbers or one list of numbers per entry"
            raise problem(self.path, self.name, branch, f"holds {self.type_name(branch)}, not {wanted}{self._parts(branch)}") from None

    def _check_entries(self, branch: str) -> None:
        """Refuse a branch that does not have as many entries as the tree."""
        with reading(self.path, self.name, branch):
            held = int(self.handles[branch].num_entries)
        if held != self.entries:
            message = f"has {held} entries, but its tree has {self.entries}; {AGAIN}"
            raise problem(self.path, self.name, branch, message)

    def _damage(self, branch: str, start: int, stop: int, error: Exception) -> ProblemError:
        if isinstance(error, OSError):
            return problem(self.path, self.name, branch, explain(error, self.path))
        with reading(self.path, self.name, branch):
            found = damaged_basket(self.handles[branch], start, stop)
        if found is None and start == stop:
            # Not even nothing can be read of it: nobody knows its type, or uproot does not.
            message = f"holds {self.type_name(branch)}, which cannot be read ({first_line(error)}){self._parts(branch)}"
            return problem(self.path, self.name, branch, message)
        first, last = found or (start, stop)
        message = f"entries {first} to {last - 1} are damaged ({first_line(error)})"
        return ProblemError([Problem(self.path, self.name, branch, first, message)])

    def _parts(self, branch: str) -> str:
        """Return which of its own branches may be named in place of a branch."""
        parts = [name for name in self.handles if name.startswith((f"{branch}/", f"{branch}."))]
        return f"; name one of its parts, as {parts[0]!r}" if parts else ""
