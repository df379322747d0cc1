"""Evenly spread numbers from ids, the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Step between the states of splitmix64."""


def mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return what splitmix64 makes of each state (G. Steele et al., OOPSLA 2014), any shape."""
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def combined(*ids: NDArray[Any]) -> NDArray[np.uint64]:
    """Return an evenly spread number for each combination of integers, (N,) each."""
    state = np.zeros(len(ids[0]), dtype=np.uint64)
    for values in ids:
        state = mixed((state + values.astype(np.int64, copy=False).view(np.uint64) + np.uint64(1)) * GOLDEN)
    return state
