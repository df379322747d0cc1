"""Loops over short contiguous rows, which are compiled to vector instructions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def zeros(n: int) -> Array:
    """Return zeros of their own: rows of a common array would not be known to be contiguous."""
    return np.zeros(n, dtype=np.float32)


@njit(cache=True, nogil=True)
def grown(array: Array) -> Array:
    """Return an array four times as long that begins with this one."""
    larger = np.empty(4 * len(array), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


@njit(cache=True, nogil=True)
def copy(row: Array, other: Array) -> None:
    """Copy a short row; numba's assignment of slices takes three times as long."""
    for i in range(len(row)):
        row[i] = other[i]


@njit(cache=True, nogil=True)
def fill(row: Array, value: np.generic) -> None:
    """Set every element, see `copy`."""
    for i in range(len(row)):
        row[i] = value


@njit(cache=True, nogil=True, fastmath={"contract"})
def add_scaled(total: Array, row: Array, value: np.float32) -> None:
    """Add value * row in fused multiply-adds, as matrix products do."""
    for i in range(len(total)):
        total[i] += value * row[i]


@njit(cache=True, nogil=True, fastmath={"contract"})
def add_one_scaled(total: Array, row: Array, value: np.float32) -> None:
    """Add what `add_scaled` makes of zeros, in one pass: the product is rounded before it is added."""
    for i in range(len(total)):
        total[i] += np.float32(0) + value * row[i]


@njit(cache=True, nogil=True, fastmath={"contract"})
def add_two_scaled(total: Array, row: Array, value: np.float32, other: Array, of_other: np.float32) -> None:
    """Add what `add_scaled` of two rows makes of zeros, in one pass."""
    for i in range(len(total)):
        total[i] += (np.float32(0) + value * row[i]) + of_other * other[i]


@njit(cache=True, nogil=True, fastmath={"contract"})
def add_product(total: Array, a: Array, b: Array) -> None:
    """Add a * b, element by element."""
    for i in range(len(total)):
        total[i] += a[i] * b[i]


@njit(cache=True, nogil=True)
def keep_largest(largest: Array, row: Array) -> None:
    """Raise each element to the magnitude of the other, if that is larger."""
    for i in range(len(row)):
        largest[i] = max(largest[i], abs(row[i]))
