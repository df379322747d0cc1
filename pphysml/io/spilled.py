"""Columns that are put aside in temporary files, and used again without being loaded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ..errors import OutputError
from .ragged import Array, Columns, Ragged

ALIGNED = 16
"""Arrays begin at multiples of so many bytes."""


class _Place(NamedTuple):
    start: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]


class Spilled:
    """Blocks of columns, each in a file of its own, in a folder that the environment variable TMPDIR names.

    Args:
        what: the rows are called in errors.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._blocks: list[dict[str, list[_Place]]] = []

    def __len__(self) -> int:
        return len(self._blocks)

    def write(self, rows: Columns) -> None:
        """Put aside a block of at least one row.

        Raises:
            OutputError: there is no room for it.
        """
        try:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="pphysml-")
            with open(self._path(len(self)), "wb") as stream:
                places = {name: [_written(stream, array) for array in _arrays(column)] for name, column in rows.items()}
        except OSError as error:
            raise OutputError(f"{self.what} cannot be sorted: temporary files cannot be written: {error.strerror}; "
                              "name a folder with more room in TMPDIR.") from error
        self._blocks.append(places)

    def opened(self) -> list[Columns]:
        """Return all blocks in the order in which they were written, as views of their files."""
        return [self._opened(number) for number in range(len(self))]

    def remove(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            self._folder.cleanup()

    def _opened(self, number: int) -> Columns:
        content = np.memmap(self._path(number), dtype=np.uint8, mode="r")
        columns: Columns = {}
        for name, places in self._blocks[number].items():
            first, *offsets = [_view(content, place) for place in places]
            columns[name] = Ragged(first, offsets[0]) if offsets else first
        return columns

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / str(number)


def _arrays(column: Array | Ragged) -> list[Array]:
    return [column.flat, column.offsets] if isinstance(column, Ragged) else [np.asarray(column)]


def _written(stream: BinaryIO, array: Array) -> _Place:
    start = -(-stream.tell() // ALIGNED) * ALIGNED
    stream.seek(start)
    stream.write(np.ascontiguousarray(array).data)
    return _Place(start, array.dtype, array.shape)


def _view(content: Array, place: _Place) -> Array:
    size = int(np.prod(place.shape)) * place.dtype.itemsize
    found: Array = content[place.start : place.start + size].view(place.dtype).reshape(place.shape)
    return found


