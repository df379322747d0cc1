"""Which of the beam's energies one frame may hold."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, slice_rows
from .calorimeters.search import LEARNING
from .events import event_starts

DRAWN = 0.005
"""Relative difference of the energies of one frame where a source draws that of every particle.

A frame's energy is the mean of its protons', so that it is off by nothing: the range of the mean differs from the mean range by less than
0.001 mm. Single protons are 0.6 mm off (rms, 200 MeV), which is in `beam_spread`; narrower bins would leave frames of few protons.
"""

STEPPED = 1e-6
"""The same where few energies recur: half of two layers of a scan, 2 mm apart in range, would be 1 mm off in one frame."""


class EnergyBins:
    """Numbers energies so that protons of one number may share a frame; what recurs is learnt from the first rows."""

    def __init__(self) -> None:
        self._width: float | None = None

    def learn(self, rows: Columns) -> None:
        """Take the first rows of the input; later ones are left alone. There must be `LEARNING`, unless no others follow."""
        if self._width is None and "beam_energy" in rows:
            few = slice_rows(rows, 0, LEARNING)
            energy = np.asarray(few["beam_energy"], dtype=np.float64)[event_starts(few)]
            _, counts = np.unique(energy, return_counts=True)
            self._width = STEPPED if counts[counts > 1].sum() > 0.5 * len(energy) else DRAWN

    def number(self, energy: Array) -> Array:
        """Return the same number for energies (MeV) that may share a frame, int64; 0 for unknown ones."""
        return np.where(energy > 0, np.rint(np.log(np.maximum(energy, 1e-3)) / (self._width or DRAWN)), 0).astype(np.int64)
