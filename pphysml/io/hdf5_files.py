"""Open HDF5 files and their tables; the package `h5py` is imported where such a file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ..errors import ConfigError, PphysmlError, did_you_mean
from .arrays import to_text
from .clusters import MAX_BYTES
from .content import AGAIN, Content
from .foreign import CUT_SHORT, first_line, known, problem
from .ragged import Array, Column, Ragged
from .trees import InputFile, Tree

SIGNATURE = b"\x89HDF\r\n\x1a\n"

NAMES = {1: "gzip", 32000: "lzf"}
ARRANGING = (2, 3)
"""Numbers of HDF5 for its filters; of those that order bytes (shuffle) and that check them (Fletcher)."""

TABLE = "table"

VALID = "valid"
"""Field of lists of a fixed length that is true for what is real, and false for what they are filled up with."""


class Hdf5File(InputFile):
    """An open HDF5 file, whose trees are its tables: datasets of one dimension and compound type, not in groups."""

    kind = "HDF5"
    wanted = "a table, a dataset with named columns, as `jets` of ATLAS FTAG files"

    def __init__(self, path: str, file: Any, datasets: Mapping[str, Any]) -> None:
        super().__init__(path)
        self._file, self._datasets = file, datasets

    @classmethod
    def open(cls, path: str) -> Hdf5File:
        """Open a file.

        Raises:
            InputError: it is damaged or cut short.
            ConfigError: h5py is not installed.
        """
        try:
            import h5py
        except ImportError:
            raise ConfigError(f"{path}: is an HDF5 file; reading it needs `pip install pphysml[h5]`.") from None
        with _decoding(path):
            # Without locks, which some file systems that are only read do not have.
            file = h5py.File(path, "r", locking=False)
            datasets = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset) and item.dtype.names is not None}
            return cls(path, file, datasets)

    @property
    def size(self) -> int:
        """Number of its bytes."""
        return os.path.getsize(self.path)

    def class_names(self) -> dict[str, str]:
        """Return name -> class of everything in it: `table`, `Dataset` or `Group`; see `trees.InputFile`."""
        names: dict[str, str] = {}
        with _decoding(self.path):
            self._file.visititems(lambda name, item: names.update({name: type(item).__name__}))
        return names | self.tree_names()

    def tree_names(self) -> dict[str, str]:
        """Return name -> class of its tables."""
        return {name: TABLE for name, dataset in self._datasets.items() if dataset.ndim == 1}

    def tree(self, name: str, content: Content | None = None) -> Hdf5Tree:
        """Return a table; see `trees.InputFile`. None has been written by this program, and `content` is nothing."""
        tables = self.tree_names()
        if name not in tables:
            kind = self.class_names().get(name)
            raise problem(self.path, None, None, f"there is no table {name!r}.{did_you_mean(name, tables)}" if kind is None else
                          f"{name!r} is a {kind}, but not a table, which has one dimension and named columns")
        lengths = {len(self._datasets[table]) for table in tables}
        table = self._datasets[name]
        lists = {other: its for other, its in self._datasets.items() if its.ndim == 2 and (len(its) == len(table) or len(its) not in lengths)}
        for dataset in (table, *lists.values()):
            self._refuse_absent_parts(name, dataset)
        return Hdf5Tree(self.path, name, table, lists)

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def _refuse_absent_parts(self, tree: str, dataset: Any) -> None:
        """Refuse virtual datasets of files that are not there, in whose place HDF5 would give zeros."""
        with _decoding(self.path, tree):
            names = {part.file_name for part in dataset.virtual_sources()} - {"."} if dataset.is_virtual else set()
        folder = os.path.dirname(self.path)
        for name in sorted(names):
            # Names with % stand for many.
            if "%" not in name and not any(os.path.exists(place) for place in (os.path.join(folder, name), name)):
                raise problem(self.path, tree, None, f"the dataset {dataset.name} is put together from other files, of which {name!r} is not there; bring it beside this one")


class Hdf5Tree(Tree):
    """A table, whose rows are the entries; datasets beside it with a list for each row have the branches DATASET.COLUMN.

    Lists have a fixed length in the file; where they have a column `valid`, what is not valid is left out.
    """

    kind = TABLE

    def __init__(self, path: str, name: str, table: Any, lists: Mapping[str, Any]) -> None:
        self.path, self.name, self.content = path, name, Content([])
        self._table = table
        self._columns: dict[str, tuple[Any, str]] = {column: (table, column) for column in table.dtype.names}
        for prefix, dataset in lists.items():
            for column in dataset.dtype.names:
                self._columns.setdefault(f"{prefix}.{column}", (dataset, column))
        self._rows: dict[str, tuple[int, Array]] = {}

    @property
    def entries(self) -> int:
        """Number of rows."""
        return len(self._table)

    def branches(self) -> list[str]:
        """Return the names of the columns, and those of lists."""
        return list(self._columns)

    def type_name(self, branch: str) -> str:
        """Return the type of a column, as `float32`, or `float32[]` of lists."""
        dataset, column = self._columns[branch]
        return f"{dataset.dtype[column]}{'[]' * (dataset.ndim - 1)}"

    def compressions(self) -> dict[str, str]:
        """Return branch -> algorithm of its dataset; see `trees.Tree`."""
        return {branch: known(partial(_compression, dataset)) for branch, (dataset, _) in self._columns.items()}

    def read(self, branch: str, start: int, stop: int, text: bool = False) -> Column:
        """Return rows start:stop of a column; see `trees.Tree`."""
        dataset, column = self._columns[branch]
        if len(dataset) != self.entries:
            raise problem(self.path, self.name, branch, f"has {len(dataset)} entries, but its tree has {self.entries}; {AGAIN}")
        rows = self._decoded(branch, dataset, start, stop)
        values = rows[column]
        if text and dataset.ndim == 1 and values.dtype.kind == "S":
            return to_text(np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.dtype.itemsize))
        if text or values.dtype.kind not in "biuf" or (dataset.ndim == 2 and values.ndim > 2):
            wanted = "one text per entry" if text else "numbers or one list of numbers per entry"
            raise problem(self.path, self.name, branch, f"holds {self.type_name(branch)}, not {wanted}")
        numbers: Array = values.astype(values.dtype.newbyteorder("="))
        return numbers if dataset.ndim == 1 else _without_padding(numbers, rows)

    def forget(self) -> None:
        """Free the memory of the rows read last."""
        self._rows.clear()

    def _decoded(self, branch: str, dataset: Any, start: int, stop: int) -> Array:
        """Return rows with all columns, which are decoded together; those of whole chunks are held."""
        first, held = self._rows.get(dataset.name) or (0, np.empty((0, *dataset.shape[1:]), dataset.dtype))
        if start < stop and not first <= start < stop <= first + len(held):
            first, last = _whole_chunks(dataset, start, stop)
            self._rows.pop(dataset.name, None)
            with _decoding(self.path, self.name, branch, f"entries {first} to {last - 1} "):
                held = dataset[first:last]
            self._rows[dataset.name] = first, held
        return held[start - first : stop - first] if start < stop else held[:0]


def _compression(dataset: Any) -> str:
    """Return the filters of a dataset with the first of their options, those left out that only order bytes or check them."""
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(number) for number in range(plan.get_nfilters())]
    named = [(NAMES.get(code, name.decode(errors="replace") or str(code)), options) for code, _, options, name in filters if code not in ARRANGING]
    return " ".join(f"{name}({options[0]})" if name == "gzip" else name for name, options in named) or "none"


def _whole_chunks(dataset: Any, start: int, stop: int) -> tuple[int, int]:
    """Return the smallest range of whole chunks that holds start:stop; start:stop itself where that is too much to hold."""
    step = dataset.chunks[0] if dataset.chunks else 1
    first, last = start - start % step, min(stop + -stop % step, len(dataset))
    row = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))
    return (first, last) if (last - first) * row <= MAX_BYTES else (start, stop)


def _without_padding(values: Array, rows: Array) -> Ragged:
    """Return lists of a fixed length, (entries, length), as `Ragged`."""
    inside = rows[VALID] != 0 if VALID in (rows.dtype.names or ()) else np.ones(values.shape, bool)
    return Ragged.from_counts(values[inside], inside.sum(axis=1))


@contextmanager
def _decoding(path: str, tree: str | None = None, branch: str | None = None, where: str = "") -> Iterator[None]:
    """Report whatever h5py raises inside.

    Raises:
        InputError: something was raised; our own errors pass.
    """
    try:
        yield
    except PphysmlError:
        raise
    except Exception as error:  # OSError, KeyError, RuntimeError, ValueError, MemoryError, as the C library has it
        cut = "truncated file" in str(error)
        message = CUT_SHORT if cut else f"{where}cannot be read as HDF5 ({first_line(error)}); {AGAIN}"
        raise problem(path, tree, branch, message) from error
