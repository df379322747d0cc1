"""Arrays of numbers in NumPy's own files, npy and npz, which hold what their header says and run no code."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import InputError, did_you_mean, shortened
from .ragged import Array

_FORMATS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_READABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def read_npy(path: Path) -> Array:
    """Return the array of an npy file, which is read as it is used.

    Raises:
        InputError: it is no such file, is cut short, or holds something else than numbers.
    """
    try:
        with open(path, "rb") as stream:
            if zipfile.is_zipfile(stream):
                raise InputError(f"{path}: is an archive of several arrays, not npy.")
            stream.seek(0)
            dtype, shape, order = _header(stream, path, os.fstat(stream.fileno()).st_size)
            if not math.prod(shape):
                return np.zeros(shape, dtype)
            return np.memmap(stream, dtype, "r", stream.tell(), shape, order)
    except OSError as error:
        raise InputError(f"{path}: cannot be read as npy: {error.strerror}.") from None


def read_npz(path: Path, key: str) -> Array:
    """Return one array of an npz file.

    Raises:
        InputError: it is no such file or damaged, has no such array, or that holds something else than numbers.
    """
    try:
        with open(path, "rb") as stream:
            if stream.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
                raise InputError(f"{path}: is a single array, not npz.")
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if key not in names:
                raise InputError(f"{path}: has no array {key!r}.{did_you_mean(key, [shortened(name) for name in names])}")
            member = archive.getinfo(next(name for name in archive.namelist() if name.removesuffix(".npy") == key))
            if member.flag_bits & 1 or member.compress_type not in _READABLE:
                raise InputError(f"{path}: {key!r} is encrypted, or compressed as NumPy does not.")
            with archive.open(member) as opened:
                dtype, shape, order = _header(opened, path, member.file_size)
                content = opened.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read as npz: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
        raise InputError(f"{path}: cannot be read as npz: it is damaged, or no archive of numbers.") from None
    return np.frombuffer(content, dtype, math.prod(shape)).reshape(shape, order=order)


def _header(stream: IO[bytes], path: Path, size: int) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    """Return type, shape and order of the array that begins in a stream of `size` bytes."""
    try:
        shape, fortran, dtype = _FORMATS[np.lib.format.read_magic(stream)](stream)
    # The header is a Python literal, of which NumPy raises whatever Python's own reader does.
    except (ValueError, TypeError, KeyError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError):
        raise InputError(f"{path}: cannot be read as npy: it is cut short, or no array of numbers.") from None
    if dtype.hasobject:
        raise InputError(f"{path}: cannot be read: it holds Python objects, which can run code when they are read; only numbers are.")
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize > size - stream.tell():
        raise InputError(f"{path}: cannot be read as npy: it is cut short, as its header says the shape {shortened(str(shape))} of {shortened(str(dtype))}.")
    return dtype, shape, "F" if fortran else "C"
