"""GATE 10's names of volumes, such as `crystal_rep_5-0_0_3_12_5`, as numbers.

`PreStepUniqueVolumeID` is the name of the innermost volume, a dash, and the copy numbers of all volumes
from the world inwards, joined by underscores (opengate, GateUniqueVolumeID.cpp). The name may have
dashes and numbers itself: a repeated volume is called `crystal_rep_5`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.hashing import mixed
from ....io.ragged import Columns, Ragged

LEVELS = ("crystal_id", "submodule_id", "module_id", "rsector_id")
"""What the copy numbers are taken for, from the innermost outwards."""

DASH, UNDERSCORE, ZERO, NINE = 45, 95, 48, 57
OFFSET_BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""Of the hash FNV-1a of G. Fowler, L. C. Noll and K.-P. Vo with 64 bits."""

MOST_DIGITS = 9
"""Of a copy number; longer ones are something else."""


def volume_columns(volume: Ragged, levels: Sequence[str] = LEVELS) -> Columns:
    """Return a key for each volume, and its innermost copy numbers as ids.

    The last number is that of the first level, the one before it that of the second, and so on; the first
    number of all, the world's, is no id. A level that a volume does not have is -1, and so are all of a
    volume whose name does not end in copy numbers. Where crystals have layers, or modules are no level of
    the simulation, the levels must be given.

    Args:
        volume: bytes of the names, uint8, (N,) texts.
        levels: names of the columns, from the innermost volume outwards.

    Returns:
        `volume_key`, int64, not negative, which depends on the name alone; and each level, int32; (N,).
    """
    numbers = np.full((len(levels), len(volume)), -1, dtype=np.int32)
    parse_copy_numbers(volume.flat, volume.offsets, numbers)
    key = mixed(hash_texts(volume.flat, volume.offsets)) >> np.uint64(1)
    return {"volume_key": key.astype(np.int64), **dict(zip(levels, numbers, strict=True))}


class VolumeIds:
    """Gives rows `volume_key` and ids in the place of the names of volumes, `volume`, if they have these.

    Args:
        levels: names of the columns; what a name does not tell is -1.
        located: whether ids are made from positions, where there are none.
    """

    def __init__(self, levels: Sequence[str], located: bool) -> None:
        self.levels = levels
        self.located = located
        self._unused = ""

    def add(self, rows: Columns) -> Columns:
        """Return the next rows with ids."""
        volume = rows.get("volume")
        if not isinstance(volume, Ragged):
            return rows
        others = {name: column for name, column in rows.items() if name != "volume"}
        if not self._unused and len(volume) and not self.levels and not self.located and not set(LEVELS) & set(others):
            self._unused = volume[0].tobytes().decode(errors="replace")
        return others | volume_columns(volume, self.levels)

    @property
    def warnings(self) -> list[str]:
        """Names that are not taken for ids."""
        if not self._unused:
            return []
        return [f"the output has no ids (rsectorID ... crystalID): what the copy numbers in the names of volumes are, as {self._unused!r}, is not known; say it from the innermost "
                "outwards, as --set apply.volume_levels=[crystal,module,rsector], or name the scanner with --scanner"]


@njit(cache=True, nogil=True)
def hash_texts(flat: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Any:
    """Return FNV-1a of each text, uint64 (N,)."""
    hashed = np.empty(len(offsets) - 1, dtype=np.uint64)
    for row in range(len(hashed)):
        state = OFFSET_BASIS
        for k in range(offsets[row], offsets[row + 1]):
            state = (state ^ np.uint64(flat[k])) * PRIME
        hashed[row] = state
    return hashed


@njit(cache=True, nogil=True)
def parse_copy_numbers(flat: NDArray[np.uint8], offsets: NDArray[np.int64], numbers: NDArray[np.int32]) -> None:
    """Fill in the last copy numbers of each text, those of the innermost volume first, (levels, N)."""
    for row in range(len(offsets) - 1):
        first = _first_of_numbers(flat, offsets[row], offsets[row + 1])
        if first < 0:
            continue
        level, value, scale = 0, 0, 1
        for k in range(offsets[row + 1] - 1, first - 1, -1):
            if level == len(numbers):
                break
            if flat[k] == UNDERSCORE:
                numbers[level, row] = value
                level, value, scale = level + 1, 0, 1
            else:
                value, scale = value + scale * (flat[k] - ZERO), scale * 10


@njit(cache=True, nogil=True)
def _first_of_numbers(flat: NDArray[np.uint8], start: int, stop: int) -> int:
    """Return where the copy numbers begin behind the last dash, -1 if these are none."""
    digits = 0
    for k in range(stop - 1, start - 1, -1):
        if flat[k] == DASH:
            return k + 1 if digits else -1
        if ZERO <= flat[k] <= NINE and digits < MOST_DIGITS:
            digits += 1
        elif flat[k] == UNDERSCORE and digits:
            digits = 0
        else:
            return -1
    return -1
