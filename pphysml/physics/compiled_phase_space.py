"""The decay of `phase_space`, compiled, one event at a time; random numbers in the same order.

Numba's cache does not notice changes of functions called from another file: after a change here,
remove `__pycache__` of the callers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .four_vectors import Floats


@njit(cache=True, nogil=True, inline="always")
def _momentum(parent: float, m1: float, m2: float) -> float:
    total, difference = m1 + m2, m1 - m2
    product = (parent - total) * (parent + total) * (parent - difference) * (parent + difference)
    return np.sqrt(max(product, 0.0)) / (2.0 * parent)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _draw_clusters(
    rng: Any, mass: float, below: Floats, clusters: Floats, momenta: Floats
) -> float:
    """Fill the clusters' masses and the momenta of their decays; return the weight."""
    k = len(below)
    free = mass - below.sum()
    for i in range(1, k - 1):
        u, j = rng.random(), i
        while j > 1 and clusters[j - 1] > u:
            clusters[j] = clusters[j - 1]
            j -= 1
        clusters[j] = u
    clusters[0], clusters[k - 1] = 0.0, 1.0
    weight, total = 1.0, 0.0
    for i in range(k):
        total += below[i]
        clusters[i] = clusters[i] * free + total
        if i > 0:
            momenta[i] = _momentum(clusters[i], clusters[i - 1], below[i])
            weight *= momenta[i]
    return weight


@njit(cache=True, nogil=True)
def decay_in_flight(
    rng: Any, p4: Floats, node: int, children: Any, masses: Floats, bound: float
) -> None:
    """Decay p4[node] into p4[children], four-momenta in the frame in which p4[node] is given.

    Each two-body decay, from all children down, splits off one and leaves a cluster; only what
    is split off is boosted (as `four_vectors.boost`), the cluster is the difference. At rest this
    is `phase_space.n_body_decay` event by event; in flight, up to rotations of rest frames.

    Args:
        p4: shape (nodes, 4), written at `children`.
        children: indices of the children, in the order in which masses are drawn.
        masses: shape (nodes,).
        bound: bound of the weight, product of momenta, by which events are accepted; 0: all are.
    """
    k = len(children)
    below, clusters, momenta = np.empty((3, k))
    for i in range(k):
        below[i] = masses[children[i]]
    weight = _draw_clusters(rng, masses[node], below, clusters, momenta)
    while bound > 0.0 and rng.random() * bound > weight:
        weight = _draw_clusters(rng, masses[node], below, clusters, momenta)
    x, y, z, e = p4[node]
    for i in range(k - 1, 0, -1):
        cos, phi = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
        across = momenta[i] * np.sqrt(1.0 - cos * cos)
        px, py, pz = across * np.cos(phi), across * np.sin(phi), momenta[i] * cos
        rest_e = np.sqrt(momenta[i] ** 2 + below[i] ** 2)
        boosted_e = (rest_e * e + px * x + py * y + pz * z) / clusters[i]
        along = (rest_e + boosted_e) / (e + clusters[i])
        child = children[i]
        p4[child, 0], p4[child, 1] = px + along * x, py + along * y
        p4[child, 2], p4[child, 3] = pz + along * z, boosted_e
        x, y, z, e = x - p4[child, 0], y - p4[child, 1], z - p4[child, 2], e - boosted_e
    first = children[0]
    p4[first, 0], p4[first, 1], p4[first, 2], p4[first, 3] = x, y, z, e
