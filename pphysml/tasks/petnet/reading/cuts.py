"""Where a stream of singles may be cut, so that no coincidence is."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array


@njit(cache=True, nogil=True)
def slice_starts(gap: NDArray[np.bool_], segment: NDArray[np.int64], least: int, pending: int) -> Array:
    """Return the first singles of the slices that begin here, int64.

    A slice begins at the first gap after `least` singles, and with every segment. So it depends on the
    singles alone, and not on how they came.

    Args:
        gap: whether a single lies behind a gap, bool (n,).
        segment: of each single, (n,), rising; times of different ones have nothing to do with each other.
        least: singles of a slice that no segment ends.
        pending: index of the single with which the slice begins that is not complete, at most n.
    """
    segments = segment[-1] - segment[0] if len(segment) else 0
    starts = np.empty(len(gap) // least + segments + 1, dtype=np.int64)
    found = 0
    begin = pending
    for i in range(pending, len(gap)):
        if (gap[i] and i - begin >= least) or (i > begin and segment[i] != segment[i - 1]):
            starts[found] = i
            found += 1
            begin = i
    return starts[:found]
