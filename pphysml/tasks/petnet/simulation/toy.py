"""The toy data of arXiv:2504.06730 as singles."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng

from ....errors import ConfigError
from ....io.ragged import Columns
from ....physics.klein_nishina import ELECTRON_MASS
from ..config.simulation import ToyConfig
from ..scanner.blocks import Indices
from ..scanner.scanner import load_scanner
from .photon_kernel import Floats
from .toy_ids import MODULE, MODULE_RINGS, toy_ids

NS = 1e-9


class ToySimulation:
    """Endless samples of decays in whole bins of time, `run` by `run`.

    A decay has two photons in opposite crystals, each detected or not, at the decay's bin less the
    fixed delay of its crystal. There is no energy (all have 511 keV), no scatter, no source (all are
    written at the centre) and no geometry beside the opposite side. Samples are as far apart as they are long, so that no pair has one single in each.

    Attributes:
        crystal: whose number each crystal has, by their linear indices, int64 (C,).
        delays: of each crystal by its linear index, in bins, int64 (C,).
        duration: bins from one sample's start to that of the next.

    Raises:
        ConfigError: a scanner that is not made of the toy's modules, or too small for the spread.
    """

    def __init__(self, options: ToyConfig, seed: int) -> None:
        self.options = options
        self.seed = seed
        self.scanner = load_scanner(options.scanner)
        rings, around = self.scanner.n_rings, self.scanner.crystals_per_ring
        if self.scanner.layers > 1 or rings % MODULE_RINGS or around % (2 * MODULE) or options.spread >= min(rings, around // 2):
            raise ConfigError(f"simulation.toy.scanner: {self.scanner.name!r} must have one layer, a multiple of {MODULE_RINGS} rings of a multiple "
                              f"of {2 * MODULE} crystals, and more of them than toy.spread.")
        ring, place = np.divmod(np.arange(self.scanner.n_crystals), around)
        number = toy_ids(place, ring, rings, published=False)
        owner = np.argsort(number)
        self.crystal = owner[toy_ids(place, ring, rings, published=True)] if options.published_ids else owner[number]
        self.delays = _delays(options, len(number))[number]
        self.duration = 2 * options.measurement_time

    def block(self, index: int, n: int) -> Columns:
        """Return the singles of the decays index * n + 0...n-1, in the order of time.

        A block has its own samples, ceil(n / activity) of them; the last has the decays that are left.
        """
        samples = self._samples(n)
        singles = self.singles(index, n)
        time = np.asarray(singles["time"]) + index * samples * self.duration * self.options.bin_time * NS
        event, run = (np.asarray(singles[name]) + np.int32(index * step) for name, step in (("event", n), ("run", samples)))
        return singles | {"event": event, "run": run, "time": time}

    def singles(self, index: int, n: int) -> Columns:
        """Return the same singles with decays, samples and time counted from zero."""
        rng = default_rng(SeedSequence([self.seed, index]))
        options, decays = self.options, np.arange(n)
        run = np.sort(rng.integers(0, self._samples(n), n)) if options.fluctuating else (decays / options.activity).astype(np.int64)
        bins = rng.integers(self.delays.max(), options.measurement_time, n)
        order = np.lexsort((bins, run))
        bins, run = bins[order], run[order]
        seen = rng.random((2, n)) < options.efficiency
        crystals = self._pairs(rng, n)
        photon, event = np.nonzero(seen)
        crystal = self.crystal[crystals[photon, event]]
        time = bins[event] - self.delays[crystal] + rng.normal(0.0, 1.0, len(event)) * options.jitter
        return self._columns(event, photon + 1, crystal, run[event], run[event] * self.duration + time)

    def _samples(self, n: int) -> int:
        return int(np.ceil(n / self.options.activity))

    def _pairs(self, rng: Generator, n: int) -> Indices:
        """Return the linear indices of the crystals that n decays hit, (2, n): any one, and one about the opposite."""
        rings, around, spread = self.scanner.n_rings, self.scanner.crystals_per_ring, self.options.spread
        place, ring = rng.integers(0, around, n), rng.integers(0, rings, n)
        opposite = (place + around // 2 + rng.integers(-spread, spread, n)) % around
        # The last ring is never hit by the second photon: so are the limits of the public program.
        low, high = np.maximum(rings - ring - spread, 0), np.minimum(rings - ring + spread, rings - 1)
        return np.stack([ring * around + place, rng.integers(low, high) * around + opposite])

    def _columns(self, event: Indices, photon: Indices, crystal: Indices, run: Indices, bins: Floats) -> Columns:
        order = np.argsort(bins, kind="stable")
        crystal = crystal[order]
        x, y, z = self.scanner.centre(crystal).T.astype(np.float32)
        zeros = np.zeros(len(order), dtype=np.int32)
        centre = np.zeros(len(order), dtype=np.float32)
        return {
            "run": run[order].astype(np.int32),
            "event": event[order].astype(np.int32),
            "source_id": zeros,
            "source_x": centre, "source_y": centre, "source_z": centre,
            "time": bins[order] * (self.options.bin_time * NS),
            "energy": np.full(len(order), ELECTRON_MASS, dtype=np.float32),
            "x": x, "y": y, "z": z,
            "gantry_id": zeros,
            **self.scanner.ids_of(crystal),
            "compton_phantom": zeros, "compton_crystal": zeros, "rayleigh_phantom": zeros, "rayleigh_crystal": zeros,
            "photon_id": photon[order].astype(np.int32),
        }


def _delays(options: ToyConfig, crystals: int) -> Indices:
    """Return the delay of each crystal by its number; the generator of the public program gives its delays."""
    if options.delay_max == 0:
        return np.zeros(crystals, dtype=np.int64)
    delays = np.random.RandomState(options.delay_seed).binomial(options.delay_max, options.delay_mean / options.delay_max, crystals)
    return delays.astype(np.int64)
