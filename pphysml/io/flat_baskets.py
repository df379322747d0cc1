"""Numbers of a TTree's branch straight out of its baskets: files of small ones take most of their time in objects made for each.

A basket is a key and its data. The key holds, big endian, its own length and that of the data before and after compression, and at its end
how many entries there are, and where their data end; data are stored as they are, or as blocks with nine bytes in front, and of LZ4 also
with a checksum (TKey, TBasket and R__unzip of ROOT, as uproot reads them).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import uproot
from uproot.behaviors.TBranch import TBranch
from uproot.interpretation.numerical import AsDtype
from xxhash import xxh64_intdigest

from .ragged import Array
from .sources import is_remote

KEY = struct.Struct(">ihiIhh")
"""Bytes in all, version, bytes of the data, date, bytes of the key, cycle."""

BASKET = struct.Struct(">Hiiii")
"""At the end of the key, before one more byte: version, size of the buffer, size of an entry, entries, where the last one ends."""

BLOCK = 9
"""Bytes in front of a block: algorithm (2), method (1), compressed and uncompressed bytes (3 each, little endian)."""

LZ4 = b"L4"
CHECKSUM = 8
"""Bytes of the checksum, xxh64, big endian, of the compressed data of LZ4."""

DECOMPRESS = {b"ZL": uproot.ZLIB(1).decompress, b"ZS": uproot.ZSTD(1).decompress, LZ4: uproot.LZ4(1).decompress, b"XZ": uproot.LZMA(1).decompress}


def flat_values(handle: Any, start: int, stop: int) -> Array | None:
    """Return entries start:stop of a branch with one number each.

    Returns:
        None for all else: other branches and compressions, remote files, and whatever is not as it should be, of which
        uproot's own reading says what.
    """
    try:
        stored = _stored(handle)
        if stored is None:
            return None
        values = np.empty(stop - start, handle.interpretation.to_dtype)
        for first, numbers in _baskets(handle, start, stop, stored):
            low, high = max(start, first), min(stop, first + len(numbers))
            values[low - start : high - start] = numbers[low - first : high - first]
        return values
    except Exception:  # zlib, zstd, lz4, lzma and uproot raise their own
        return None


def _stored(handle: Any) -> np.dtype[Any] | None:
    """Return the type of the numbers in the baskets of a local branch; None if there are not one each, or not in baskets of their own."""
    if not isinstance(handle, TBranch) or type(handle.interpretation) is not AsDtype or is_remote(handle.file.file_path):
        return None
    stored: np.dtype[Any] = handle.interpretation.from_dtype
    return None if stored.shape or stored.names or handle.embedded_baskets else stored


def _baskets(branch: Any, start: int, stop: int, stored: np.dtype[Any]) -> Iterator[tuple[int, Array]]:
    """Yield the first entry and the numbers of each basket that holds some of start:stop.

    Raises:
        ValueError: they do not hold what they should.
    """
    edges, seeks, sizes = branch.entry_offsets, branch.member("fBasketSeek"), branch.member("fBasketBytes")
    if start >= stop:
        return
    number = int(np.searchsorted(edges, start, side="right")) - 1
    with open(branch.file.file_path, "rb", buffering=0) as file:
        while edges[number] < stop:
            raw = os.pread(file.fileno(), int(sizes[number]), int(seeks[number]))
            numbers = np.frombuffer(_content(raw), stored)
            if len(numbers) != edges[number + 1] - edges[number]:
                raise ValueError("entries")
            yield edges[number], numbers
            number += 1


def _content(raw: bytes) -> bytes | memoryview:
    """Return the data of a basket, where each entry takes the same space."""
    n_bytes, _, n_data, _, n_key, _ = KEY.unpack_from(raw)
    *_, last = BASKET.unpack_from(raw, n_key - BASKET.size - 1)
    if n_bytes != len(raw) or last - n_key != n_data:
        raise ValueError("key")
    packed = memoryview(raw)[n_key:]
    if len(packed) == n_data:
        return packed
    blocks = list(_blocks(packed))
    content = blocks[0] if len(blocks) == 1 else b"".join(blocks)
    if len(content) != n_data:
        raise ValueError("data")
    return content


def _blocks(packed: memoryview) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        algorithm = bytes(packed[at : at + 2])
        decompress = DECOMPRESS.get(algorithm)
        size, n = (int.from_bytes(packed[at + k : at + k + 3], "little") for k in (3, 6))
        block = packed[at + BLOCK : at + BLOCK + size]
        if decompress is None or len(block) != size:
            raise ValueError("block")
        data = decompress(_checked(block) if algorithm == LZ4 else block, n)
        if len(data) != n:
            raise ValueError("block")
        yield data
        at += BLOCK + size


def _checked(block: memoryview) -> memoryview:
    """Return the data of a block of LZ4 behind its checksum."""
    data = block[CHECKSUM:]
    if xxh64_intdigest(data) != int.from_bytes(block[:CHECKSUM], "big"):
        raise ValueError("checksum")
    return data
