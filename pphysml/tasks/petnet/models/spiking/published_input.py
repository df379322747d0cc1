"""Slices of singles to trains of spikes in bins of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .....io.ragged import Array, Columns, ragged
from ...config.spiking import PublishedConfig
from ...reading.cuts import slice_starts
from ...reading.slices import slice_times
from ...scanner.scanner import Scanner
from .published import opposite_crystals, with_partners
from .scanners import crystals_of
from .trains import SpikeTrains


@dataclass(frozen=True)
class Hits:
    """Singles in known crystals.

    Attributes:
        single: index of each into the flat singles of the slices, int64 (N,).
        sample, bin, crystal: int64 (N,); bins are counted from the first single of the sample.
        samples: number of samples.
    """

    single: Array
    sample: Array
    bin: Array
    crystal: Array
    samples: int

    @property
    def last(self) -> int:
        """The last bin that has a hit."""
        return int(self.bin.max(initial=0))

    def trains(self, steps: int, scanner: Scanner, options: PublishedConfig) -> SpikeTrains:
        """Return the network's input."""
        found = SpikeTrains.from_arrays(self.sample, self.bin, self.crystal, samples=self.samples, steps=steps, channels=scanner.n_crystals)
        return with_partners(found, partners_of(scanner, options)) if options.geometry else found


def hits_of(examples: Columns, scanner: Scanner, bin_time: float, gap: float, least: int) -> Hits:
    """Cut slices at gaps in time into samples of `least` singles at least, as those of the training are.

    Args:
        bin_time, gap: ps.
    """
    n_owned, time = np.asarray(examples["n_owned"], dtype=np.int64), ragged(examples, "time")
    row = np.repeat(np.arange(len(n_owned)), time.counts)
    own = np.flatnonzero(np.arange(len(row)) - time.offsets[row] < n_owned[row])
    t, row = slice_times(examples)[own], row[own]
    gaps = np.diff(t, prepend=t[:1]) > gap
    starts = np.append(np.zeros(min(len(t), 1), dtype=np.int64), slice_starts(gaps, row, least, 0))
    sample = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(t))))
    bins = ((t - t[starts][sample]) // bin_time).astype(np.int64)
    crystal = crystals_of(examples, scanner)[own]
    known = crystal >= 0
    return Hits(own[known], sample[known], bins[known], crystal[known], len(starts))


def partners_of(scanner: Scanner, options: PublishedConfig) -> Array:
    """Return the crystals that may be partners of each, see `opposite_crystals`; layers do not count."""
    per_ring, rings = scanner.crystals_per_ring, scanner.n_rings
    inside = opposite_crystals(per_ring, rings, options.spread)
    layer = np.arange(scanner.layers)[:, None, None] * len(inside)
    # Those of every layer: (layer of the crystal, crystal, layer of the partner, partner).
    partners = np.where(inside >= 0, inside + layer, -1).transpose(1, 0, 2).reshape(len(inside), -1)
    return np.tile(partners, (scanner.layers, 1))


def may_pair(scanner: Scanner, options: PublishedConfig) -> Array | None:
    """Return which crystals may be in coincidence, bool (C, C); None for all."""
    if not options.geometry:
        return None
    partners = partners_of(scanner, options)
    allowed = np.zeros((scanner.n_crystals, scanner.n_crystals), dtype=bool)
    crystal, column = np.nonzero(partners >= 0)
    allowed[crystal, partners[crystal, column]] = True
    return allowed | allowed.T
