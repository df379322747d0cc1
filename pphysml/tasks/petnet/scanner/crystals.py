"""Which crystal each single is of, whatever the input tells of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged
from .scanner import LEVELS, Scanner

IDS = ("system_id", "gantry_id", *LEVELS, "volume_key")

STEP = 0.1
"""Rounding of positions, mm, where they tell the crystal."""


def ids_of(examples: Columns) -> dict[str, Array]:
    """Return the ids that there are of the singles of slices."""
    return {name: ragged(examples, name).flat for name in IDS if name in examples}


def scanner_crystals(examples: Columns, scanner: Scanner) -> NDArray[np.int64]:
    """Return the linear index of each single's crystal in the scanner, by its ids or else its position, -1 for none."""
    ids = ids_of(examples)
    x, y, z = (ragged(examples, axis).flat for axis in "xyz")
    crystal = scanner.crystal_of(ids) if "rsector_id" in ids else np.full(len(x), -1)
    if not (crystal >= 0).any():
        return scanner.locate(x, y, z)
    lacking = _without_ids(ids)
    return np.where(lacking, scanner.locate(x, y, z), crystal) if lacking.any() else crystal


class CrystalIndex:
    """Numbers 0, 1, ... for the crystals that were seen, in no order.

    A crystal is known by the scanner, where there is one, else by the ids that there are, else by its position.

    Args:
        scanner: with it, singles in none of its crystals have no number.
    """

    def __init__(self, scanner: Scanner | None) -> None:
        self.scanner = scanner
        self._keys = np.zeros(0, dtype=np.uint64)
        self._numbers = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def places(self) -> NDArray[np.int64]:
        """Return the place of each number in an order of all crystals that does not depend on when they were seen."""
        places = np.empty(len(self), dtype=np.int64)
        places[self._numbers] = np.arange(len(self))
        return places

    def add(self, examples: Columns) -> NDArray[np.int64]:
        """Return the crystal of each single of slices, -1 for none; crystals that are new get numbers."""
        keys, known = self._keys_of(examples)
        new = np.setdiff1d(keys[known], self._keys)
        merged = np.concatenate([self._keys, new])
        order = np.argsort(merged)
        numbers = np.concatenate([self._numbers, len(self._keys) + np.arange(len(new))])
        self._keys, self._numbers = merged[order], numbers[order]
        return self._find(keys, known)

    def of(self, examples: Columns) -> NDArray[np.int64]:
        """Return the crystal of each single of slices, -1 for none and for those never seen."""
        return self._find(*self._keys_of(examples))

    def _find(self, keys: Array, known: Array) -> NDArray[np.int64]:
        if not len(self._keys):
            return np.full(len(keys), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(known & (self._keys[place] == keys), self._numbers[place], -1)

    def _keys_of(self, examples: Columns) -> tuple[NDArray[np.uint64], Array]:
        """Return a key of each crystal, and whether the single is in one."""
        ids = ids_of(examples)
        x, y, z = (ragged(examples, axis).flat for axis in "xyz")
        if self.scanner is not None:
            crystal = scanner_crystals(examples, self.scanner)
            return crystal.astype(np.uint64), crystal >= 0
        places = [np.rint(axis / STEP) for axis in (x, y, z)]
        keys = _mixed(list(ids.values()) or places)
        if ids and (lacking := _without_ids(ids)).any():
            keys = np.where(lacking, _mixed(places), keys)
        return keys, np.ones(len(x), dtype=bool)


def _without_ids(ids: dict[str, Array]) -> Array:
    """Return which singles have no ids, those of a file that lacks what others of the list have."""
    if "volume_key" in ids:
        return np.zeros(len(ids["volume_key"]), dtype=bool)
    lacking: Array = np.logical_and.reduce([values < 0 for values in ids.values()])
    return lacking


def _mixed(columns: list[Array]) -> NDArray[np.uint64]:
    """Return a number of 64 bits for the integers of each row, which no two of a million rows share but by a chance of 1e-8.

    Source: G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014, 453 (the finalizer of SplitMix64).
    """
    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        mixed += column.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed
