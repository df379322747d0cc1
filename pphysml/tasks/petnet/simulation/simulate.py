"""The simulation of the task `petnet`."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ....contract import Simulation
from ....io.ragged import Columns, concatenate, length, slice_rows
from ..config import PetConfig
from ..config.simulation import SimulationConfig
from ..reading.assemble import assemble_training, within
from .scanner_simulation import ScannerSimulation
from .toy import ToySimulation

PILOT = 20_000
"""Decays from which is learnt how many singles there are for each."""

MARGIN = 1.15
"""Decays that are simulated, over those that the singles of so many slices need in the mean: slices end at gaps, and are longer than asked for."""


class PetSimulation(Simulation):
    """Endless singles of `simulation.kind`: of a scanner, or the published toy.

    Raises:
        ConfigError: impossible options.
    """

    def __init__(self, config: PetConfig | SimulationConfig, seed: int) -> None:
        self.config = config if isinstance(config, PetConfig) else PetConfig(simulation=config)
        options, *others = self.config.simulation.measurements
        # Blocks of training differ in number anyway, so that the same seed serves for all.
        self.others = [PetSimulation(self.config.model_copy(update={"simulation": other}), seed) for other in others]
        self.source: ScannerSimulation | ToySimulation = (
            ToySimulation(options.toy, seed) if options.kind == "toy" else ScannerSimulation(options, seed)
        )

    def block(self, index: int, n: int) -> Columns:
        """Return the singles of `n` decays as columns of the layout `gate9-singles`, in the order of time.

        The numbers of the decays, `event`, are index * n + 0...n-1 in the order of time.
        """
        return self.source.block(index, n)

    def examples(self, index: int, n: int) -> Columns:
        """Return `n` slices of singles for training, as `reading.assemble.assemble_training` makes them.

        Their events are counted from zero in every block. With further measurements blocks take turns, and
        the column `setting` tells with which.
        """
        turn = index % (1 + len(self.others))
        simulation = self.others[turn - 1] if turn else self
        found = simulation._examples(index, n)
        return found | {"setting": np.full(n, turn, dtype=np.int32)} if self.others else found

    def _examples(self, index: int, n: int) -> Columns:
        size = self.config.data.slice_singles
        need, decays = n, 0
        while True:
            decays += int(np.ceil(MARGIN * need * (size / self._singles_per_decay + 1)))
            slices = self._slices(index, decays)
            need = n - length(slices)
            if need <= 0:
                number = index * n + np.arange(n, dtype=np.int64)
                return slice_rows(slices, 0, n) | {"slice": number, "entry": number}

    def _slices(self, index: int, decays: int) -> Columns:
        singles = self.source.singles(index, decays)
        rows = length(singles)
        chunk = singles | {"file": np.zeros(rows, dtype=np.int32), "entry": np.arange(rows)}
        begun, carry = assemble_training(chunk, None, self.config)
        ended, _ = assemble_training(None, carry, self.config)
        slices = concatenate([part for part in (begun, ended) if part])
        # The last one ends with the block, and may be too short.
        return slice_rows(slices, 0, length(slices) - 1)

    @cached_property
    def _singles_per_decay(self) -> float:
        pilot = self.source.singles(0, PILOT)
        inside = within(np.asarray(pilot["energy"]), self.config.data.energy_window)
        return max(int(inside.sum()), 1) / PILOT
