"""Simulated decays in blocks that depend on (seed, index) only."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from ....contract import Simulation
from ....errors import ConfigError
from ....io.ragged import Array, Columns, Ragged
from ....physics.four_vectors import Floats, boost
from ....physics.momentum_resolution import draw_hypotheses, smear_momentum, with_mass
from ..config import LcagConfig
from ..config.simulation import SimulationConfig
from .decay_kernel import fill_events, offsets, tabulate
from .lost_leaves import drop_leaves
from .several_decays import mix
from .topologies import known_topologies, unknown_topologies


class LcagSimulation(Simulation):
    """Endless decays of the configured topologies, seen by an ideal or a simple detector.

    Phase space, detector, losses and background have random numbers of their own: with the same
    seed, events with and without smearing are the same decays.
    """

    def __init__(self, config: LcagConfig | SimulationConfig, seed: int) -> None:
        self.options = config.simulation if isinstance(config, LcagConfig) else config
        self.seed = seed
        self.topologies = (known_topologies(self.options) if self.options.topologies == "known"
                           else unknown_topologies(self.options))
        self._tables = tabulate(self.topologies, self.options.unweight)
        if self.options.wrong_hypothesis > 0 and len(set(self.options.leaf_masses)) < 2:
            raise ConfigError("simulation.wrong_hypothesis needs two different leaf_masses.")

    def block(self, index: int, n: int) -> Columns:
        """Return `n` events as columns of the layout `leaves`.

        Event numbers are index * n + 0...n-1, and over blocks of one size these go through the
        topologies in turn, so that each has equally many events; inside a block they are mixed.
        """
        seeds = SeedSequence([self.seed, index])
        decays, momenta, hypotheses, losses, roots, mixture = map(default_rng, seeds.spawn(6))
        event = index * n + np.arange(n, dtype=np.int64)
        trees = self.options.trees_per_event
        decay = index * n * trees + np.arange(n * trees)
        topology = decays.permutation(decay % len(self.topologies)).astype(np.int32)
        leaf_at, p4, masses, parent, lcag = self._decay(topology, decays)
        if self.options.root_momentum > 0:
            p4 = self._boost(p4, leaf_at, roots)
        p4 = self._measure(p4, masses, momenta, hypotheses)
        if self.options.leaf_pdg:
            p4 = np.concatenate([p4, self._pdg_ids(masses)[:, None]], 1)
        if self.options.lost_leaves > 0:
            seen = losses.random(len(p4)) >= self.options.lost_leaves
            parent, lcag, n_seen = drop_leaves(parent, leaf_at, seen)
            p4, leaf_at = p4[seen], offsets(n_seen)
        columns: Columns = {"run": np.zeros(n, dtype=np.int64), "event": event}
        if not self.options.makes_forests:
            return columns | _momenta(Ragged(p4, leaf_at)) | {"parent": parent, "lcag": lcag, "topology": topology}
        mixed = mix(p4, leaf_at, parent, lcag, trees, self.options.background_leaves, mixture)
        columns |= _momenta(mixed.pop("p4")) | mixed
        if trees == 1:
            columns["topology"] = topology
        return columns

    def _pdg_ids(self, masses: Floats) -> Floats:
        """Return the PDG id that stands for each leaf's true mass."""
        order = np.argsort(self.options.leaf_masses)
        ids: Floats = np.array(self.options.leaf_pdg, dtype=np.float64)[order]
        return ids[np.searchsorted(np.array(self.options.leaf_masses)[order], masses)]

    def _boost(self, p4: Floats, leaf_at: NDArray[np.int64], rng: Generator) -> Floats:
        """Give each decaying particle a momentum; the leaves follow."""
        p3 = rng.normal(0, self.options.root_momentum, (len(leaf_at) - 1, 3))
        return boost(p4, np.repeat(with_mass(p3, self.options.root_mass), np.diff(leaf_at), 0))

    def _decay(
        self, topology: NDArray[np.int32], rng: Generator
    ) -> tuple[NDArray[np.int64], Floats, Floats, Ragged, Ragged]:
        n_leaves = self._tables.n_leaves[topology]
        leaf_at, pair_at = offsets(n_leaves), offsets(n_leaves**2)
        node_at = offsets(self._tables.n_nodes[topology])
        p4, masses = np.empty((leaf_at[-1], 4)), np.empty(leaf_at[-1])
        parent = np.empty(node_at[-1], dtype=np.int32)
        lcag = np.empty(pair_at[-1], dtype=np.uint8)
        fill_events(rng, self._tables, topology, self.options.shuffle_leaves,
                    leaf_at, node_at, pair_at, p4, masses, parent, lcag)
        return leaf_at, p4, masses, Ragged(parent, node_at), Ragged(lcag, pair_at)

    def _measure(
        self, p4: Floats, masses: Floats, momenta: Generator, hypotheses: Generator
    ) -> Floats:
        smearing, wrong = self.options.smearing, self.options.wrong_hypothesis
        if smearing == 0 and wrong == 0:
            return p4
        p3 = p4[:, :3]
        if smearing > 0:
            p3 = smear_momentum(p3, smearing, momenta)
        if wrong > 0:
            candidates = np.unique(self.options.leaf_masses)
            masses = draw_hypotheses(masses, candidates, wrong, hypotheses)
        return with_mass(p3, masses)


def _momenta(p4: Array | Ragged) -> Columns:
    """Return the columns of leaves, from px, py, pz, e, and the PDG id if there is a fifth."""
    assert isinstance(p4, Ragged)
    columns: Columns = {name: Ragged(np.ascontiguousarray(p4.flat[:, i]), p4.offsets)
                        for i, name in enumerate(("px", "py", "pz", "e"))}
    if p4.flat.shape[1] > 4:
        columns["leaf_pdg"] = Ragged(p4.flat[:, 4].astype(np.int32), p4.offsets)
    return columns
