"""What rows of a file must be to make sense: units, and a time that is fine enough for the window."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.problems import place, refuse
from ....io.ragged import Array, Columns, length
from ....io.schema import SPACING

HIGHEST = 20.0
"""Median energy above which no source's photons are in MeV."""

LOWEST = 0.005
"""And below which none are."""

FINEST = 0.1
"""Share of the window that the spacing of the times may have."""

ENOUGH = 20
"""Singles from which a median says something."""


def with_fine_times(rows: Columns, window: float) -> Columns:
    """Return singles or hits without the column of spacings, which must be fine enough for the window.

    Args:
        rows: with `file`, `entry`, `time` (s), and perhaps how far apart the times of the file's type are there; if not, they are doubles.
        window: ps.

    Raises:
        InputError: names branch, entry and file.
    """
    others = dict(rows)
    told = others.pop(SPACING + "time", None)
    if not length(rows):
        return others
    # A double has 53 bits: 15 ps at 1e5 s, 15 ns at 1e8 s. A float has 24: 60 ps at 1 ms, 60 ns at 1 s.
    time = np.asarray(rows["time"])
    spacing = 1e12 * (np.spacing(np.abs(time)) if told is None else np.asarray(told))
    if spacing.max() > FINEST * window:
        refuse(rows, spacing > FINEST * window, "time", lambda row: _too_coarse(time, spacing, window, row))
    return others


def _too_coarse(time: Array, spacing: Array, window: float, row: int) -> str:
    # Units are converted, which may double the spacing of a double.
    double = spacing[row] <= 4e12 * np.spacing(abs(time[row]))
    kind, remedy = ("a double", "let times begin nearer to 0") if double else ("the 32-bit float of this branch", "write it as a double")
    return (f"at {time[row]:g} s {kind} is fine to {spacing[row]:.3g} ps only, too coarse for a window of "
            f"{window:g} ps; {remedy}, take a longer --window, or say --map time=BRANCH:ns if times are in nanoseconds")


def check_energies(singles: Columns) -> None:
    """Refuse energies that are in another unit than MeV.

    Raises:
        InputError: names branch, entry and file.
    """
    energy = np.asarray(singles["energy"]) if singles else np.zeros(0)
    if len(energy) < ENOUGH:
        return
    for wrong, unit in ((energy > HIGHEST, "eV"), (energy < LOWEST, "GeV")):
        if 2 * np.count_nonzero(wrong) > len(energy):
            where = place(singles, 0)
            raise InputError(
                f"the singles have {float(np.median(energy)):.4g} MeV in the middle, which no photon of a PET has; "
                f"if they are in {unit}, say so with --map energy=BRANCH:{unit}", file=where.file, branch="energy", entry=where.entry)
