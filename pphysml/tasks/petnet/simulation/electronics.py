"""What the electronics makes of deposits: singles with measured energy and time."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.random import Generator, default_rng

from ....io.ragged import Array
from ..config.simulation import SimulationConfig
from ..scanner.scanner import Scanner
from .deposit_kernel import ROW_CRYSTAL, ROW_ENERGY, ROW_EVENT, ROW_TIME
from .electronics_kernel import Indices, alive, sum_deposits
from .photon_kernel import Floats

FWHM = 2.0 * sqrt(2.0 * log(2.0))
"""Full width at half maximum of a Gaussian, in standard deviations."""

KEV, NS, PS = 1e-3, 1e-9, 1e-12

REFERENCE_ENERGY = 0.511
"""Energy, MeV, at which the resolution is given."""

READOUT = ("rsector_id", "module_id", "submodule_id")


@dataclass(frozen=True)
class Singles:
    """Measured singles in the order of time.

    Attributes:
        deposit: row of the first deposit, whose truth a single has.
        crystal: linear index.
        time: s.
        energy: MeV.
    """

    deposit: Indices
    crystal: Indices
    time: Floats
    energy: Floats


class Electronics:
    """Readout, energy and time resolution, threshold, dead time and energy window, in this order.

    Every block starts with an idle detector: what happened before it is forgotten.
    """

    def __init__(self, options: SimulationConfig, scanner: Scanner) -> None:
        self.options = options
        crystals = np.arange(scanner.n_crystals)
        self.module = _unit(scanner, "module")
        self.unit = crystals if options.readout == "crystal" else _unit(scanner, options.readout)
        self.delay = default_rng(options.delay_seed).normal(0.0, 1.0, scanner.n_crystals) * options.delay_spread * PS

    def measure(self, rows: Floats, rng: Generator) -> Singles:
        """Return the singles that rows of `deposit_kernel` become."""
        rows_in_time = np.argsort(rows[:, ROW_TIME], kind="stable")
        deposits = rows[rows_in_time]
        crystal = deposits[:, ROW_CRYSTAL].astype(np.int64)
        first, crystal, energy = sum_deposits(
            np.ascontiguousarray(deposits[:, ROW_TIME]), self.unit[crystal], crystal, np.ascontiguousarray(deposits[:, ROW_ENERGY]),
            deposits[:, ROW_EVENT].astype(np.int64), int(self.unit.max()) + 1, self.options.integration_time * NS,
        )
        energy = self._measured_energy(energy, rng)
        time = deposits[first, ROW_TIME] + self.delay[crystal] + rng.normal(0.0, 1.0, len(first)) * self.time_resolution
        order = np.argsort(time, kind="stable")
        order = order[energy[order] >= self.options.threshold * KEV]
        order = order[alive(time[order], self.module[crystal[order]], int(self.module.max()) + 1, self.options.dead_time * NS)]
        order = order[self._in_window(energy[order])]
        return Singles(rows_in_time[first[order]], crystal[order], time[order], energy[order])

    @property
    def time_resolution(self) -> float:
        """Gaussian error of a single's time, s: that of a pair over the root of two."""
        return self.options.coincidence_resolution * PS / FWHM / sqrt(2.0)

    def _measured_energy(self, energy: Floats, rng: Generator) -> Floats:
        width = self.options.energy_resolution / FWHM * np.sqrt(energy * REFERENCE_ENERGY)
        measured: Floats = energy + width * rng.normal(0.0, 1.0, len(energy))
        return measured

    def _in_window(self, energy: Floats) -> Array:
        if self.options.energy_window is None:
            return np.ones(len(energy), dtype=bool)
        low, high = self.options.energy_window
        return (energy >= low * KEV) & (energy <= high * KEV)


def _unit(scanner: Scanner, level: str) -> Indices:
    """Return the number of the unit of each crystal, for units of one level."""
    ids = scanner.ids_of(np.arange(scanner.n_crystals))
    unit = np.zeros(scanner.n_crystals, dtype=np.int64)
    for name in READOUT[: READOUT.index(f"{level}_id") + 1]:
        column = np.asarray(ids[name])
        unit = unit * (int(column.max()) + 1) + column
    return unit
