"""Soft drop on a jet that was clustered by Cambridge/Aachen, compiled (A. Larkoski et al., arXiv:1402.2657)."""

from __future__ import annotations

from numba import njit

from ....physics.four_vectors import Floats
from .clustering_kernel import Merging
from .coordinates_kernel import PHI, PT, RAPIDITY, mass_of, squared_distance


@njit(cache=True, nogil=True)
def soft_drop_mass(m: Merging, n: int, z_cut: float, beta: float, radius: float) -> float:
    """Return the mass of what soft drop leaves of n constituents.

    From the last merging back, the softer of two branches is dropped until
    min(pt_1, pt_2) / (pt_1 + pt_2) > z_cut (R_12 / radius)^beta; a jet in which no merging fulfils it ends
    as one constituent, and has its mass.
    """
    node = 2 * n - 2
    while node >= n:
        hard, soft = m.children[node]
        if _passes(m.nodes[hard], m.nodes[soft], z_cut, beta, radius):
            break
        node = hard
    return mass_of(m.nodes[node])


@njit(cache=True, nogil=True)
def _passes(hard: Floats, soft: Floats, z_cut: float, beta: float, radius: float) -> bool:
    cut = z_cut
    if beta != 0.0:
        squared = squared_distance(hard[RAPIDITY], hard[PHI], soft[RAPIDITY], soft[PHI])
        cut *= (squared / radius**2) ** (0.5 * beta)
    return soft[PT] > cut * (hard[PT] + soft[PT])  # type: ignore[no-any-return]
