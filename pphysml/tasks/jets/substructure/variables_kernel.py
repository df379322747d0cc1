"""All variables of all jets, jet by jet, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from ....io.ragged import Array
from ....physics.four_vectors import Floats
from .clustering_kernel import Ints, Merging, cluster, find_neighbours, room_for
from .coordinates_kernel import (
    ENERGY,
    MOMENTUM_COLUMNS,
    PHI,
    PT,
    PX,
    PY,
    PZ,
    RAPIDITY,
    fill_coordinates,
    mass_of,
    squared_distance,
)
from .correlators_kernel import fill_correlators
from .grooming_kernel import soft_drop_mass
from .subjettiness_kernel import fill_subjettiness

COLUMNS = (
    "pt",
    "eta",
    "phi",
    "mass",
    "softdrop_mass",
    "tau1",
    "tau2",
    "tau3",
    "tau4",
    "c2",
    "d2",
    "n2",
    "nconstituents",
    "ptd",
    "width",
)
"""What `fill_variables` fills, in this order."""

_MASS, _SOFT_DROP, _TAU, _RATIO, _SHAPE = 3, 4, 5, 9, 12


@njit(cache=True, nogil=True)
def fill_variables(
    px: Array,
    py: Array,
    pz: Array,
    energy: Array,
    offsets: Ints,
    radius: float,
    z_cut: float,
    beta: float,
    values: Floats,
) -> None:
    """Fill the variables of each jet, (jets, columns); see `variables.jet_variables`."""
    most = 1
    for jet in range(len(offsets) - 1):
        most = max(most, offsets[jet + 1] - offsets[jet])
    m = room_for(most)
    z, distances = np.empty(most), np.empty((most, most))
    values[:] = 0.0
    for jet in range(len(offsets) - 1):
        n = _take(m, px, py, pz, energy, offsets[jet], offsets[jet + 1])
        row = values[jet]
        _fill_jet(m, n, row)
        row[_SHAPE] = offsets[jet + 1] - offsets[jet]
        if n > 0:
            fill_correlators(m.nodes, n, z, distances, row[_RATIO : _RATIO + 3])
            find_neighbours(m.nodes, n, m.nearest, m.squared)
            cluster(m, n, True)
            fill_subjettiness(m, n, radius, row[_TAU : _TAU + 4])
            cluster(m, n, False)
            row[_SOFT_DROP] = soft_drop_mass(m, n, z_cut, beta, radius)


@njit(cache=True, nogil=True)
def _take(m: Merging, px: Array, py: Array, pz: Array, energy: Array, start: int, stop: int) -> int:
    """Write the constituents of a jet into the nodes; return their number, without those along the beam."""
    n = 0
    for k in range(start, stop):
        row = m.nodes[n]
        row[PX], row[PY], row[PZ], row[ENERGY] = px[k], py[k], pz[k], energy[k]
        fill_coordinates(row)
        if row[PT] > 0.0:
            n += 1
    return n


@njit(cache=True, nogil=True)
def _fill_jet(m: Merging, n: int, row: Floats) -> None:
    """Fill what is computed from the constituents and their sum alone."""
    jet = np.zeros(MOMENTUM_COLUMNS)
    squares, total = 0.0, 0.0
    for k in range(n):
        for column in range(PX, ENERGY + 1):
            jet[column] += m.nodes[k, column]
        squares += m.nodes[k, PT] ** 2
        total += m.nodes[k, PT]
    fill_coordinates(jet)
    row[0], row[2], row[_MASS] = jet[PT], jet[PHI], mass_of(jet)
    row[1] = np.arcsinh(jet[PZ] / jet[PT]) if jet[PT] > 0.0 else 0.0
    spread = 0.0
    for k in range(n):
        spread += m.nodes[k, PT] * np.sqrt(
            squared_distance(m.nodes[k, RAPIDITY], m.nodes[k, PHI], jet[RAPIDITY], jet[PHI])
        )
    if total > 0.0:
        row[_SHAPE + 1], row[_SHAPE + 2] = np.sqrt(squares) / total, spread / total
