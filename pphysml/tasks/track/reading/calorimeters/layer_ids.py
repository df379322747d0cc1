"""GATE's numbers of volumes, compared with the layers by position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .....errors import InputError
from .....io.problems import Place, place
from .....io.ragged import Array, Columns, Ragged

NAMES = ("base_id", "level1_id", "level2_id", "level3_id")
WEIGHTS = np.random.default_rng(5).integers(1, 2**62, len(NAMES) + 64) | 1
"""Factors by which the numbers of a row become one; the sum wraps."""


MOST = 0.05
"""Share of the rows whose numbers may be those of another layer."""

TOO_FEW = 3
"""Times as many layers as combinations of numbers, beyond which a level of the volumes is not in the file."""


class LayerIds:
    """Counts the rows of each combination of numbers in each layer; a combination belongs to one layer.

    Args:
        rows: some of the rows; if their numbers are all the same, these say nothing, and nothing is compared. Nor do they
            if a level of them is missing, so that many layers share their numbers.
    """

    def __init__(self, rows: Columns) -> None:
        codes = _codes(rows)
        self.useful = codes is not None and len(codes) > 0 and bool((codes != codes[0]).any())
        self._known = np.zeros(0, dtype=np.int64)
        self._hits = np.zeros((0, 0), dtype=np.int64)
        self._example: tuple[Place, str] | None = None

    def see(self, rows: Columns, layer: Array) -> None:
        """Take rows and their layers by position."""
        codes = _codes(rows) if self.useful else None
        if codes is None or not len(codes):
            return
        row = self._remember(codes, int(layer.max()) + 1)
        np.add.at(self._hits, (row, layer), 1)
        if self._example is None:
            usual = self._hits.argmax(1)[row]
            other = np.flatnonzero(usual != layer)
            if len(other):
                first = int(other[0])
                self._example = place(rows, first), (f"z = {np.asarray(rows['z'])[first]:.6g} mm is layer {layer[first]} by position, but most hits of its "
                                                     f"volume ({_describe(rows, first)}) are in layer {usual[first]}")

    @property
    def others(self) -> int:
        """How many rows lie in another layer than most with the same numbers."""
        return int(self._hits.sum() - self._hits.max(1, initial=0).sum())

    def end(self) -> None:
        """Judge all rows.

        Raises:
            InputError: too many lie in another layer than most with the same numbers.
        """
        if self._example is not None and not self._incomplete and self.others > MOST * self._hits.sum():
            where, text = self._example
            raise InputError(f"{self.others} of {self._hits.sum()} hits lie in another layer than most of their volume: {text}; "
                             "describe the calorimeter with --geometry, which leaves the numbers of volumes aside",
                             file=where.file, branch="z", entry=where.entry)

    def warnings(self) -> Iterator[str]:
        """Yield how many rows are not where their numbers say."""
        if self._example is not None and self.others and not self._incomplete:
            yield f"{self.others} of {self._hits.sum()} hits lie in another layer than most of their volume; they stay where their position is"

    @property
    def _incomplete(self) -> bool:
        return bool(TOO_FEW * len(self._known) < np.count_nonzero(self._hits.any(0)))

    def _remember(self, codes: Array, layers: int) -> Array:
        """Make room for new combinations and layers; return the place of each row's combination."""
        found, row = np.unique(codes, return_inverse=True)
        known = np.union1d(self._known, found)
        hits = np.zeros((len(known), max(layers, self._hits.shape[1])), dtype=np.int64)
        hits[np.searchsorted(known, self._known), : self._hits.shape[1]] = self._hits
        self._known, self._hits = known, hits
        place_of: Array = np.searchsorted(known, found)[row]
        return place_of


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
