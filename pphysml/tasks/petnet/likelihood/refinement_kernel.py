"""The small network of `refinement`, compiled: two layers of sigmoid linear units, and a sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....io.ragged import Array

UNITS = 48
"""Of each layer."""


@njit(cache=True, nogil=True, fastmath=True)
def outputs(features: Array, rows: Array, w1: Array, b1: Array, w2: Array, b2: Array, w3: Array, b3: Array, found: Array) -> None:
    """Fill in the output of rows, (n,).

    Args:
        features: float32 (all, inputs); rows: int64 (n,).
        w1, w2: from inputs to units, (inputs, UNITS) and (UNITS, UNITS); w3: (UNITS,); b1, b2, b3: offsets.
    """
    state = np.empty((6, UNITS), dtype=np.float32)
    for r in range(len(rows)):
        found[r] = _forward(features[rows[r]], w1, b1, w2, b2, w3, b3, state)


@njit(cache=True, nogil=True, fastmath=True)
def add_gradients(features: Array, rows: Array, before: Array, is_prompt: Array, constant: float, w1: Array, b1: Array, w2: Array, b2: Array, w3: Array,
                  b3: Array, g1: Array, h1: Array, g2: Array, h2: Array, g3: Array, h3: Array) -> None:
    """Add the gradients of the mean cross entropy of rows, with log(1 + exp(before + output)) + constant as its logarithm of odds."""
    state, slope = np.empty((6, UNITS), dtype=np.float32), np.empty((2, UNITS), dtype=np.float32)
    one = np.float32(1.0)
    for r in range(len(rows)):
        row = rows[r]
        x = features[row]
        ratio = np.float32(before[row] + _forward(x, w1, b1, w2, b2, w3, b3, state))
        risen = max(ratio, np.float32(0.0)) + np.log1p(np.exp(-abs(ratio)))
        g = np.float32((_sigmoid(np.float32(risen + constant)) - is_prompt[row]) * _sigmoid(ratio) / len(rows))
        h3[0] += g
        for j in range(UNITS):
            g3[j] += g * state[5, j]
            s = state[4, j]
            slope[1, j] = g * w3[j] * s * (one + state[3, j] * (one - s))
            h2[j] += slope[1, j]
        for i in range(UNITS):
            total, entered = np.float32(0.0), state[2, i]
            for j in range(UNITS):
                g2[i, j] += entered * slope[1, j]
                total += w2[i, j] * slope[1, j]
            s = state[1, i]
            slope[0, i] = total * s * (one + state[0, i] * (one - s))
            h1[i] += slope[0, i]
        for i in range(len(x)):
            for j in range(UNITS):
                g1[i, j] += x[i] * slope[0, j]


@njit(cache=True, nogil=True, fastmath=True, inline="always")
def _sigmoid(x: Any) -> Any:
    return np.float32(1.0) / (np.float32(1.0) + np.exp(-x))


@njit(cache=True, nogil=True, fastmath=True)
def _forward(x: Array, w1: Array, b1: Array, w2: Array, b2: Array, w3: Array, b3: Array, state: Array) -> Any:
    """Return the output; fill sums, their sigmoids and the units of both layers into the rows of `state`."""
    for j in range(UNITS):
        state[0, j], state[3, j] = b1[j], b2[j]
    for i in range(len(x)):
        for j in range(UNITS):
            state[0, j] += x[i] * w1[i, j]
    for j in range(UNITS):
        state[1, j] = _sigmoid(state[0, j])
        state[2, j] = state[0, j] * state[1, j]
    for i in range(UNITS):
        for j in range(UNITS):
            state[3, j] += state[2, i] * w2[i, j]
    total = b3[0]
    for j in range(UNITS):
        state[4, j] = _sigmoid(state[3, j])
        state[5, j] = state[3, j] * state[4, j]
        total += state[5, j] * w3[j]
    return total
