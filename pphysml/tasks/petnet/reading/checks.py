"""What singles must be to make sense: units, and a time that is fine enough for the window."""

from __future__ import annotations

import numpy as np

from ....errors import ConfigError, InputError
from ....io.opening import KEEP
from ....io.places import place, refuse
from ....io.ragged import Columns, Ragged, length

HIGHEST = 20.0
"""Median energy above which no source's photons are in MeV."""

LOWEST = 0.005
"""And below which none are."""

FINEST = 0.1
"""Share of the window that the spacing of the times may have."""

ENOUGH = 20
"""Singles from which a median says something."""


def check_singles(rows: Columns, window: float) -> None:
    """Refuse energies in another unit, and times that are too coarse for the window.

    Args:
        rows: singles with `file`, `entry`, `time` (s) and `energy` (MeV).
        window: ps.

    Raises:
        InputError: names branch, entry and file.
    """
    if not length(rows):
        return
    _check_energy(rows)
    # A double has 53 bits: 15 ps at 1e5 s, 15 ns at 1e8 s.
    time = np.asarray(rows["time"])
    if np.spacing(max(abs(time.min()), abs(time.max()))) * 1e12 <= FINEST * window:
        return
    spacing = np.spacing(np.abs(time)) * 1e12
    refuse(rows, spacing > FINEST * window, "time", lambda row: (
        f"at {time[row]:g} s a double is fine to {spacing[row]:.3g} ps only, too coarse for a window of "
        f"{window:g} ps; let times begin nearer to 0, take a longer --window, or say --map time=BRANCH:ns if they are in nanoseconds"))


def refuse_many_values(rows: Columns) -> None:
    """Refuse branches to be kept that have a list of values per single.

    Raises:
        ConfigError: names the branch.
    """
    for name, column in rows.items():
        if isinstance(column, Ragged):
            raise ConfigError(f"--keep {name.removeprefix(KEEP)}: has a list of values for every single, and cannot be carried over.")


def _check_energy(rows: Columns) -> None:
    energy = np.asarray(rows["energy"])
    if len(energy) < ENOUGH:
        return
    for wrong, unit in ((energy > HIGHEST, "keV"), (energy < LOWEST, "GeV")):
        if 2 * np.count_nonzero(wrong) > len(energy):
            raise InputError(
                f"Branch 'energy', {place(rows, 0)}: the singles have {float(np.median(energy)):.4g} MeV in the middle, which no photon of a PET has; "
                f"if they are in {unit}, say so with --map energy=BRANCH:{unit}.")
