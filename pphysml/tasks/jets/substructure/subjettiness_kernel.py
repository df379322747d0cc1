"""N-subjettiness of a jet that was clustered by kT, compiled (J. Thaler, K. Van Tilburg, arXiv:1011.2268)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ....physics.four_vectors import Floats
from .clustering_kernel import Ints, Merging
from .coordinates_kernel import PHI, PT, RAPIDITY, squared_distance

MOST_AXES = 4


@njit(cache=True, nogil=True)
def fill_subjettiness(m: Merging, n: int, radius: float, taus: Floats) -> None:
    r"""Fill tau_1 to tau_4, with the exclusive kT subjets as axes.

    .. math:: \tau_N = \sum_k p_{T,k} \min(R_{1k}, ..., R_{Nk}) / (R_0 \sum_k p_{T,k})

    It is 0 of at most N constituents.

    Args:
        m: n constituents, merged by kT.
        radius: R_0.
        taus: (4,).
    """
    taus[:] = 0.0
    axes = np.empty(MOST_AXES, dtype=np.int64)
    axes[0] = 2 * n - 2
    for count in range(1, min(n - 1, MOST_AXES) + 1):
        if count > 1:
            _split_latest(m, axes, count - 1)
        taus[count - 1] = _subjettiness(m, n, axes[:count], radius)


@njit(cache=True, nogil=True)
def _split_latest(m: Merging, axes: Ints, count: int) -> None:
    """Put the children of the subjet that was merged last in its place, and at the end."""
    latest = int(np.argmax(axes[:count]))
    node = axes[latest]
    axes[latest], axes[count] = m.children[node, 0], m.children[node, 1]


@njit(cache=True, nogil=True)
def _subjettiness(m: Merging, n: int, axes: Ints, radius: float) -> float:
    total, scale = 0.0, 0.0
    for k in range(n):
        smallest = np.inf
        for axis in axes:
            smallest = min(
                smallest,
                squared_distance(
                    m.nodes[k, RAPIDITY],
                    m.nodes[k, PHI],
                    m.nodes[axis, RAPIDITY],
                    m.nodes[axis, PHI],
                ),
            )
        total += m.nodes[k, PT] * np.sqrt(smallest)
        scale += m.nodes[k, PT]
    return total / (radius * scale)
