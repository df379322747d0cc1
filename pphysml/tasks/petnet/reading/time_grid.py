"""Whether times lie on a grid that is too coarse for the window, as those of a clock or of rounding do."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, length

ENOUGH = 50_000
"""Singles that are looked at."""

STEPS = 5.0
"""Steps of the grid that a window should have."""

NEAR = 50.0
"""Steps up to which a time difference is looked at."""

FEWEST = 50
"""Such differences without which nothing is said."""

PICOSECONDS = 1e12


class TimeGrid:
    """Looks at the times of the first singles of the first file, however many come at a time.

    Args:
        window: largest time difference of a pair, ps.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self._times: list[Array] = []
        self._wanted = ENOUGH
        self._file = 0

    def add(self, singles: Columns) -> None:
        """Take the next singles, with `file` and `time` (s), in any order."""
        if not self._wanted or not length(singles):
            return
        file = np.asarray(singles["file"])
        if not self._times:
            self._file = int(file[0])
        time = np.asarray(singles["time"])[file == self._file][: self._wanted]
        self._times.append(time)
        # Clocks of two files need not have the same zero.
        self._wanted = self._wanted - len(time) if file[-1] == self._file else 0

    @property
    def warnings(self) -> list[str]:
        """The grid, if it is too coarse."""
        step = grid_step(np.concatenate(self._times)) * PICOSECONDS if self._times else 0.0
        # A fifth of the window itself is fine, however it is rounded.
        if step * STEPS <= 1.001 * self.window:
            return []
        return [f"the times of singles lie on a grid with steps of {step:.4g} ps, too coarse for a window of {self.window:g} ps: whether a pair is inside is a "
                f"matter of rounding; take a --window of {STEPS * step:.4g}ps or longer, or write times with more digits"]


def grid_step(times: Array) -> float:
    """Return the step of the grid on which times lie, in their unit, or 0 if there is none; equal times are allowed.

    It is the smallest difference of neighbours, if all others that are not much larger are multiples of it.
    """
    if not len(times):
        return 0.0
    rounding = 2 * float(np.spacing(np.abs(times).max()))
    difference = np.diff(np.sort(times))
    difference = difference[difference > rounding]
    if not len(difference):
        return 0.0
    step = float(difference.min())
    # The step itself is rounded, too: of n steps the n-fold is left, which must stay well below half a step to tell anything.
    near = difference[difference < min(NEAR, step / (4 * rounding) - 1) * step]
    steps = np.rint(near / step)
    multiples = np.abs(near - step * steps) <= rounding * (1 + steps)
    return step if len(near) >= FEWEST and multiples.all() else 0.0
