"""Randoms from the rates of singles: 2 tau S1 S2, summed over pairs of crystals.

Singles of two crystals that have nothing to do with each other are within tau of each other with the rate
2 tau S1 S2, where S1 and S2 are the rates of all their singles, those of true pairs included
(D. Brasse et al., J. Nucl. Med. 46 (2005) 859). It holds for all pairs that pass the cuts, before a policy
chooses among those that share a single.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....evaluation.result import Metric
from ....evaluation.uncertainty import percentile_interval
from ....io.ragged import Array, Columns, Ragged
from ..classical.ring_sectors import Ring, RingSectors
from ..classical.sorter import cuts_of
from ..coincidences.cut_kernel import good_products
from ..coincidences.singles import singles_of
from ..scanner.crystals import CrystalIndex
from ..scanner.scanner import Scanner, load_scanner

LARGEST_EXACT = 10_000
"""Crystals up to which all pairs are looked at; of more, as many are drawn by their singles."""

MOST_CRYSTALS = 200_000
"""Crystals that are told apart; the singles of further ones are taken to be distributed alike."""

DEFINITION = ("Randoms that the rates of singles in the energy window give, 2 tau S1 S2 summed over the pairs of crystals that pass the cuts of the engine "
              "classical, over prompt pairs of different events or with noise; 1 if the rates estimate the randoms")


class SinglesRates:
    """Singles by crystal, and where crystals are.

    Args:
        config: of the task, for the scanner, the window and the cuts of the engine `classical`.
    """

    def __init__(self, config: Any) -> None:
        self.options = config.apply.classical
        self.window = 1e-12 * float(config.window)
        self.scanner: Scanner | None = None if config.scanner is None else load_scanner(config.scanner)
        self._index = CrystalIndex(self.scanner)
        # Of several rings along the axis, how many rsectors are around it must be learnt from where they are.
        known = self.options.sectors or (self.scanner.rsectors if self.scanner else None)
        self._ring = Ring(known) if known else RingSectors()
        # Singles, sums of x, y and z, and the rsector of each crystal.
        self._sums = np.zeros((4, 0))
        self._sector = np.zeros(0, dtype=np.int32)

    def add(self, examples: Columns, used: Array) -> None:
        """Add slices; only singles that are `used`, bool (N,), count."""
        crystal = self._index.add(examples) if len(self._index) < MOST_CRYSTALS else self._index.of(examples)
        used = used & (crystal >= 0)
        crystal, new = crystal[used], len(self._index) - len(self._sector)
        weights = [np.ones(len(crystal)), *(_flat(examples, axis)[used] for axis in "xyz")]
        self._sums = np.pad(self._sums, ((0, 0), (0, new))) + [np.bincount(crystal, w, minlength=len(self._index)) for w in weights]
        self._sector = np.pad(self._sector, (0, new))
        self._sector[crystal] = singles_of(examples, _flat(examples, "time")).sector[used]
        if isinstance(self._ring, RingSectors) and self.options.min_sector_difference and "rsector_id" in examples:
            self._ring.add(examples)

    def randoms(self, squared: float) -> float:
        """Return the number of random pairs.

        Args:
            squared: sum over times of n (n - 1) / width, 1/s; see `RateBins.squared`.
        """
        if np.isnan(squared):
            return squared
        return self.window * squared * self.good_share()

    def good_share(self) -> float:
        """Return the probability that two singles are of different crystals and pass the cuts."""
        seen = np.flatnonzero(self._sums[0] > 0)
        counts = self._sums[0, seen]
        if len(seen) > LARGEST_EXACT:
            seen = seen[np.random.default_rng(0).choice(len(seen), LARGEST_EXACT, p=counts / counts.sum())]
            counts = np.ones(LARGEST_EXACT)
        if not len(seen):
            return 0.0
        x, y, z = (self._sums[1:, seen] / self._sums[0, seen]).astype(np.float32)
        sector = self._sector[seen]
        ring = self._ring.ring() if isinstance(self._ring, RingSectors) else self._ring
        return float(good_products(cuts_of(self.options, ring.sectors), sector // ring.copies, x, y, z, counts)) / float(counts.sum()) ** 2


def rates_metrics(randoms: float, accidental: int, drawn: Array) -> Iterator[Metric]:
    """Yield the estimate over the randoms among the prompt pairs, with its error from those of resampled clusters."""
    if np.isfinite(randoms) and accidental and (drawn > 0).all():
        yield Metric("rates_over_randoms", *percentile_interval(randoms / accidental, randoms / drawn), accidental, f"{DEFINITION}; clusters of singles resampled.")


def _flat(examples: Columns, name: str) -> Array:
    column = examples[name]
    assert isinstance(column, Ragged)
    return column.flat
