"""What the figures of an evaluation need of pairs beside lines and counts: spectra and scores."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..coincidences.lines_of_response import lines_between
from .classes import PairClass
from .growing_histograms import GrowingHistogram
from .targets import Targets, Verdict
from .truth import Truth

MAX_SCORES = 500_000
"""Pairs whose scores are kept; those of later ones are not."""

ENERGY_EDGES = np.linspace(0.0, 1.2, 241)
"""Edges of the bins of energies, MeV; what is above counts in the last one."""

TIME_BINS = 128
FIRST_RANGE = 64.0
"""ps; doubled until all pairs fit."""


class PlotData:
    """Sums over chunks.

    Attributes:
        energies: energies of singles in the bins of `ENERGY_EDGES`, (classes + 1, bins): of prompt
            pairs by class, and of targets last.
        times: ps, rows (classes,): time of the end of a line at (sin phi, cos phi) less that of the other.
    """

    def __init__(self) -> None:
        self.energies = np.zeros((len(PairClass) + 1, len(ENERGY_EDGES) - 1), dtype=np.int64)
        self.times = GrowingHistogram((len(PairClass),), TIME_BINS, FIRST_RANGE, signed=True)
        self._scores: list[Array] = []
        self._right: list[Array] = []
        self._kept = 0

    def add(self, truth: Truth, targets: Targets, verdict: Verdict, prompts: tuple[Array, Array], score: Array) -> None:
        """Add a chunk; `prompts` are the two singles of each prompt pair."""
        first, second = prompts
        for kind in PairClass:
            self._add_energies(kind, truth.energy[np.concatenate([single[verdict.kind == kind] for single in prompts])])
        self._add_energies(-1, truth.energy[np.concatenate([targets.first, targets.second])])
        turned = lines_between(truth.position[first], truth.position[second]).turned
        # The difference of two large times is exact; its sign follows the line, not the order of the pair.
        difference = 1e12 * (truth.time[first] - truth.time[second])
        self.times.fill((verdict.kind.astype(np.int64),), np.where(turned, -difference, difference))
        some = slice(0, MAX_SCORES - self._kept)
        self._kept += len(score[some])
        self._scores.append(score[some].astype(np.float64))
        self._right.append(verdict.kind[some] <= PairClass.SCATTERED)

    @property
    def scores(self) -> tuple[Array, Array]:
        """The score of each prompt pair, and whether it is of one annihilation."""
        if not self._scores:
            return np.zeros(0), np.zeros(0, dtype=bool)
        return np.concatenate(self._scores), np.concatenate(self._right)

    def _add_energies(self, row: int, energy: Array) -> None:
        self.energies[row] += np.histogram(np.clip(energy, 0.0, ENERGY_EDGES[-1]), ENERGY_EDGES)[0]
