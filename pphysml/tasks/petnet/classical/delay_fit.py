"""Fixed delays of crystals from time differences of pairs, most of which may be random.

A pair of photons of one annihilation has t_b - t_a = d_b - d_a but for the resolution and the time of
flight, which are as often positive as negative, and a random pair has any difference with equal
probability. So the mean difference of the pairs of two crystals in a window about the true value is
that value, and, in one about another value, lies towards it by the share of the true pairs. The delays
solve sum_b n_ab (d_b - d_a) = sum (t_b - t_a), least squares on the graph of crystals, again and again
with residuals and a shrinking window. Delays are taken to be normal about zero, with a width that is as
wide as what is found, so that a crystal with few pairs is not thrown about by randoms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csgraph, csr_matrix, diags_array
from scipy.sparse.linalg import cg

from ....io.ragged import Array

Floats = NDArray[np.float64]

ITERATIONS = 100

SHRINK = 0.75
"""Width of a window over that of the one before, at least."""

DEVIATIONS = 3.0
"""Half the last window over the standard deviation of the time difference of true pairs."""

LEAST_SHARE = 0.05
"""True pairs are taken to be this share at least; steps are enlarged by its inverse."""

FINEST = 1.0
"""Half the narrowest window, ps: times are whole picoseconds."""

FEWEST = 3
"""True pairs without which a crystal's delay is not known."""


@dataclass(frozen=True)
class PairTimes:
    """Pairs of singles of different crystals.

    Attributes:
        a, b: crystals, int64 (P,).
        dt: time of b's single less that of a's, ps, float64 (P,); all pairs from 0 to twice `reach`.
        reach: largest difference that a true pair may have, ps; what is beyond is random.
    """

    a: Array
    b: Array
    dt: Floats
    reach: float


@dataclass(frozen=True)
class Fit:
    """Delays of N crystals.

    Attributes:
        delay: ps, (N,); 0 where it is not known. In each set of crystals that pairs connect the mean is 0.
        known: bool (N,).
        sigma: standard deviation of the time difference of true pairs, ps.
        true_fraction: share of true pairs in the last window.
        window: half the width of that window, ps.
    """

    delay: Floats
    known: NDArray[np.bool_]
    sigma: float
    true_fraction: float
    window: float


def fit_delays(pairs: PairTimes, n: int) -> Fit:
    """Fit the delays of n crystals."""
    if not n:
        return Fit(np.zeros(0), np.zeros(0, dtype=bool), 0.0, 0.0, pairs.reach)
    random = float((pairs.dt > pairs.reach).sum()) / pairs.reach
    delay, window, width = np.zeros(n), pairs.reach, pairs.reach / 3.0
    for _ in range(ITERATIONS):
        residual, inside = _residuals(pairs, delay, window)
        share, sigma = _spread(residual[inside], window, random)
        a, b = pairs.a[inside], pairs.b[inside]
        step = _step(a, b, residual[inside], delay, share, width)
        delay = _centred(delay + step, a, b)
        seen = np.bincount(np.append(a, b), minlength=n) > 0
        width = max(float(delay[seen].std()) if seen.any() else 0.0, sigma, FINEST)
        narrower = max(SHRINK * window, DEVIATIONS * sigma, FINEST)
        if narrower >= 0.98 * window and np.abs(step).max(initial=0.0) < 1e-3 * window:
            break
        window = min(narrower, window)
    residual, inside = _residuals(pairs, delay, window)
    share, sigma = _spread(residual[inside], window, random)
    return _checked(pairs.a[inside], pairs.b[inside], delay, share, sigma, window)


def _residuals(pairs: PairTimes, delay: Floats, window: float) -> tuple[Floats, Array]:
    residual = pairs.dt - (delay[pairs.b] - delay[pairs.a])
    return residual, np.abs(residual) <= window


def _spread(residual: Floats, window: float, random: float) -> tuple[float, float]:
    """Return the share of true pairs and their standard deviation; randoms are spread evenly.

    Args:
        random: random pairs per ps of the absolute time difference.
    """
    n = max(len(residual), 1)
    share = float(np.clip(1.0 - random * window / n, LEAST_SHARE, 1.0))
    square = float((residual**2).sum() - (1.0 - share) * n * window**2 / 3.0) / (share * n)
    return share, float(np.sqrt(max(square, 0.0)))


def _step(a: Array, b: Array, residual: Floats, delay: Floats, share: float, width: float) -> Floats:
    """Return the most probable change of the delays.

    Residuals of all pairs have the mean share * (change_b - change_a); the delays have a normal prior.
    """
    n = len(delay)
    adjacency = _adjacency(a, b, n)
    degree = np.asarray(adjacency.sum(axis=1), dtype=np.float64).ravel()
    # Crystals without pairs keep their delay of 0 by a prior that is never nothing.
    prior = max(float((residual**2).mean()) / (share * width**2), 1e-9) if len(residual) else 1.0
    right = np.bincount(b, residual, minlength=n) - np.bincount(a, residual, minlength=n) - prior * delay
    diagonal = share * degree + prior
    solution, _ = cg(diags_array(diagonal) - share * adjacency, right, rtol=1e-8, M=diags_array(1.0 / diagonal), maxiter=500)
    found: Floats = solution
    return found


def _adjacency(a: Array, b: Array, n: int) -> csr_matrix:
    """Return how many pairs two crystals have, symmetric."""
    one = coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n)).tocsr()
    return one + one.T


def _centred(delay: Floats, a: Array, b: Array) -> Floats:
    """Return delays of mean zero in each set of connected crystals."""
    n = len(delay)
    _, part = csgraph.connected_components(coo_matrix((np.ones(len(a), dtype=bool), (a, b)), shape=(n, n)), directed=False)
    mean = np.bincount(part, delay) / np.bincount(part)
    centred: Floats = delay - mean[part]
    return centred


def _checked(a: Array, b: Array, delay: Floats, share: float, sigma: float, window: float) -> Fit:
    """Leave out the crystals with too few pairs."""
    n = len(delay)
    degree = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    known = degree * share >= FEWEST
    return Fit(np.where(known, delay, 0.0), known, sigma, share, window)
