"""The rate of random pairs in the line of response of every pair, beside what an engine says of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract import Engine
from ....errors import FileName
from ....io.ragged import Array, Columns, length
from ..config import PetConfig
from ..reading.first_singles import FirstSingles
from ..reading.losses import Losses
from ..reading.slices import slice_times
from ..reading.time_grid import grid_step
from ..scanner.scanner import load_scanner
from .crystal_rates import CrystalRates, RandomRates

RANDOM_RATE = "random_rate"
"""Column of the rates, 1/s, float32 (P,)."""

MANY = 50_000
"""Singles in which a clock is looked for."""


class WithRandomRates(Engine):
    """Surveys the rates of singles besides what an engine surveys, and gives its pairs the column `RANDOM_RATE`.

    The rate is that of all random pairs in the window, before an engine chooses among pairs that share a single.

    Args:
        closed: whether a pair at exactly the window is inside.
        note: a sentence without a full stop on which of them the engine takes; empty for none.
    """

    def __init__(self, engine: Engine, config: PetConfig, closed: bool = True, note: str = "") -> None:
        self.engine = engine
        self.config = config
        self.closed = closed
        self.note = note
        self._wanted = engine.surveys
        self._first = FirstSingles(MANY)
        scanner = None if config.scanner is None else load_scanner(config.scanner)
        self._counted = CrystalRates(scanner)
        self._losses = Losses(scanner, config.apply.axis, config.apply.centre)
        self._times: list[Array] = []
        self._rates: RandomRates | None = None

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs of the engine with their rates."""
        columns = self.engine(examples)
        first, second = (np.asarray(columns[name]) for name in ("first", "second"))
        return columns | {RANDOM_RATE: self.rates.of(examples, first, second).astype(np.float32)}

    @property
    def rates(self) -> RandomRates:
        """What was surveyed."""
        if self._rates is None:
            self._rates = self._counted.random_rates(window_width(self.config.window, self._clock_step(), self.closed))
        return self._rates

    def costs(self, examples: Columns, named: FileName) -> list[str]:
        """Return what takes long."""
        return self.engine.costs(examples, named)

    @property
    def surveys(self) -> bool:
        """Rates must be known before the first pair is written."""
        return True

    def survey(self, examples: Columns) -> bool:
        """Take slices; all are wanted."""
        self._wanted = self._wanted and self.engine.survey(examples)
        if length(examples):
            self._counted.add(examples)
            self._losses.add(examples)
            if self._first.wanted:
                self._times.append(slice_times(self._first.of(examples)))
        return True

    def _clock_step(self) -> float:
        """Return the step of the clock of singles, ps; 1, to which times are rounded, if there is none."""
        # Times that are corrected by delays of crystals lie on no grid.
        if self.config.apply.calibrate_delays or not self._times:
            return 1.0
        return max(1.0, grid_step(np.concatenate(self._times).astype(np.float64)))

    @property
    def warnings(self) -> list[str]:
        """What the engine says, and what it makes of random pairs."""
        return [*self.engine.warnings, *([self.note] if self.note else [])]

    def facts(self) -> dict[str, Any]:
        """Return what the engine says, how many random pairs the rates give, and what singles show of losses."""
        return {**self.engine.facts(), "randoms_by_rates_of_singles": round(self.rates.expected), **self._losses.facts()}


def window_width(window: float, step: float, closed: bool) -> float:
    """Return the range of the time differences of either sign that are in a window, ps: so many steps of the clock, that of 0 included."""
    steps = np.floor(window / step + 1e-6) if closed else np.ceil(window / step - 1e-6) - 1
    return float((2 * steps + 1) * step)
