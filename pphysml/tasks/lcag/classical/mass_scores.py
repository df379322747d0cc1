"""How much better a set of leaves fits a known mass than an accidental combination does.

For a set S with invariant mass m and resolution s, the score is the log-likelihood ratio

    log [(1 - q) max_k N(m; M_k, s) T / K + q] + c

q the probability of an outlier (a wrong hypothesis of a leaf, say), c a constant for each node, both 0
at first, N the normal density, M_k the K known masses, and 1/T the density of accidental masses: T is the
root's mass less all leaves' masses, the width of the allowed range of every S. A look-elsewhere
term, log binomial(n, |S|), was tried and made fewer trees perfect: sets compete in the decoder.

With E_i recomputed from p_i, m dm/dp_i = E p_i/E_i - P.p_i/|p_i|, so that a relative resolution w
of all |p_i| gives s^2 = w^2 v G v / m^2 + floor^2 with v = (P, E) and G the sum over leaves of
g g, g = (-p_i, p_i^2/E_i): what is needed adds up over the leaves.

In events of several trees a whole tree S scores as above with the mass of the decaying particle and,
if these are at rest, with the log-likelihood ratio of its momentum P: a Gaussian about zero, of
covariance w^2 sum p_i p_i (the upper left block of G) + floor^2, against one of width T for
accidental sets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array

LOG_2PI = math.log(2.0 * math.pi)
TINY = 1e-9


class MassOptions(NamedTuple):
    """Numbers that are tuned.

    Attributes:
        width: relative resolution of a leaf's momentum.
        floor: smallest resolution of a mass, GeV.
        outliers: q.
        node: c.
    """

    width: float
    floor: float
    outliers: float = 0.0
    node: float = 0.0


@njit(cache=True, nogil=True)
def leaf_terms(p4: Array, total: Array) -> None:
    """Set total (20,) to the four-momentum (px, py, pz, e) of one leaf and its 4 x 4 matrix G."""
    total[:4] = p4
    p_squared = p4[0] ** 2 + p4[1] ** 2 + p4[2] ** 2
    for i in range(4):
        for j in range(4):
            a = -p4[i] if i < 3 else p_squared / max(p4[3], TINY)
            b = -p4[j] if j < 3 else p_squared / max(p4[3], TINY)
            total[4 + 4 * i + j] = a * b


@njit(cache=True, nogil=True)
def mass_and_resolution(total: Array, width: float, floor: float) -> tuple[float, float]:
    """Return invariant mass and its resolution from the summed terms of a set of leaves."""
    square = total[3] ** 2 - total[0] ** 2 - total[1] ** 2 - total[2] ** 2
    mass = math.sqrt(max(square, TINY))
    variance = 0.0
    for i in range(4):
        for j in range(4):
            variance += total[i] * total[4 + 4 * i + j] * total[j]
    return mass, math.sqrt(max(variance, 0.0) * (width / mass) ** 2 + floor**2)


@njit(cache=True, nogil=True)
def mass_score(total: Array, known: Array, available: float, options: MassOptions) -> float:
    """Return the score of a set of leaves from its summed terms.

    Args:
        known: masses, (K,).
        available: T.
    """
    mass, resolution = mass_and_resolution(total, options.width, options.floor)
    nearest = np.inf
    for k in range(len(known)):
        nearest = min(nearest, abs(mass - known[k]))
    density = -0.5 * (nearest / resolution) ** 2 - math.log(resolution) - 0.5 * LOG_2PI
    ratio = density + math.log(max(available, TINY)) - math.log(len(known))
    if options.outliers > 0.0:
        ratio = np.logaddexp(ratio + math.log(1.0 - options.outliers), math.log(options.outliers))
    return float(ratio + options.node)


@njit(cache=True, nogil=True)
def rest_score(total: Array, available: float, options: MassOptions) -> float:
    """Return how much better a set's momentum fits a particle at rest than an accidental set's does."""
    c = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            c[i, j] = options.width**2 * total[4 + 4 * i + j] + (options.floor**2 if i == j else 0.0)
    cofactor = np.empty(3)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        cofactor[i] = c[1, j] * c[2, k] - c[1, k] * c[2, j]
    determinant = max(c[0, 0] * cofactor[0] + c[0, 1] * cofactor[1] + c[0, 2] * cofactor[2], TINY**3)
    squared = total[0] ** 2 + total[1] ** 2 + total[2] ** 2
    chi_squared = 0.0
    for i in range(3):
        for j in range(3):
            # The inverse of a symmetric 3 x 3 matrix: its cofactors over its determinant.
            a, b, p, q = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
            chi_squared += total[i] * total[j] * (c[a, p] * c[b, q] - c[a, q] * c[b, p]) / determinant
    spread = max(available, 1.0)
    ratio = -0.5 * chi_squared - 0.5 * math.log(determinant) + 0.5 * squared / spread**2 + 3.0 * math.log(spread)
    if options.outliers > 0.0:
        ratio = np.logaddexp(ratio + math.log(1.0 - options.outliers), math.log(options.outliers))
    return float(ratio)


@njit(cache=True, nogil=True)
def available_energy(p4: Array, root_mass: float) -> float:
    """Return the root's mass less the leaves' masses, of p4 (n, 4)."""
    left = root_mass
    for i in range(len(p4)):
        left -= math.sqrt(max(p4[i, 3] ** 2 - p4[i, 0] ** 2 - p4[i, 1] ** 2 - p4[i, 2] ** 2, 0.0))
    return left


@njit(cache=True, nogil=True)
def score_subsets(
    p4: Array, known: Array, root: Array, options: MassOptions, at_rest: bool, scores: Array, trees: Array
) -> None:
    """Fill the scores of all sets of two or more leaves; the others are left as they are.

    Args:
        p4: (B, n, 4), GeV.
        known: masses of intermediate nodes, (K,).
        root: mass of the decaying particles, (1,).
        at_rest: whether these are at rest.
        scores: of nodes, (B, 2**n); the set of all leaves is compared with the root alone.
        trees: what a whole tree adds to its node's score, (B, 2**n); (B, 0) if every event is one tree.
    """
    events, n = p4.shape[:2]
    forest = trees.shape[1] > 0
    total = np.zeros((1 << n, 20))
    for event in range(events):
        available = available_energy(p4[event], root[0])
        for s in range(1, 1 << n):
            low = 0
            while not (s >> low) & 1:
                low += 1
            if s & (s - 1) == 0:
                leaf_terms(p4[event, low], total[s])
            else:
                total[s] = total[s & (s - 1)] + total[1 << low]
                masses = root if not forest and s == (1 << n) - 1 else known
                scores[event, s] = mass_score(total[s], masses, available, options)
            if forest:
                trees[event, s] = mass_score(total[s], root, available, options) - scores[event, s]
                if at_rest:
                    trees[event, s] += rest_score(total[s], available, options)
