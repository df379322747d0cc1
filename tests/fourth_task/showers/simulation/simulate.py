"""Showers of photons, which are narrow, and of pions, which are wide."""

from __future__ import annotations

import numpy as np

from pphysml.contract import Simulation
from pphysml.io.ragged import Columns, Ragged

CALIBRATION = 1.25


class ShowerSimulation(Simulation):
    """Poisson numbers of showers, exponential energies, Gaussian widths."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def block(self, index: int, n: int) -> Columns:
        """Return `n` events in the layout `calibrated`, with the measured energies too."""
        random = np.random.default_rng([self.seed, index])
        counts = random.poisson(1.5, n)
        kind = random.integers(0, 2, counts.sum()).astype(np.int32)
        energy, width = random.exponential(2.0, len(kind)), (1 + 2 * kind + 0.3 * random.standard_normal(len(kind))).clip(0.01)
        number = index * n + np.arange(n, dtype=np.int64)

        def of_event(values: np.ndarray) -> Ragged:
            return Ragged.from_counts(values, counts)

        return {"event": number, "spill": number // 10, "trigger": (number % 10).astype(np.int32), "importance": 1.0 + number % 3,
                "energy": of_event(CALIBRATION * energy), "width": of_event(width.astype(np.float32)), "kind": of_event(kind),
                "energy_calibrated": of_event(CALIBRATION * energy)}
