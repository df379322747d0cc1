"""Ratios of energy correlation functions of a jet, with beta = 1, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from ....physics.four_vectors import Floats
from .coordinates_kernel import PHI, PT, RAPIDITY, squared_distance


@njit(cache=True, nogil=True)
def fill_correlators(nodes: Floats, n: int, z: Floats, distances: Floats, ratios: Floats) -> None:
    r"""Fill C_2, D_2 and N_2 of the first n nodes; they are 0 where they have the form 0 / 0.

    With z_i = pt_i / sum pt and distances R_ij in rapidity and azimuth,

    .. math::
        e_2 = \sum_{i<j} z_i z_j R_{ij}, \quad e_3 = \sum_{i<j<k} z_i z_j z_k R_{ij} R_{ik} R_{jk},

        g_3 = \sum_{i<j<k} z_i z_j z_k \min(R_{ij} R_{ik}, R_{ij} R_{jk}, R_{ik} R_{jk}),

    C_2 = e_3 / e_2^2 (A. Larkoski et al., arXiv:1305.0007), D_2 = e_3 / e_2^3 (A. Larkoski et al.,
    arXiv:1409.6298) and N_2 = g_3 / e_2^2 (I. Moult et al., arXiv:1609.07483).

    Args:
        z, distances: room for (n,) and (n, n).
        ratios: (3,).
    """
    _fill_distances(nodes, n, z, distances)
    e2, e3, g3 = 0.0, 0.0, 0.0
    for i in range(n):
        for j in range(i + 1, n):
            pair = distances[i, j]
            products, smallest = _triplets(
                pair, z[j + 1 : n], distances[i, j + 1 : n], distances[j, j + 1 : n]
            )
            weight = z[i] * z[j]
            e2 += weight * pair
            e3 += weight * pair * products
            g3 += weight * smallest
    ratios[:] = 0.0
    if e2 > 0.0:
        ratios[0], ratios[1], ratios[2] = e3 / e2**2, e3 / e2**3, g3 / e2**2


@njit(cache=True, nogil=True)
def _fill_distances(nodes: Floats, n: int, z: Floats, distances: Floats) -> None:
    total = 0.0
    for i in range(n):
        z[i] = nodes[i, PT]
        total += z[i]
        for j in range(i + 1, n):
            distances[i, j] = np.sqrt(
                squared_distance(
                    nodes[i, RAPIDITY], nodes[i, PHI], nodes[j, RAPIDITY], nodes[j, PHI]
                )
            )
    for i in range(n):
        z[i] /= total


# The sums may be taken in any order, so that several terms are computed at once.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"})
def _triplets(pair: float, z: Floats, first: Floats, second: Floats) -> tuple[float, float]:
    """Return the sums over k of z_k R_ik R_jk, and of z_k times the smallest product of two distances."""
    products, smallest = 0.0, 0.0
    for k in range(len(z)):
        product = first[k] * second[k]
        products += z[k] * product
        smallest += z[k] * min(pair * min(first[k], second[k]), product)
    return products, smallest
