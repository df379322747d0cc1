"""Which events have the same decay: the same tree up to the order of leaves and children, with leaves of the same masses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....io.hashing import mixed
from ....io.ragged import Array, Ragged
from .matrices import matrix_to_parent

MASS_STEPS = 100
"""Steps of a leaf's mass in a GeV; a photon's mass, the difference of two large numbers, stays below one."""


def tree_kinds(p4: Ragged, matrices: Ragged) -> NDArray[np.uint64]:
    """Return a number for each event, which those of the same decay share, (events,).

    A node's number follows from the sum of its children's, so that their order does not matter.

    Args:
        p4: of the leaves, (leaves, 4), GeV.
        matrices: valid ones, n * n values for n leaves; of a forest, all trees count.
    """
    n = p4.counts
    parent, level = matrix_to_parent(matrices, n)
    event = np.repeat(np.arange(len(n)), parent.counts)
    start = parent.offsets[event]
    leaf = np.arange(len(event)) - start < n[event]
    state = np.zeros(len(event), dtype=np.uint64)
    state[leaf] = _steps(p4.flat)
    kinds = np.zeros(len(n), dtype=np.uint64)
    for height in range(int(level.flat.max(initial=0)) + 1):
        nodes = np.flatnonzero(level.flat == height)
        number = mixed(mixed(state[nodes] + np.uint64(1)) + np.uint64(height))
        below = parent.flat[nodes] >= 0
        np.add.at(state, (start[nodes] + parent.flat[nodes])[below], number[below])
        np.add.at(kinds, event[nodes[~below]], number[~below])
    return kinds


def _steps(p4: Array) -> NDArray[np.uint64]:
    mass = np.sqrt(np.maximum(p4[:, 3] ** 2 - (p4[:, :3] ** 2).sum(1), 0.0))
    steps: NDArray[np.uint64] = np.rint(mass * MASS_STEPS).astype(np.uint64)
    return steps
