"""Histograms whose range grows with what is filled in, so that nothing need be known beforehand."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array


class GrowingHistogram:
    """Counts in equal bins of [0, limit), or of [-limit, limit); the limit doubles when needed.

    Doubling adds neighbouring bins, whose edges stay edges: the result depends neither on the order
    of the values nor on how they are cut into chunks.

    Attributes:
        counts: int64, shape (*rows, bins).
        limit: end of the range.
    """

    def __init__(self, rows: tuple[int, ...], bins: int, limit: float, signed: bool = False) -> None:
        self.counts = np.zeros((*rows, bins), dtype=np.int64)
        self.limit, self.signed = limit, signed

    @property
    def edges(self) -> Array:
        """Edges of the bins, shape (bins + 1,)."""
        return np.linspace(-self.limit if self.signed else 0.0, self.limit, self.counts.shape[-1] + 1)

    def fill(self, rows: tuple[Array | int, ...], values: Array) -> None:
        """Count values, shape (n,), each in the rows of equally many indices.

        Args:
            values: finite; not below 0 unless the histogram is signed.
        """
        if not len(values):
            return
        largest = float(np.abs(values).max())
        while not largest < self.limit:
            self._double()
        bins = self.counts.shape[-1]
        share = (values / self.limit + 1) / 2 if self.signed else values / self.limit
        which = np.minimum((share * bins).astype(np.int64), bins - 1)
        cell = np.ravel_multi_index(np.broadcast_arrays(*rows, which), self.counts.shape)
        np.add.at(self.counts.reshape(-1), cell, 1)

    def _double(self) -> None:
        merged = self.counts[..., 0::2] + self.counts[..., 1::2]
        start = merged.shape[-1] // 2 if self.signed else 0
        self.counts[...] = 0
        self.counts[..., start : start + merged.shape[-1]] = merged
        self.limit *= 2
