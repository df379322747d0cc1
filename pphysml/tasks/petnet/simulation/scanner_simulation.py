"""Singles of a scanner from decays in a phantom and in the crystals, in blocks that join up."""

from __future__ import annotations

import numpy as np
from numpy.random import SeedSequence, default_rng

from ....errors import ConfigError
from ....io.ragged import Array, Columns
from ....physics.photon_attenuation import LSO, LYSO, WATER
from ..config.simulation import SimulationConfig
from ..scanner.scanner import Scanner, load_scanner
from .decay_kernel import Crystals, run_decays
from .deposit_kernel import ROW_EVENT, ROW_PHOTON, ROW_SCATTERS
from .electronics import FWHM, Electronics, Singles
from .flight_kernel import Cylinder, World
from .lutetium import GAMMAS, activity_per_volume, beta_quantiles
from .medium import medium_of
from .photon_kernel import Floats
from .source import Source, source_of

MATERIALS = {"LSO": LSO, "LYSO": LYSO}

SCATTERS = ("compton_phantom", "compton_crystal", "rayleigh_phantom", "rayleigh_crystal")

LAST_EVENT = np.iinfo(np.int32).max

PER_MBQ = 1e6
"""Decays per second."""


class ScannerSimulation:
    """Endless decays of positron emitters (source 0) and of Lu-176 in the crystals (source 1).

    Photons cross water and crystals only: cover, bed and electronics are left out, so that there is
    less scatter than in a real scanner.

    Attributes:
        rate: decays per second, of both kinds.
        background_share: of Lu-176 among them.

    Raises:
        ConfigError: no such scanner, or a phantom that does not fit.
    """

    def __init__(self, options: SimulationConfig, seed: int) -> None:
        self.options = options
        self.seed = seed
        self.scanner = load_scanner(options.scanner)
        self.source = source_of(options, self.scanner)
        self.world = _world(options, self.scanner, self.source)
        self.crystals = _crystals(self.scanner)
        self.electronics = Electronics(options, self.scanner)
        lutetium = activity_per_volume(MATERIALS[options.crystal]) * np.prod(self.scanner.crystal_size) / self.scanner.layers * self.scanner.n_crystals
        positrons = (options.activity + options.outside_activity) * PER_MBQ
        self.rate = float(positrons + options.background * lutetium)
        self.background_share = 1.0 - positrons / self.rate

    def block(self, index: int, n: int) -> Columns:
        """Return the singles of the decays index * n + 0...n-1, in the order of their measured times.

        The block lasts n / rate seconds, in which the decays are uniform; measured times pass its end by
        the time of flight and the error of the time. Positions are those of the crystals.

        Raises:
            ConfigError: the decays' numbers do not fit into 32 bits.
        """
        if (index + 1) * n - 1 > LAST_EVENT:
            raise ConfigError(f"simulation: decays are numbered up to {LAST_EVENT}.")
        singles = self.singles(index, n)
        event = np.asarray(singles["event"]) + np.int32(index * n)
        return singles | {"event": event, "time": np.asarray(singles["time"]) + index * n / self.rate}

    def singles(self, index: int, n: int) -> Columns:
        """Return the same singles with decays and time counted from zero."""
        decays, electronics = map(default_rng, SeedSequence([self.seed, index]).spawn(2))
        times = np.sort(decays.random(n)) * n / self.rate
        background = decays.random(n) < self.background_share
        width = np.radians(self.options.acollinearity) / FWHM
        rows, points = run_decays(decays, times, background, self.source, self.crystals, self.world, width)
        return self._columns(self.electronics.measure(rows, electronics), rows, points, background)

    def _columns(self, singles: Singles, rows: Floats, points: Floats, background: Array) -> Columns:
        truth = rows[singles.deposit]
        event = truth[:, ROW_EVENT].astype(np.int64)
        x, y, z = self.crystals.centre[singles.crystal].T.astype(np.float32)
        zeros = np.zeros(len(event), dtype=np.int32)
        return {
            "run": zeros,
            "event": event.astype(np.int32),
            "source_id": background[event].astype(np.int32),
            **{f"source_{axis}": points[event, i].astype(np.float32) for i, axis in enumerate("xyz")},
            "time": singles.time,
            "energy": singles.energy.astype(np.float32),
            "x": x, "y": y, "z": z,
            "gantry_id": zeros,
            **self.scanner.ids_of(singles.crystal),
            **{name: truth[:, ROW_SCATTERS + i].astype(np.int32) for i, name in enumerate(SCATTERS)},
            "photon_id": truth[:, ROW_PHOTON].astype(np.int32),
        }


def _world(options: SimulationConfig, scanner: Scanner, source: Source) -> World:
    """Return what photons cross."""
    half, depth = scanner.length / 2, scanner.crystal_size[2]
    bore = Cylinder(0.0, 0.0, scanner.radius**2, -np.inf, np.inf)
    outside = Cylinder(0.0, 0.0, (scanner.radius + depth) ** 2 + (scanner.width / 2) ** 2, -half, half)
    water = source.cylinder._replace(high=source.outside_end)
    return World(scanner.ring, bore, outside, water, medium_of(WATER), medium_of(MATERIALS[options.crystal]))


def _crystals(scanner: Scanner) -> Crystals:
    """Return where the Lu-176 is."""
    crystals = np.arange(scanner.n_crystals)
    azimuth = 2.0 * np.pi * np.asarray(scanner.ids_of(crystals)["rsector_id"]) / scanner.rsectors
    size = np.array(scanner.crystal_size) / [1, 1, scanner.layers]
    return Crystals(scanner.centre(crystals), np.cos(azimuth), np.sin(azimuth), size, beta_quantiles(), GAMMAS)
