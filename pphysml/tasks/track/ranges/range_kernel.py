"""Where a particle stops behind its last hit: a compiled posterior, one track after the other."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEP = 0.05
"""Distance of the residual ranges at which the mean energy loss is tabulated, mm."""

SPREAD = 0.02
"""Width of a bin of the logarithm of an energy loss over its mean."""

LOWEST = -2.5
"""Lowest such logarithm."""

LAST_HITS = 12
"""Hits that count, from the last one: those further up hold under a tenth of the information."""

IN_GAP, IN_NEXT, BEYOND = 32, 8, 16
"""Cells between the last hit and the next sensor, between that and the one after it, and beyond the next."""


@njit(cache=True, nogil=True, error_model="numpy")
def _add_log_likelihood(
    value: Floats, place: Floats, depth: float, loss: float, log_mean: Floats, row: NDArray[np.int16], log_density: NDArray[np.float32]
) -> None:
    """Add to `value` the logarithm of the density of one hit's energy loss if the particle stops at `place`."""
    top = log_density.shape[1] - 1.001
    for i in range(len(place)):
        residual = min((place[i] - depth) * (1.0 / STEP), len(log_mean) - 1.001)
        k = int(residual)
        mean = log_mean[k] + (residual - k) * (log_mean[k + 1] - log_mean[k])
        bin = min(max((loss - mean - LOWEST) * (1.0 / SPREAD), 0.0), top)
        j = int(bin)
        low, high = log_density[row[k], j], log_density[row[k], j + 1]
        value[i] += low + (bin - j) * (high - low)


@njit(cache=True, nogil=True, error_model="numpy")
def _log_integral(values: Floats, weights: Floats) -> float:
    """Return the logarithm of the sum of weights times exponentials."""
    top, total = values.max(), 0.0
    for i in range(len(values)):
        total += weights[i] * np.exp(values[i] - top)
    return np.log(total) + top  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, error_model="numpy")
def _cells(last: float, following: Floats, limit: float, missed: float, place: Floats, weight: Floats) -> None:
    """Fill centres and prior weights of the cells of one track, in the order of the constants above."""
    first, second = following[0] - last, following[1] - following[0]
    for i in range(IN_GAP):
        # Finer near a sensor, since the energy loss falls steeply there.
        place[i] = last + first * ((i + 0.5) / IN_GAP) ** 2
        weight[i] = first * (2 * i + 1) / IN_GAP**2
    for i in range(IN_NEXT):
        place[IN_GAP + i] = following[0] + second * (i + 0.5) / IN_NEXT
        weight[IN_GAP + i] = missed * second / IN_NEXT
    far = max(limit - following[0], 0.0)
    for i in range(BEYOND):
        place[IN_GAP + IN_NEXT + i] = following[0] + far * ((i + 0.5) / BEYOND) ** 2
        weight[IN_GAP + IN_NEXT + i] = far * (2 * i + 1) / BEYOND**2


@njit(cache=True, nogil=True, error_model="numpy")
def stop_posteriors(
    offsets: NDArray[np.int64], depth: Floats, loss: Floats, following: Floats, limit: Floats, missed: float,
    log_mean: Floats, row: NDArray[np.int16], log_density: NDArray[np.float32],
) -> Floats:
    """Return mean and width of the depth at which each particle stops, and how likely it does.

    A particle stops with equal prior density anywhere between its last hit and the next sensor, or,
    times `missed`, between that and the one after it.

    Args:
        offsets: int64 (T + 1,), of the tracks' hits.
        depth, loss: water-equivalent depth, mm, and logarithm of the energy loss of each listed hit,
            from the beam inwards; NaN for a loss that is not known.
        following: depth of the two sensors behind each track's last hit, (T, 2).
        limit: largest depth at which a particle can stop, (T,).
        missed: probability that a sensor does not see a particle.
        log_mean: logarithm of the mean energy loss at residual ranges 0, `STEP`, ...
        row: row of `log_density` at these ranges, int16.
        log_density: logarithm of the density of the loss over its mean, in bins of `SPREAD` from `LOWEST`.

    Returns:
        (T, 4): mean, standard deviation, and the logarithms of the integrals, over mm, of likelihood
        times prior: for a stop as above, and for any stop behind the next sensor.
    """
    tracks = len(offsets) - 1
    found = np.empty((tracks, 4))
    place, weight = np.empty(IN_GAP + IN_NEXT + BEYOND), np.empty(IN_GAP + IN_NEXT + BEYOND)
    value = np.empty(len(place))
    near = IN_GAP + IN_NEXT
    for t in range(tracks):
        end = offsets[t + 1]
        begin = max(offsets[t], end - LAST_HITS)
        _cells(depth[end - 1], following[t], limit[t], missed, place, weight)
        value[:] = 0.0
        for i in range(begin, end):
            if not np.isnan(loss[i]):
                _add_log_likelihood(value, place, depth[i], loss[i], log_mean, row, log_density)
        stop = _log_integral(value[:near], weight[:near])
        mean = square = 0.0
        for i in range(near):
            share = weight[i] * np.exp(value[i] - stop)
            mean += share * (place[i] - depth[end - 1])
            square += share * (place[i] - depth[end - 1]) ** 2
        found[t, 0] = depth[end - 1] + mean
        found[t, 1] = np.sqrt(max(square - mean**2, 0.0))
        found[t, 2] = stop
        found[t, 3] = _log_integral(value[near:], weight[near:]) if limit[t] > following[t, 0] else -np.inf
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def stop_cells(
    offsets: NDArray[np.int64], depth: Floats, loss: Floats, following: Floats, missed: float,
    log_mean: Floats, row: NDArray[np.int16], log_density: NDArray[np.float32],
) -> tuple[Floats, Floats]:
    """Return places at which each particle may stop, and the probability of each, (T, IN_GAP + IN_NEXT), of which `stop_posteriors` has the mean.

    Args: as there.
    """
    tracks, near = len(offsets) - 1, IN_GAP + IN_NEXT
    places, probabilities = np.empty((tracks, near)), np.empty((tracks, near))
    place, weight = np.empty(near + BEYOND), np.empty(near + BEYOND)
    value = np.empty(near)
    for t in range(tracks):
        end = offsets[t + 1]
        begin = max(offsets[t], end - LAST_HITS)
        _cells(depth[end - 1], following[t], 0.0, missed, place, weight)
        value[:] = 0.0
        for i in range(begin, end):
            if not np.isnan(loss[i]):
                _add_log_likelihood(value, place[:near], depth[i], loss[i], log_mean, row, log_density)
        share = weight[:near] * np.exp(value - value.max())
        places[t], probabilities[t] = place[:near], share / share.sum()
    return places, probabilities
