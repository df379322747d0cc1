"""How many rsectors lie around the axis, where others are copies of them along it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array, Columns, ragged

NEAR = 0.25
"""Share of the distance of two sectors by which a copy may lie off, since it is learnt where singles are."""


class Ring(NamedTuple):
    """Rsectors around and along the axis.

    Attributes:
        sectors: around the axis.
        copies: of each along it that have numbers one behind the other; those with numbers by whole rings are none.
        known: rsectors in all.
    """

    sectors: int
    copies: int = 1
    known: int = 0


class RingSectors:
    """Learns where rsectors lie from singles: a ring repeated along the axis is the same one moved.

    GATE takes the number of a rsector modulo the repeats around the axis (GateCoincidenceSorter), which come first in it.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((0, 4))

    def add(self, slices: Columns) -> None:
        """Take slices with `rsector_id`; of several systems, that of the smallest number stands for all."""
        columns = [ragged(slices, name).flat for name in ("rsector_id", "x", "y", "z")]
        if "system_id" in slices:
            system = ragged(slices, "system_id").flat
            columns = [column[system == system.min(initial=0)] for column in columns]
        sector, *places = columns
        n = max(len(self._sums), int(sector.max(initial=-1)) + 1)
        ones = np.ones(len(sector))
        sums = np.stack([np.bincount(sector, weights, minlength=n) for weights in (ones, *places)], axis=1)
        self._sums = np.pad(self._sums, ((0, n - len(self._sums)), (0, 0))) + sums

    def ring(self) -> Ring:
        """Return the ring; all rsectors are one, if none is a copy of another."""
        n = len(self._sums)
        with np.errstate(invalid="ignore"):
            centre = self._sums[:, 1:] / self._sums[:, :1]
        for sectors in (k for k in range(2, n // 2 + 1) if n % k == 0):
            if _repeats(centre.reshape(-1, sectors, 3)):
                return Ring(sectors, 1, n)
            if _repeats(centre.reshape(sectors, -1, 3).swapaxes(0, 1)):
                return Ring(sectors, n // sectors, n)
        return Ring(max(n, 1), 1, n)


def _repeats(centre: Array) -> bool:
    """Return whether rings (rings, sectors, 3) are one that is moved along its axis; sectors without singles are NaN."""
    moved = centre - centre[0]
    seen = ~np.isnan(moved[..., 0])
    if (seen.sum(1) < 2).any():
        return False
    step = np.nanmean(moved, axis=1)[1:]
    ring = centre[0][~np.isnan(centre[0, :, 0])]
    near = NEAR * np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).min()
    length = np.linalg.norm(step, axis=1)
    if not near or not length.all() or (np.linalg.norm((moved[1:] - step[:, None])[seen[1:]], axis=1) > near).any():
        return False
    # All rings lie behind one another on one axis, and each across it.
    axis = step[0] / length[0]
    off_axis = np.linalg.norm(step - (step @ axis)[:, None] * axis, axis=1)
    return bool((off_axis < near).all() and (np.abs((ring - ring.mean(0)) @ axis) < near).all())
