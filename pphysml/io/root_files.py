"""Open ROOT files and their trees; every failure says what is wrong with which file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import uproot

from ..errors import ConfigError, InputError, did_you_mean
from .arrays import to_column, to_text
from .clusters import Decoded, boundaries, cut, whole
from .content import AGAIN, Content
from .problems import Problem, ProblemError
from .ragged import Column
from .sources import is_remote

TREE_CLASSES = ("TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")
CUT_SHORT = "is cut short; copy it again or make it anew"


def open_file(path: str) -> Any:
    """Return the open file (uproot directory, a context manager).

    Raises:
        InputError: there is none, it may not be read, is no ROOT file, or is cut short.
        ConfigError: a remote address needs a package that is not installed.
    """
    try:
        # uproot would split "file.root:tree" itself, and at other colons too.
        file = uproot.open({path: None}, object_cache=None, array_cache=None)
    except (InputError, ConfigError):
        raise
    except ImportError:
        raise ConfigError(f"{path}: needs `pip install pphysml[xrootd]`.") from None
    except Exception as error:  # whatever the bytes provoke in the decoder
        raise _problem(path, None, None, explain(error, path)) from error
    if file.file.fEND > file.file.source.num_bytes:
        file.close()
        raise _problem(path, None, None, CUT_SHORT)
    return file


def explain(error: Exception, path: str) -> str:
    """Say in a few words why opening or reading a file failed."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a ROOT file"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    if isinstance(error, OSError) and error.errno is None and not is_remote(path):
        # Not the operating system says so, but uproot, which looked behind the end of the file.
        return CUT_SHORT if _begins_like_root(path) else "is not a readable ROOT file"
    if is_remote(path) or isinstance(error, OSError):
        return f"cannot be read: {_first_line(error)}"
    return "is not a readable ROOT file"


def _begins_like_root(path: str) -> bool:
    """Whether a file is empty or starts as ROOT files do, so that only its end may be missing."""
    with open(path, "rb") as stream:
        return stream.read(4) in (b"root", b"")


def tree_names(file: Any) -> dict[str, str]:
    """Return name -> class of the trees of an open file, in subdirectories too."""
    try:
        classes = file.classnames(recursive=True, cycle=False)
    except Exception as error:  # whatever the bytes provoke in the decoder
        path = file.file.file_path
        raise _problem(path, None, None, explain(error, path)) from error
    return {name: kind for name, kind in classes.items() if kind in TREE_CLASSES}


def titles(file: Any) -> set[str]:
    """Return the titles of what is in an open file, not in its folders, as the list of its keys has them."""
    return {str(file.key(name).fTitle) for name in file.keys(recursive=False)}


@dataclass(frozen=True)
class Tree:
    """A TTree or RNTuple of an open file.

    Attributes:
        content: what was written into it, with which all that is read is compared, whole stretches at a time.
    """

    path: str
    name: str
    handle: Any
    content: Content = field(default_factory=lambda: Content([]))
    _decoded: Decoded = field(default_factory=Decoded)

    @classmethod
    def of(cls, file: Any, path: str, name: str, content: Content | None = None) -> Tree:
        """Take a tree from an open file.

        Raises:
            InputError: there is no such tree (the nearest names are given), or it is damaged.
        """
        trees = tree_names(file)
        if name not in trees:
            kind = file.classnames(recursive=True, cycle=False).get(name)
            if kind is not None:
                raise _problem(path, None, None, f"{name!r} is a {kind}, not a tree")
            raise _problem(path, None, None, f"there is no tree {name!r}.{did_you_mean(name, trees)}")
        try:
            return cls(path, name, file[name], content or Content([]))
        except Exception as error:  # whatever the bytes provoke in the decoder
            raise _problem(path, name, None, explain(error, path)) from error

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
        return list(self.handle.keys())

    def type_name(self, branch: str) -> str:
        """Return the C++ type of a branch."""
        return str(self.handle[branch].typename) or "a record"

    def read(self, branch: str, start: int, stop: int, text: bool = False) -> Column:
        """Return entries start:stop of one branch in the type of the file.

        Args:
            text: whether the branch must hold texts, which come as `Ragged` of uint8, instead of numbers.

        Raises:
            InputError: the branch is damaged (its entries are given), does not hold what it must, or not what was written.
        """
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
        self._decoded.put(key, first, column)
        return cut(column, start - first, stop - first)

    def forget(self) -> None:
        """Free the memory of what was decoded beyond the entries asked for."""
        self._decoded.clear()

    def _whole(self, key: tuple[str, bool], start: int, stop: int) -> tuple[int, int]:
        if not self._decoded.fits(key):
            return start, stop
        try:
            edges = boundaries(self.handle, key[0])
        except Exception as error:  # baskets that do not add up
            raise _problem(self.path, self.name, key[0], f"is damaged ({_first_line(error)}); {AGAIN}") from error
        return whole(edges, start, stop)

    def _compare(self, branch: str, start: int, column: Column, text: bool) -> None:
        """Refuse what is not what was written."""
        fault = self.content.fault(branch, start, column)
        if fault is None and len(column):
            fault = self.content.fault_of_all(branch, lambda first, last: self._decode(branch, first, last, text))
        if fault is not None:
            raise ProblemError([Problem(self.path, self.name, branch, *fault)])

    def _decode(self, branch: str, start: int, stop: int, text: bool) -> Column:
        try:
            array = self.handle[branch].array(entry_start=start, entry_stop=stop, library="ak")
            if len(array) != stop - start:
                raise ValueError("fewer entries than announced")
        except Exception as error:  # zlib, zstd, lz4, lzma and uproot each raise their own
            raise self._damage(branch, start, stop, error) from error
        try:
            return to_text(array) if text else to_column(array)
        except TypeError:
            wanted = "one text per entry" if text else "numbers or one list of numbers per entry"
            message = f"holds {self.type_name(branch)}, not {wanted}"
            raise _problem(self.path, self.name, branch, message) from None

    def _check_entries(self, branch: str) -> None:
        """Refuse a branch that does not have as many entries as the tree."""
        try:
            held = int(self.handle[branch].num_entries)
        except Exception as error:  # whatever damaged bytes provoke in the decoder
            raise _problem(self.path, self.name, branch, f"is damaged ({_first_line(error)}); {AGAIN}") from error
        if held != self.entries:
            message = f"has {held} entries, but its tree has {self.entries}; {AGAIN}"
            raise _problem(self.path, self.name, branch, message)

    def _damage(self, branch: str, start: int, stop: int, error: Exception) -> ProblemError:
        if isinstance(error, OSError):
            return _problem(self.path, self.name, branch, explain(error, self.path))
        first, last = self._damaged_entries(branch, start, stop)
        message = f"entries {first} to {last - 1} are damaged ({_first_line(error)})"
        return ProblemError([Problem(self.path, self.name, branch, first, message)])

    def _damaged_entries(self, branch: str, start: int, stop: int) -> tuple[int, int]:
        """Return the entries of the first basket that cannot be decoded; else those asked for."""
        handle = self.handle[branch]
        stop = max(stop, start + 1)  # no entry is asked for where only the type is wanted
        for number in range(getattr(handle, "num_baskets", 0)):
            first, last = handle.basket_entry_start_stop(number)
            if last <= start or first >= stop:
                continue
            try:
                handle.basket(number)
            except Exception:  # the same ones as above
                return int(first), int(last)
        return start, stop


def _problem(path: str, tree: str | None, branch: str | None, message: str) -> ProblemError:
    return ProblemError([Problem(path, tree, branch, None, message)])


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
