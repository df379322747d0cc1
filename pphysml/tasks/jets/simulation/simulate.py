"""Simulated jets, in blocks that depend on (configuration, seed, index) only."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from ....contract import Simulation
from ....io.ragged import Array, Columns
from ....physics.particle_masses import mass_of_number
from ..config.simulation import SimulationConfig
from .columns import columns_of, event_weights
from .hadron_kernel import Detector
from .hard_process import draw_origins
from .jets_kernel import Species, run_jets
from .shower_kernel import Coupling

Z_MASS = 91.19
"""Scale at which the strong coupling is given, GeV."""

FLAVOURS = 5
"""Quarks by which the coupling runs."""

SHARES = {211: 0.325, -211: 0.325, 22: 0.25, 130: 0.1}
"""Shares of constituents by their PDG numbers: charged pions, photons, and K_L for all neutral hadrons."""

CHARGES = {211: 1, -211: -1, 22: 0, 130: 0}


class JetsSimulation(Simulation):
    """Endless jets from a leading-logarithm shower of quarks, gluons and boosted resonances.

    Numbers of jets, jets and weights have random numbers of their own: with the same seed, data with and
    without weights hold the same jets.
    """

    def __init__(self, options: SimulationConfig, seed: int) -> None:
        self.options = options
        self.seed = seed
        self.coupling = running_coupling(options)
        self.detector = Detector(
            options.hadrons,
            options.kick,
            options.underlying,
            options.underlying_pt,
            options.resolution,
            options.energy_scale,
            options.min_pt,
            options.radius,
        )
        self.species = Species(
            np.cumsum([*SHARES.values()])[:-1],
            np.array([mass_of_number(number) for number in SHARES]),
            np.array([*CHARGES.values()], dtype=np.int32),
            np.array([*SHARES], dtype=np.int32),
        )

    def block(self, index: int, n: int) -> Columns:
        """Return `n` entries with their jets and, if the options say so, the constituents of those.

        Columns `jet_...` have one value per jet; `part_...` have one per constituent of any jet of the
        entry, and `part_jet` is the place of that jet. `jet_resonance_mass` is -1 where there is none,
        `event` counts from index * n.
        """
        numbers, jets, weights = map(default_rng, SeedSequence([self.seed, index]).spawn(3))
        mean = self.options.jets_per_entry
        counts = np.ones(n, dtype=np.int64) if mean is None else numbers.poisson(mean, n)
        columns = {
            "event": index * n + np.arange(n, dtype=np.int64),
            "weight": event_weights(weights, n, self.options),
        }
        return columns | self._jets(jets, counts)

    def _jets(self, rng: Generator, counts: Array) -> Columns:
        """Return the columns of jets and constituents, of entries with so many jets."""
        origins = draw_origins(rng, int(counts.sum()), self.options)
        momenta, kind, offsets = run_jets(
            rng, origins, self.coupling, self.detector, self.species, self.options.max_constituents
        )
        constituents = {"charge": self.species.charge[kind], "pdg": self.species.pdg[kind]} if self.options.constituents else None
        return columns_of(momenta, offsets, counts, origins.mass, self.options.radius, constituents)


def running_coupling(options: SimulationConfig) -> Coupling:
    """Return the coupling at one loop, 1 / alpha(k) = 1 / alpha(m_Z) + 2 b_0 ln(k / m_Z), b_0 = (33 - 2 n_f) / (12 pi)."""
    b0 = (33 - 2 * FLAVOURS) / (12 * np.pi)
    alpha = 1 / (1 / options.alpha_s + 2 * b0 * np.log(options.cutoff / Z_MASS))
    return Coupling(options.cutoff, alpha, 2 * b0 * alpha)
