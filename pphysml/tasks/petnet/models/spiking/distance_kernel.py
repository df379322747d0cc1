"""Compiled loops of distances between trains of spikes; formulas are in `distances`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lif_kernel import Events
from .row_kernel import add_product, copy

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def van_rossum(output: Events, target: Events, steps: int, channels: int, decay: float) -> Array:
    """Return sum_t r_t^2, float32 (B, C), from event to event: in between it is a geometric series."""
    samples = len(output.start) - 1
    total = np.zeros((samples, channels), dtype=np.float32)
    square = decay * decay
    for b in range(samples):
        residual, since, sums = np.zeros(channels), np.zeros(channels, dtype=np.int64), np.zeros(channels)
        i, j, end_i, end_j = output.start[b], target.start[b], output.start[b + 1], target.start[b + 1]
        while i < end_i or j < end_j:
            if j >= end_j or (i < end_i and output.time[i] <= target.time[j]):
                t, c, step = output.time[i], output.channel[i], output.value[i]
                i += 1
            else:
                t, c, step = target.time[j], target.channel[j], -target.value[j]
                j += 1
            n = t - since[c]
            sums[c] += residual[c] ** 2 * (1 - square**n) / (1 - square)
            residual[c] = residual[c] * decay**n + step
            since[c] = t
        total[b] = sums + residual**2 * (1 - square ** (steps - since)) / (1 - square)
    return total


@njit(cache=True, nogil=True)
def add_van_rossum_gradient(output: Events, target: Events, weight: Array, decay: np.float32, gradient: Array,
                            first: int) -> None:
    """Add weight[b] q_t with q_t = decay q_{t+1} + r_t to `gradient` (samples, T, C), sample `first` first."""
    samples, steps, channels = gradient.shape
    history = np.empty((steps, channels), dtype=np.float32)
    for b in range(first, first + samples):
        residual, q = np.zeros(channels, dtype=np.float32), np.zeros(channels, dtype=np.float32)
        i, j = output.start[b], target.start[b]
        for t in range(steps):
            _scale(residual, decay)
            i = _add_bin(residual, output, i, output.start[b + 1], t, np.float32(1))
            j = _add_bin(residual, target, j, target.start[b + 1], t, np.float32(-1))
            copy(history[t], residual)
        for t in range(steps - 1, -1, -1):
            _filter(q, decay, history[t])
            add_product(gradient[b - first, t], q, weight[b])


@njit(cache=True, nogil=True)
def chamfer(output: Events, target: Events, steps: int, channels: int, cap: float, tau: float) -> Array:
    """Return the chamfer distance, float32 (B, C)."""
    samples = len(output.start) - 1
    total = np.zeros((samples, channels), dtype=np.float32)
    far = np.exp(-cap / tau)
    for b in range(samples):
        near = _nearest(target, b, steps, channels, cap)
        for i in range(output.start[b], output.start[b + 1]):
            total[b, output.channel[i]] += output.value[i] * near[output.time[i], output.channel[i]]
        reached = _two_sided(output, output.value, b, steps, channels, np.float32(np.exp(-1 / tau)))
        for j in range(target.start[b], target.start[b + 1]):
            total[b, target.channel[j]] -= tau * np.log(far + reached[target.time[j], target.channel[j]])
    return total


@njit(cache=True, nogil=True)
def add_chamfer_gradient(output: Events, target: Events, weight: Array, cap: float, tau: float, gradient: Array,
                         first: int) -> None:
    """Add weight[b] dD/dS_t to `gradient` (samples, T, C), sample `first` first."""
    samples, steps, channels = gradient.shape
    decay, far = np.float32(np.exp(-1 / tau)), np.exp(-cap / tau)
    share = np.zeros(len(target.value), dtype=np.float32)
    for b in range(first, first + samples):
        reached = _two_sided(output, output.value, b, steps, channels, decay)
        for j in range(target.start[b], target.start[b + 1]):
            share[j] = -tau / (far + reached[target.time[j], target.channel[j]])
        near = _nearest(target, b, steps, channels, cap)
        pull = _two_sided(target, share, b, steps, channels, decay)
        for t in range(steps):
            add_product(gradient[b - first, t], near[t], weight[b])
            add_product(gradient[b - first, t], pull[t], weight[b])


@njit(cache=True, nogil=True)
def _nearest(events: Events, b: int, steps: int, channels: int, cap: float) -> Array:
    """Return the bins to the nearest event of each channel, at most `cap`, float32 (T, C)."""
    distance = np.full((steps, channels), np.float32(cap), dtype=np.float32)
    for i in range(events.start[b], events.start[b + 1]):
        distance[events.time[i], events.channel[i]] = 0
    for t in range(1, steps):
        _shorten(distance[t], distance[t - 1])
    for t in range(steps - 2, -1, -1):
        _shorten(distance[t], distance[t + 1])
    return distance


@njit(cache=True, nogil=True)
def _two_sided(events: Events, value: Array, b: int, steps: int, channels: int, decay: np.float32) -> Array:
    """Return sum over events of value * decay^|t - time| for each channel, float32 (T, C)."""
    total = np.zeros((steps, channels), dtype=np.float32)
    for i in range(events.start[b], events.start[b + 1]):
        total[events.time[i], events.channel[i]] = value[i]
    later = np.zeros(channels, dtype=np.float32)
    history = total.copy()
    for t in range(1, steps):
        _filter_from(total[t], decay, total[t - 1])
    for t in range(steps - 1, 0, -1):
        _filter(later, decay, history[t])
        _filter_from(total[t - 1], decay, later)
    return total


@njit(cache=True, nogil=True)
def _add_bin(row: Array, events: Events, i: int, end: int, t: int, sign: np.float32) -> int:
    while i < end and events.time[i] == t:
        row[events.channel[i]] += sign * events.value[i]
        i += 1
    return i


@njit(cache=True, nogil=True)
def _scale(row: Array, factor: np.float32) -> None:
    for c in range(len(row)):
        row[c] *= factor


@njit(cache=True, nogil=True)
def _filter(row: Array, decay: np.float32, more: Array) -> None:
    for c in range(len(row)):
        row[c] = decay * row[c] + more[c]


@njit(cache=True, nogil=True)
def _filter_from(row: Array, decay: np.float32, before: Array) -> None:
    for c in range(len(row)):
        row[c] += decay * before[c]


@njit(cache=True, nogil=True)
def _shorten(row: Array, beside: Array) -> None:
    for c in range(len(row)):
        row[c] = min(row[c], beside[c] + np.float32(1))
