"""Checksums of a branch: of stretches of its entries, or, in files of the first format, of all of them."""

from __future__ import annotations

import base64
import binascii
import hashlib

import numpy as np
from xxhash import xxh3_64

from .ragged import Array, Column, Ragged

STRETCH = 5000
"""Entries of a stretch: a fraction of a block, so that few are read that were not asked for, and many, so that their checksums are small beside them."""


def type_of(column: Column) -> str:
    """Return the type of a branch's values, as "float32", "int16(3,)" or "ragged float64"."""
    values = column.flat if isinstance(column, Ragged) else column
    return named(values.dtype.name, values.shape[1:], isinstance(column, Ragged))


def named(dtype: str, shape: tuple[int, ...], ragged: bool) -> str:
    """Return what `type_of` calls a type."""
    return f"{'ragged ' if ragged else ''}{np.dtype(dtype).name}{shape or ''}"


class Stretches:
    """The checksums of a branch that grows: one for each stretch of `step` entries, however they come.

    A checksum is XXH3 (64 bits) of the values, then of the lengths of a ragged branch, little-endian.
    """

    def __init__(self, step: int = STRETCH) -> None:
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


def checksum(column: Column, start: int, stop: int) -> int:
    """Return the checksum of rows start:stop as one stretch."""
    values, counts = _parts(column, start, stop)
    found = xxh3_64(values)
    found.update(counts)
    return found.intdigest()


def from_text(text: str) -> Array:
    """Return the checksums of stretches, uint64, from their text.

    Raises:
        ValueError: it is no such text.
    """
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype="<u8")
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


def _little(values: Array) -> memoryview:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).data
