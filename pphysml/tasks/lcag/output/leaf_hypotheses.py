"""Which particles the leaves of decoded trees are taken for, and the masses of nodes that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from ....physics.four_vectors import mass
from ....physics.momentum_resolution import with_mass
from ....physics.particle_masses import mass_of_number
from .columns import node_momenta

COMPONENTS = ("node_px", "node_py", "node_pz", "node_e")


@dataclass(frozen=True)
class LeafHypotheses:
    """Hypotheses of the leaves of events.

    Attributes:
        ids: absolute PDG id of each leaf, 0 for none.
        candidates: particles among which 0 means none of them, int64; of others it means nothing.
        source: where they are from, in words.
    """

    ids: Ragged
    candidates: Array
    source: str

    def of_nodes(self, parent: Ragged) -> Array:
        """Return the id of every node, int64, 0 for those that are no leaves; `parent` may be empty."""
        nodes = np.zeros(len(parent.flat), dtype=np.int64)
        leaves, at = self._leaves(parent)
        nodes[at] = self.ids.flat[leaves]
        return nodes

    def masses(self, columns: Columns) -> Array:
        """Return the mass of every node if each leaf has the mass of its hypothesis, where it has one, GeV."""
        parent = ragged(columns, "parent")
        leaves, at = self._leaves(parent)
        p4 = np.zeros((len(self.ids.flat), 4))
        p4[leaves] = np.stack([ragged(columns, name).flat[at] for name in COMPONENTS], -1)
        numbers, which = np.unique(self.ids.flat, return_inverse=True)
        masses = np.array([mass_of_number(int(number)) if number else np.nan for number in numbers])[which]
        known = ~np.isnan(masses)
        p4[known] = with_mass(p4[known, :3], masses[known])
        found: Array = mass(node_momenta(p4, self.ids.offsets, parent.flat, parent.offsets))
        return found

    def _leaves(self, parent: Ragged) -> tuple[Array, Array]:
        """Return which leaves are in trees, and which nodes they are."""
        n = np.where(parent.counts > 0, self.ids.counts, 0)
        within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        return np.repeat(self.ids.offsets[:-1], n) + within, np.repeat(parent.offsets[:-1], n) + within
