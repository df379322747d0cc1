"""Jets of Pythia 8, in blocks that depend on (configuration, seed, index) only; each resonance mass of a block has a Pythia of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from ....contract import Simulation
from ....io.ragged import Array, Columns, concatenate, take
from ..config.simulation import SimulationConfig
from .columns import columns_of, event_weights
from .hard_process import masses
from .pythia_events import started
from .pythia_jets import Clustered, clustered

EVENTS = 250
"""Made at a time."""

SEEDS = 900_000_000
"""Pythia has so many."""


class PythiaSimulation(Simulation):
    """Endless events of Pythia with at least one jet; of one with a resonance, the jet of that is kept alone."""

    at_a_time = 2000

    def __init__(self, options: SimulationConfig, seed: int) -> None:
        self.options = options
        self.seed = seed

    def block(self, index: int, n: int) -> Columns:
        """Return `n` events as `JetsSimulation.block` does; `run` is the seed, so that parts of a sample can lie together."""
        kinds, weights, *others = SeedSequence([self.seed, index]).spawn(3 + len(self.options.resonance_masses))
        kind, which = default_rng(kinds).random((n, 2)).T
        mass = masses(kind, which, self.options)
        parts, places = [], []
        for seed, one in zip(others, (-1.0, *self.options.resonance_masses), strict=True):
            own = np.flatnonzero(mass == one)
            if len(own):
                parts.append(self._events(one, len(own), default_rng(seed)))
                places.append(own)
        events = take(concatenate(parts), np.argsort(np.concatenate(places)))
        return {"run": np.full(n, self.seed, np.int64), "event": index * n + np.arange(n, dtype=np.int64),
                "weight": event_weights(default_rng(weights), n, self.options), **events}

    def _events(self, mass: float, n: int, rng: Generator) -> Columns:
        """Return columns of `n` events of one process."""
        pythia = started(self.options, mass, int(rng.integers(1, SEEDS + 1)))
        parts: list[Columns] = []
        left = n
        while left > 0:
            jets = clustered(pythia.nextBatch(EVENTS), mass, self.options, rng)
            parts.append(self._columns(jets, mass, pythia))
            left -= len(jets.counts)
        return take(concatenate(parts), np.arange(n))

    def _columns(self, jets: Clustered, mass: float, pythia: Any) -> Columns:
        constituents = {"charge": _charges(jets.pdg, pythia), "pdg": jets.pdg.astype(np.int32)} if self.options.constituents else None
        masses_of_jets = np.full(len(jets.offsets) - 1, mass)
        return columns_of(jets.momenta, jets.offsets, jets.counts, masses_of_jets, self.options.radius, constituents)


def _charges(pdg: Array, pythia: Any) -> Array:
    numbers, which = np.unique(pdg, return_inverse=True)
    charges: Array = np.array([round(pythia.particleData.charge(int(number))) for number in numbers], np.int32)[which]
    return charges
