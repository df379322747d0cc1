"""Fixed delays of crystals from time differences of pairs, most of which may be random.

A true pair has t_b - t_a = d_b - d_a but for time resolution and time of flight, taken as Gaussian with the
width sigma, and a random pair has any difference with equal probability. How many are true is another number for
each class of lines, since true ones pass the object. Delays are Gaussian about zero with the width tau, so that they
are as certain as their pairs make them, and vanish where there are none. All of this is fitted by expectation
maximisation (A. P. Dempster, N. M. Laird, D. B. Rubin, J. R. Stat. Soc. B 39 (1977) 1): each pair gets the probability w of being
true, with the variances of both delays added to sigma^2; the delays solve sum_b w_ab (d_a - d_b) / sigma^2 + d_a / tau^2
= sum w (t_a - t_b) / sigma^2 on the graph of crystals; and tau^2 is sum d^2 over the number of delays that the pairs
determine (D. J. C. MacKay, Neural Comput. 4 (1992) 415). It begins as wide as the reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array

Floats = NDArray[np.float64]

ITERATIONS = 100

PRECISE = 1e-3
"""Largest change of a delay over sigma, at which delays are known."""

LEAST_SHARE = 0.05
"""True pairs are taken to be this share at least, at first."""

DEVIATIONS = 6.0
"""Standard deviations beyond which a pair is random."""

FINEST = 1.0
"""Least sigma, ps: times are whole picoseconds."""

FEWEST = 3
"""True pairs without which a crystal's delay is not known."""


@dataclass(frozen=True)
class PairTimes:
    """Pairs of singles of different crystals.

    Attributes:
        a, b: crystals, int64 (P,).
        dt: time of b's single less that of a's, ps, float64 (P,); all pairs from 0 to twice `reach`.
        kind: class of the line, int64 (P,), from 0.
        reach: largest difference that a true pair may have, ps; what is beyond is random.
    """

    a: Array
    b: Array
    dt: Floats
    kind: Array
    reach: float

    def take(self, rows: Array) -> PairTimes:
        """Return some of them."""
        return PairTimes(self.a[rows], self.b[rows], self.dt[rows], self.kind[rows], self.reach)


@dataclass(frozen=True)
class Fit:
    """Delays of N crystals.

    Attributes:
        delay: ps, (N,); 0 where it is not known. In each set of crystals that pairs connect the mean is 0.
        error: standard deviation of each, ps, (N,).
        known: bool (N,); delays beyond the reach of the pairs are not.
        sigma: standard deviation of the time difference of true pairs, ps.
    """

    delay: Floats
    error: Floats
    known: NDArray[np.bool_]
    sigma: float


@dataclass(frozen=True)
class _State:
    """What is known after some iterations; variances in ps^2.

    Attributes:
        variance: of each delay; n_pairs: true pairs of each crystal, (N,).
        n_true: true pairs of each class, (K,).
    """

    delay: Floats
    variance: Floats
    n_pairs: Floats
    sigma2: float
    tau2: float
    n_true: Floats


def fit_delays(pairs: PairTimes, n: int) -> Fit:
    """Fit the delays of n crystals."""
    far = pairs.dt > pairs.reach
    n_classes = int(pairs.kind.max(initial=0)) + 1
    # By ps of the difference with its sign; one more, so that no class is without randoms.
    random = _counts(pairs.kind[far], np.ones(int(far.sum())), n_classes) + 1.0
    random /= 2.0 * pairs.reach
    near = pairs.take(np.flatnonzero(~far))
    state = _start(near, random, n)
    for _ in range(ITERATIONS if len(near.dt) else 0):
        before, state = state, _improved(state, near, random)
        sigma = np.sqrt(state.sigma2)
        if np.abs(state.delay - before.delay).max() < PRECISE * sigma and abs(before.sigma2 - state.sigma2) < PRECISE * state.sigma2:
            break
    # Slices leave room for the reach: within it no single leaves its own.
    known = (state.n_pairs >= FEWEST) & (np.abs(state.delay) <= pairs.reach)
    return Fit(np.where(known, state.delay, 0.0), np.sqrt(state.variance), known, float(np.sqrt(state.sigma2)))


def _start(near: PairTimes, random: Floats, n: int) -> _State:
    counts = np.bincount(near.kind, minlength=len(random))
    width2 = (near.reach / 3.0) ** 2
    n_true = np.maximum(counts - 2.0 * random * near.reach, LEAST_SHARE * (counts + 1.0))
    return _State(np.zeros(n), np.full(n, width2), np.zeros(n), width2, width2, n_true)


def _improved(state: _State, near: PairTimes, random: Floats) -> _State:
    """Return the state after one iteration."""
    every = near.dt - (state.delay[near.b] - state.delay[near.a])
    width2 = state.sigma2 + state.variance[near.a] + state.variance[near.b]
    inside = np.flatnonzero(every**2 < DEVIATIONS**2 * width2)
    pairs, weight = near.take(inside), _true(every[inside], width2[inside], state.n_true[near.kind[inside]], random[near.kind[inside]])
    delay, n_pairs = _solved(pairs, weight, state)
    variance = 1.0 / (n_pairs / state.sigma2 + 1.0 / state.tau2)
    residual = pairs.dt - (delay[pairs.b] - delay[pairs.a])
    square = weight @ (residual**2 + variance[pairs.a] + variance[pairs.b]) / max(weight.sum(), 1e-9)
    determined = float((1.0 - variance / state.tau2).sum())
    return _State(delay, variance, n_pairs, max(float(square), FINEST**2), max(float(delay @ delay) / max(determined, 1e-9), 1e-3 * FINEST**2),
                  _counts(pairs.kind, weight, len(random)))


def _counts(kind: Array, weight: Floats, n: int) -> Floats:
    return np.bincount(kind, weight, minlength=n).astype(np.float64)


def _true(residual: Floats, width2: Floats, n_true: Floats, random: Floats) -> Floats:
    """Return the probability that pairs are true."""
    peak = n_true * np.exp(-(residual**2) / (2.0 * width2)) / np.sqrt(2.0 * np.pi * width2)
    found: Floats = peak / (peak + random)
    return found


def _solved(pairs: PairTimes, weight: Floats, state: _State) -> tuple[Floats, Floats]:
    """Return the most probable delays, and how many true pairs each crystal has."""
    # Their import takes as long as a million singles.
    from scipy.sparse import coo_matrix, diags_array
    from scipy.sparse.linalg import cg

    n = len(state.delay)
    half = coo_matrix((weight, (pairs.a, pairs.b)), shape=(n, n)).tocsr()
    adjacency = half + half.T
    n_pairs = np.asarray(adjacency.sum(axis=1), dtype=np.float64).ravel()
    diagonal = n_pairs + state.sigma2 / state.tau2
    late = weight * pairs.dt
    right = np.bincount(pairs.b, late, minlength=n) - np.bincount(pairs.a, late, minlength=n)
    delay, _ = cg(diags_array(diagonal) - adjacency, right, x0=state.delay, rtol=1e-8, M=diags_array(1.0 / diagonal), maxiter=500)
    return delay, n_pairs
