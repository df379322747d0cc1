"""GATE's numbers of volumes, compared with the layers that positions tell."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....errors import InputError
from ....io.problems import Place, place
from ....io.ragged import Array, Columns, Ragged

NAMES = ("base_id", "level1_id", "level2_id", "level3_id")
WEIGHTS = np.random.default_rng(5).integers(1, 2**62, len(NAMES) + 64) | 1
"""Factors by which the numbers of a row become one; the sum wraps."""


class LayerIds:
    """Remembers in which layer each combination of numbers lies; one may not lie in two.

    Args:
        rows: the rows from which the layers were learnt; if their numbers are all the same, these say
            nothing, and nothing is compared.
    """

    def __init__(self, rows: Columns) -> None:
        codes = _codes(rows)
        self.useful = codes is not None and len(codes) > 0 and bool((codes != codes[0]).any())
        self._known = np.zeros(0, dtype=np.int64)
        self._layer = np.zeros(0, dtype=np.int16)
        self._first: dict[int, tuple[Place, float]] = {}

    def check(self, rows: Columns, layer: Array) -> None:
        """Compare rows with those before.

        Raises:
            InputError: a combination lies in two layers.
        """
        codes = _codes(rows) if self.useful else None
        if codes is None or not len(codes):
            return
        self._remember(rows, codes, layer)
        known = self._layer[np.searchsorted(self._known, codes)]
        bad = known != layer
        if bad.any():
            row = int(np.argmax(bad))
            z, where, (other, its_z) = np.asarray(rows["z"])[row], place(rows, row), self._first[int(codes[row])]
            raise InputError(lambda named: (
                f"z = {z:.6g} mm is layer {layer[row]} by position, but its volume "
                f"({_describe(rows, row)}) is in layer {known[row]}, {other.text(named)}, z = {its_z:.6g} mm; "
                "describe the calorimeter with --geometry, which leaves the numbers of volumes aside"),
                file=where.file, branch="z", entry=where.entry)

    def _remember(self, rows: Columns, codes: Array, layer: Array) -> None:
        index = np.searchsorted(self._known, codes)
        new = np.ones(len(codes), dtype=bool)
        inside = index < len(self._known)
        new[inside] = self._known[index[inside]] != codes[inside]
        if not new.any():
            return
        where = np.flatnonzero(new)
        found, first = np.unique(codes[where], return_index=True)
        for code, row in zip(found, where[first], strict=True):
            self._first[int(code)] = place(rows, int(row)), float(np.asarray(rows["z"])[row])
        known = np.concatenate([self._known, found])
        order = np.argsort(known)
        self._known = known[order]
        self._layer = np.concatenate([self._layer, layer[where[first]]])[order]


def _codes(rows: Columns) -> Array | None:
    """Return one number for each row's combination, int64; None if the file has no numbers of volumes."""
    present = [name for name in NAMES if name in rows]
    if not present and "volume_id" not in rows:
        return None
    codes = np.zeros(len(rows["z"]), dtype=np.int64)
    for name, weight in zip(present, WEIGHTS, strict=False):
        codes += (np.asarray(rows[name]).astype(np.int64) + 1) * weight
    volumes = rows.get("volume_id")
    if isinstance(volumes, Ragged):
        add_codes(codes, volumes.flat, volumes.offsets, WEIGHTS[len(NAMES) :])
    return codes


@njit(cache=True, nogil=True)
def add_codes(codes: NDArray[np.int64], flat: Array, offsets: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
    """Add one number for the values of each row, in place, with 64 weights.

    GATE fills up with -1, which adds nothing, as if it were not there.
    """
    for row in range(len(codes)):
        for k in range(offsets[row], offsets[row + 1]):
            codes[row] += (flat[k] + 1) * weights[(k - offsets[row]) & 63]


def _describe(rows: Columns, row: int) -> str:
    said = [f"{name} {np.asarray(rows[name])[row]}" for name in NAMES if name in rows]
    volumes = rows.get("volume_id")
    if isinstance(volumes, Ragged):
        said.append("volume_id " + " ".join(map(str, volumes[row])))
    return ", ".join(said)
