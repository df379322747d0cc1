"""Coincidences of a file as slices of two singles, which are a pair."""

from __future__ import annotations

import numpy as np

from ....errors import FileName
from ....io.carry import Carry
from ....io.ragged import Column, Columns, Ragged, length
from .energy_unit import EnergyUnit

GIVEN = "given"
"""Column of slices of two singles that are a pair of the input."""


def is_given(rows: Columns) -> bool:
    """Return whether entries are coincidences."""
    return "time_1" in rows


class GivenPairs(Carry):
    """Makes slices, each of the two singles of one entry, the earlier first."""

    def __init__(self) -> None:
        self.done = False
        self.unit = EnergyUnit()
        self._n = 0

    def add(self, rows: Columns | None) -> Columns:
        """Return the slices of the next entries; None ends the input."""
        self.done = rows is None
        if not rows or not length(rows):
            return {}
        n = length(rows)
        offsets = 2 * np.arange(n + 1)
        late = np.asarray(rows["time_2"]) < np.asarray(rows["time_1"])
        singles: dict[str, Column] = {name.removesuffix("_1"): Ragged(_both(rows, name, late), offsets) for name in rows if name.endswith("_1")}
        file, entry = np.asarray(rows["file"]), np.asarray(rows["entry"])
        of_pair = {"single_file": file, "single_entry": entry, **({"run": rows["run"]} if "run" in rows else {})}
        singles |= {name: Ragged(np.repeat(np.asarray(column), 2), offsets) for name, column in of_pair.items()}
        energy = singles["energy"]
        assert isinstance(energy, Ragged)
        in_mev = self.unit.add({"file": np.repeat(file, 2), "entry": np.repeat(entry, 2), "energy": energy.flat})
        number = self._n + np.arange(n)
        self._n += n
        return {"file": file, "entry": entry, "slice": number, "segment": np.zeros(n, dtype=np.int64), "n_owned": np.full(n, 2, dtype=np.int32),
                GIVEN: np.ones(n, dtype=bool), **singles, "energy": Ragged(np.asarray(in_mev["energy"]), offsets)}

    def warnings(self, named: FileName) -> list[str]:
        """Return what the user should know of the input, sentences without full stops."""
        return ["the input holds coincidences, which are judged as they are: no engine has made pairs, and what was not paired is not known", *self.unit.warnings(named)]


def _both(rows: Columns, first: str, late: np.ndarray) -> np.ndarray:
    """Return the column of the first single and that of the second in turn, (2 n,), the earlier one in front."""
    ends = np.stack([np.asarray(rows[first]), np.asarray(rows[first.removesuffix("1") + "2"])], axis=1)
    ends[late] = ends[late, ::-1]
    return ends.ravel()
