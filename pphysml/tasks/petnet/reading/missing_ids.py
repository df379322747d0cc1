"""Ids that a file lacks, made from positions; and whether those that it has are the scanner's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....errors import FileName
from ....io.problems import Place, place
from ....io.ragged import Array, Columns, length, slice_rows, take
from ..scanner.scanner import LEVELS, Scanner
from .placement import Placement

SAMPLE = 20_000
"""Singles at the start whose ids are compared with their positions."""

MOST = 0.01
"""Share of them that may differ: a position may be a mean over crystals."""


class At(NamedTuple):
    """Where a row is, in the input and in space, mm."""

    place: Place
    x: float
    y: float
    z: float

    def text(self, named: FileName) -> str:
        """Return it in words."""
        return f"{self.place.text(named)} at ({self.x:.4g}, {self.y:.4g}, {self.z:.4g}) mm"


class MissingIds:
    """Gives rows the ids of the crystals in which they lie, where their file lacks these.

    Rows that lie in no crystal are left out then. Ids of the file stay as they are; the first ones are
    compared with the positions.

    Args:
        scanner: None for one that is not known, which gives no ids.
        placement: where it is stated to stand.
    """

    def __init__(self, scanner: Scanner | None, placement: Placement | None = None) -> None:
        self.scanner, self.placement = scanner, placement or Placement()
        self.what = "singles"
        self._n = self._n_outside = self._n_compared = self._n_different = 0
        self._outside: At | None = None
        self._different: At | None = None

    def add(self, rows: Columns) -> Columns:
        """Return the next rows with all ids, `x` `y` `z` (mm) being where they are."""
        if self.scanner is None or not length(rows):
            return rows
        self.what = "hits" if "edep" in rows else "singles"
        # There is but one number for the only member of a volume.
        members = self.scanner.members
        lacking = [name for name in LEVELS if name not in rows]
        # Of several files, one may lack ids that the others have; -1 alone for the only member of a volume is an id.
        empty = [name for name in LEVELS if name in rows and (np.asarray(rows[name]) < 0).all()]
        lacking += empty if any(members[name] > 1 for name in empty) else []
        if all(members[name] == 1 for name in lacking):
            self._compare(rows, self.scanner)
            return rows | {name: np.zeros(length(rows), dtype=np.int32) for name in lacking}
        crystal = self._located(rows, self.scanner)
        self._note_outside(rows, crystal)
        ids = self.scanner.ids_of(crystal)
        rows = rows | {name: ids[name] for name in lacking}
        return rows if (crystal >= 0).all() else take(rows, crystal >= 0)

    def warnings(self, named: FileName) -> list[str]:
        """Return what was left out, and ids that are not the scanner's."""
        name, size = (self.scanner.name, _extent(self.scanner)) if self.scanner else ("", "")
        found = []
        if self._outside is not None:
            found.append(f"{self._n_outside} of {self._n} {self.what} lie in no crystal of the scanner {name!r} ({size}) and were left out, "
                         f"the first in {self._outside.text(named)}; apply.axis and apply.centre state where it stands")
        if self._different is not None and self._n_different > MOST * self._n_compared:
            found.append(f"of the first {self._n_compared} {self.what}, {self._n_different} do not lie where the scanner {name!r} has the crystal that their ids "
                         f"name, the first in {self._different.text(named)}; the ids of the file were taken: are scanner and axes the right ones, and where it stands (apply.axis, apply.centre)?")
        return found

    def _located(self, rows: Columns, scanner: Scanner) -> Array:
        places = np.stack([np.asarray(rows[axis]) for axis in "xyz"], axis=1)
        return scanner.locate(*(places if self.placement.usual else self.placement.points(places)).T)

    def _note_outside(self, rows: Columns, crystal: Array) -> None:
        self._n += len(crystal)
        outside = crystal < 0
        if outside.any() and not self._n_outside:
            self._outside = _at(rows, int(np.argmax(outside)))
        self._n_outside += int(outside.sum())

    def _compare(self, rows: Columns, scanner: Scanner) -> None:
        rows = slice_rows(rows, 0, min(length(rows), SAMPLE - self._n_compared))
        if not length(rows):
            return
        ids = {name: np.asarray(rows[name]) for name in LEVELS if name in rows}
        different = (scanner.crystal_of(ids) != self._located(rows, scanner)) | (scanner.crystal_of(ids) < 0)
        if different.any() and not self._n_different:
            self._different = _at(rows, int(np.argmax(different)))
        self._n_compared += len(different)
        self._n_different += int(different.sum())


def _at(rows: Columns, row: int) -> At:
    x, y, z = (float(np.asarray(rows[axis])[row]) for axis in "xyz")
    return At(place(rows, row), x, y, z)


def _extent(scanner: Scanner) -> str:
    return f"from {scanner.radius:g} mm on around z, {scanner.length:.4g} mm long"
