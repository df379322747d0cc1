"""Dead time, the last step of a digitizer, for singles in the order of time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.hashing import combined
from ....io.ragged import Array, Columns, length, take
from ..config.digitizer import DigitizerConfig
from .volumes import at_level


class DeadTime:
    """Leaves out singles that come in the dead time of their volume.

    A single at time t is taken if its volume is alive, and kills it until t + dead_time; at that time
    itself the volume is alive again. If the dead time is paralysable, singles that are lost kill it anew
    (GateDeadTime::Digitize, without its buffer, and times not rounded to picoseconds). Segments or else
    files are independent of one another.
    """

    def __init__(self, config: DigitizerConfig) -> None:
        self.config = config
        self._volumes = np.zeros(0, dtype=np.uint64)
        self._segments = np.zeros(0, dtype=np.int64)
        self._until = np.zeros(0)
        self._last = (-1, -np.inf)

    def add(self, singles: Columns) -> Columns:
        """Take the next singles, and return those that are left.

        Raises:
            InputError: ids are missing by which volumes are told apart.
            ValueError: singles are not in the order of time.
        """
        if not length(singles) or not self.config.dead_time:
            return singles
        return take(singles, self._alive(singles))

    def _alive(self, singles: Columns) -> Array:
        time = np.asarray(singles["time"])
        segment = np.asarray(singles.get("segment", singles.get("file", np.zeros(len(time))))).astype(np.int64)
        back = np.diff(time, prepend=self._last[1]) < 0
        if (back & (np.diff(segment, prepend=self._last[0]) == 0)).any():
            raise ValueError("singles are not in the order of time")
        self._last = (int(segment[-1]), float(time[-1]))
        held = len(self._volumes)
        key = combined(segment, at_level(singles, self.config.dead_time_volume).view(np.int64))
        volumes, first, number = np.unique(np.concatenate([self._volumes, key]), return_index=True, return_inverse=True)
        until = np.full(len(volumes), -np.inf)
        until[number[:held]] = self._until
        alive = take_alive(number[held:], time, until, 1e-9 * self.config.dead_time, self.config.paralysable)
        # What is alive at the last single is so at all later ones.
        segments = np.concatenate([self._segments, segment])[first]
        dead = (until > time[-1]) & (segments == segment[-1])
        self._volumes, self._segments, self._until = volumes[dead], segments[dead], until[dead]
        return alive


@njit(cache=True, nogil=True)
def take_alive(volume: NDArray[np.int64], time: NDArray[np.float64], until: NDArray[np.float64], dead_time: float, paralysable: bool) -> Array:
    """Return whether each single finds its volume alive, (N,).

    Args:
        volume: number of each single's volume.
        until: when each volume is alive again, (V,); changed in place.
    """
    alive = np.empty(len(time), dtype=np.bool_)
    for i in range(len(time)):
        v = volume[i]
        alive[i] = time[i] >= until[v]
        if alive[i] or paralysable:
            until[v] = time[i] + dead_time
    return alive
