"""Compiled loops of the electronics: deposits to singles, and dead time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .photon_kernel import Floats

Indices = NDArray[np.int64]


@njit(cache=True, nogil=True)
def sum_deposits(
    time: Floats, unit: Indices, crystal: Indices, energy: Floats, event: Indices, units: int, integration_time: float
) -> tuple[Indices, Indices, Floats]:
    """Add up what falls into a unit of the readout within one decay, or within the integration time.

    Args:
        time: of N deposits, in order.
        unit: of the readout, from 0 to `units` - 1.

    Returns:
        Of each single: its first deposit, the crystal of its largest, and the sum of their energies.
    """
    first, largest = np.empty(len(time), dtype=np.int64), np.empty(len(time), dtype=np.int64)
    total, running = np.empty(len(time)), np.full(units, -1)
    singles = 0
    for i in range(len(time)):
        single = running[unit[i]]
        if single >= 0 and (event[first[single]] == event[i] or time[i] - time[first[single]] < integration_time):
            total[single] += energy[i]
            if energy[i] > energy[largest[single]]:
                largest[single] = i
            continue
        running[unit[i]] = singles
        first[singles], largest[singles], total[singles] = i, i, energy[i]
        singles += 1
    return first[:singles], crystal[largest[:singles]], total[:singles]


@njit(cache=True, nogil=True)
def alive(time: Floats, unit: Indices, units: int, dead_time: float) -> Any:
    """Return which singles, in order of time, come when their unit is not blind (non-paralysable), bool (N,)."""
    free = np.full(units, -np.inf)
    kept = np.empty(len(time), dtype=np.bool_)
    for i in range(len(time)):
        kept[i] = time[i] >= free[unit[i]]
        if kept[i]:
            free[unit[i]] = time[i] + dead_time
    return kept
