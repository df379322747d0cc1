"""Checksums of a branch: of stretches of its entries, or, in files of the first format, of all of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from xxhash import xxh3_64, xxh3_64_intdigest

from .ragged import Array, Column, Ragged

STRETCH = 20_000
"""Most entries of a stretch: no more than a block has, so that few are read that were not asked for, and not
fewer, since each checksum costs a microsecond."""
STRETCH_BYTES = 2**23
"""Of the widest branch in a stretch, about; entries may be images, or frames of thousands of hits."""


def type_of(column: Column) -> str:
    """Return the type of a branch's values, as "float32", "int16(3,)" or "ragged float64"."""
    ragged = isinstance(column, Ragged)
    values = column.flat if isinstance(column, Ragged) else column
    return named(values.dtype, values.shape[1:], ragged)


@cache
def named(dtype: np.dtype[Any] | str, shape: tuple[int, ...], ragged: bool) -> str:
    """Return what `type_of` calls a type."""
    return f"{'ragged ' if ragged else ''}{np.dtype(dtype).name}{shape or ''}"


class Stretches:
    """The checksums of a branch that grows: one for each stretch of `step` entries, however they come.

    A checksum is XXH3 (64 bits) of the values, then of the lengths of a ragged branch, little-endian.
    """

    def __init__(self, step: int) -> None:
        self._step = step
        self._filled = 0
        self._closed: list[int] = []
        self._begin()

    def update(self, column: Column) -> None:
        """Add the next entries."""
        start = 0
        while start < len(column):
            stop = min(len(column), start + self._step - self._filled)
            values, counts = _parts(column, start, stop)
            self._hash.update(values)
            self._counts.append(counts)
            self._filled += stop - start
            start = stop
            if self._filled == self._step:
                self._closed.append(self._digest())
                self._filled = 0
                self._begin()

    def text(self) -> str:
        """Return all checksums, the last one of an unfinished stretch, in base64."""
        unfinished = [self._digest()] if self._filled else []
        return base64.b64encode(np.array([*self._closed, *unfinished], dtype="<u8").tobytes()).decode()

    def _begin(self) -> None:
        self._hash = xxh3_64()
        self._counts: list[memoryview] = []

    def _digest(self) -> int:
        whole = self._hash.copy()
        for counts in self._counts:
            whole.update(counts)
        return whole.intdigest()


def checksums(column: Column, edges: Sequence[int]) -> list[int]:
    """Return the checksum of each stretch of rows from one edge to the next."""
    if not isinstance(column, Ragged):
        values, width = _little(column), _width(column)
        return [xxh3_64_intdigest(values[a * width : b * width]) for a, b in pairwise(edges)]
    values, width, counts = _little(column.flat), _width(column.flat), _little(column.counts)
    found = []
    for a, b in pairwise(edges):
        stretch = xxh3_64(values[int(column.offsets[a]) * width : int(column.offsets[b]) * width])
        stretch.update(counts[8 * a : 8 * b])
        found.append(stretch.intdigest())
    return found


def from_text(text: str) -> list[int]:
    """Return the checksums of stretches from their text.

    Raises:
        ValueError: it is no such text.
    """
    try:
        found: list[int] = np.frombuffer(base64.b64decode(text, validate=True), dtype="<u8").tolist()
        return found
    except binascii.Error as error:
        raise ValueError(str(error)) from error


class WholeBranch:
    """BLAKE2b of all entries of a branch, as the first format of our files has it; they come in their order."""

    def __init__(self) -> None:
        self._values = hashlib.blake2b(digest_size=16)
        self._counts = hashlib.blake2b(digest_size=16)
        self._type = ""

    def update(self, column: Column) -> None:
        """Add the next entries."""
        values, counts = _parts(column, 0, len(column))
        whole = column.flat if isinstance(column, Ragged) else column
        self._type = f"{'ragged ' if isinstance(column, Ragged) else ''}{whole.dtype.name}{whole.shape[1:]}"
        self._values.update(values)
        self._counts.update(counts)

    def hexdigest(self) -> str:
        """Return the checksum of all entries so far."""
        joined = hashlib.blake2b(self._type.encode(), digest_size=16)
        joined.update(self._values.digest() + self._counts.digest())
        return joined.hexdigest()


def _parts(column: Column, start: int, stop: int) -> tuple[memoryview, memoryview]:
    """Return the bytes of the values, and of the lengths if there are any, of rows start:stop, little-endian."""
    if not isinstance(column, Ragged):
        return _little(column[start:stop]), memoryview(b"")
    offsets = column.offsets[start : stop + 1]
    return _little(column.flat[offsets[0] : offsets[-1]]), _little(np.diff(offsets))


def step_for(columns: Iterable[Column]) -> int:
    """Return how many entries a stretch has in a tree that begins with these columns."""
    width = max((column.flat.nbytes if isinstance(column, Ragged) else column.nbytes) / len(column) for column in columns)
    step = STRETCH
    while step > 1 and step * width > STRETCH_BYTES:
        step //= 2
    return step


def _width(values: Array) -> int:
    """Return the number of bytes of a row."""
    return values.dtype.itemsize * math.prod(values.shape[1:])


def _little(values: Array) -> memoryview:
    """Return the bytes of an array, little-endian; of no value none, whatever their shape."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data if little.size else memoryview(b"")
