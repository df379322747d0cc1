"""Two singles each: what the likelihood of a pair looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ..coincidences.candidates import Candidates, slice_of
from ..reading.slices import slice_times
from .randoms import rates

SMALLEST = 1e-12


LARGEST = 8.0
"""Logarithms of ratios are cut here where they are features: beyond, pairs are as good as certain."""


@dataclass(frozen=True)
class Ends:
    """Two singles each: what the mixture looks at.

    Attributes:
        p, q: positions, mm, float64 (n, 3).
        dt: time of q less time of p, ps, (n,).
        energy: MeV, (n, 2).
        rate: singles per ps at the time of the pair, (n,); 0 where it is not known.
    """

    p: Array
    q: Array
    dt: Array
    energy: Array
    rate: Array

    def __len__(self) -> int:
        return len(self.dt)

    def take(self, rows: Array) -> Ends:
        """Return some of them."""
        return Ends(self.p[rows], self.q[rows], self.dt[rows], self.energy[rows], self.rate[rows])


def joined_ends(*parts: Ends) -> Ends:
    """Return several one after the other."""
    return Ends(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("p", "q", "dt", "energy", "rate")))


def ends_of(examples: Columns, pairs: Candidates) -> Ends:
    """Return where the singles of pairs are, and their energies."""
    def column(name: str, index: Array) -> Array:
        return ragged(examples, name).flat[index].astype(np.float64)

    p, q = (np.column_stack([column(axis, index) for axis in "xyz"]) for index in (pairs.first, pairs.second))
    energy = np.column_stack([column("energy", pairs.first), column("energy", pairs.second)])
    return Ends(p, q, pairs.dt, energy, rates(examples, slice_times(examples))[slice_of(examples, pairs)])


def nearest_to_lines(ends: Ends, weight: Array) -> Array:
    """Return the point in x and y, mm, (2,), with the least sum of weighted squares of the distances from lines."""
    d, middle = (ends.p - ends.q)[:, :2], (ends.p + ends.q)[:, :2] / 2
    normal = np.column_stack([-d[:, 1], d[:, 0]]) / np.maximum(np.hypot(*d.T), SMALLEST)[:, None]
    weighted = weight[:, None] * normal
    found: Array = np.linalg.pinv(weighted.T @ normal) @ (weighted.T @ (middle * normal).sum(1))
    return found
