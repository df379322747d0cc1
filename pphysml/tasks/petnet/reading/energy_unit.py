"""Energies that a file has in keV, though its program writes MeV."""

from __future__ import annotations

import numpy as np

from ....errors import FileName, InputError
from ....io.problems import place
from ....io.ragged import Array, Columns, length
from .checks import HIGHEST
from .energy_cut import KEV

HIGH_SHARES = {"energy": 0.5, "edep": 0.05}
"""Share of the energies of singles, or of deposits, of which many are small, that are higher than any in MeV where all are in keV."""

HIGHEST_KEV = 1e3 * HIGHEST
"""Energies above are in neither unit."""


class EnergyUnit:
    """Takes energies as keV if no photon of a PET can have so many MeV: file by file, as the first rows of each say."""

    def __init__(self) -> None:
        self._in_kev: dict[int, float] = {}
        self._known: set[int] = set()

    def add(self, rows: Columns) -> Columns:
        """Return rows with energies in MeV.

        Raises:
            InputError: rows of a file are in keV, and those before were not; names branch, entry and file.
        """
        name = next((name for name in HIGH_SHARES if name in rows), None)
        if name is None or not length(rows):
            return rows
        energy, file = np.asarray(rows[name]), np.asarray(rows["file"])
        starts = [0, *(1 + np.flatnonzero(np.diff(file))).tolist()]
        factor = [self._factor(rows, energy[start:stop], start, name) for start, stop in zip(starts, [*starts[1:], len(file)], strict=True)]
        if all(of == 1.0 for of in factor):
            return rows
        factors = np.repeat(factor, np.diff([*starts, len(file)]))
        return {**rows, name: (energy * factors).astype(energy.dtype)}

    def warnings(self, named: FileName) -> list[str]:
        """Return which energies were taken as keV."""
        more = f" (and of {len(self._in_kev) - 1} more)" if len(self._in_kev) > 1 else ""
        return [f"the energies of {named(file)}{more} were taken as keV, since no photon of a PET has as many MeV as their middle, {middle:.4g} "
                "(--map energy=BRANCH:keV says so)" for file, middle in list(self._in_kev.items())[:1]]

    def _factor(self, rows: Columns, energy: Array, start: int, name: str) -> float:
        where = place(rows, start)
        file = where.file or 0
        positive = energy[energy > 0]
        high = bool(len(positive)) and np.count_nonzero(positive > HIGHEST) > HIGH_SHARES[name] * len(positive) and float(np.median(positive)) < HIGHEST_KEV
        if file not in self._known:
            self._known.add(file)
            if high:
                self._in_kev[file] = float(np.median(positive))
        elif high and file not in self._in_kev:
            raise InputError("there are energies in keV behind others in MeV; say with --map energy=BRANCH:keV if all are in keV", file=where.file, branch=name, entry=where.entry)
        return KEV if file in self._in_kev else 1.0
