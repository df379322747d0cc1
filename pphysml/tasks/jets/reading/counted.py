"""What is counted of jets while they are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import FileName
from ....io.carry import Carry
from ....io.problems import Place, place
from ....io.ragged import Array, Columns
from ..constituents.odd_jets import sentences, unlikely_momenta
from ..constituents.table import NUMBER, TABLE
from .linked_particles import LEFT_OUT

UNKNOWN = -1
"""Class of jets of which it is not known, or that are of none."""

LARGE, SMALL = 5000.0, 1.0
"""Median transverse momentum or mass above which MeV are suspected, and transverse momentum below which other units than those of the layout are, GeV."""

MEASURED = {"jet_pt": "transverse momentum", "jet_mass": "mass", "jet_softdrop_mass": "mass after soft drop"}


class JetsCarry(Carry):
    """What was counted in the input so far."""

    def __init__(self) -> None:
        self.jets = self.no_second_prong = self.without_class = self.labelled = self.links_left_out = 0
        self.without_constituents = self.cut = self.most = 0
        self.medians: dict[str, float] = {}
        self.unlikely: list[str] | None = None
        self.first_left_out: Place | None = None

    def add(self, examples: Columns, no_second_prong: int, by_class: bool = True) -> None:
        """Count the jets of a chunk; those of no class only if classes matter."""
        label = np.asarray(examples["class"])
        known = by_class and "class_known" in examples
        self.jets += len(label)
        self.no_second_prong += no_second_prong
        self.labelled += len(label) if known else 0
        self.without_class += int((label == UNKNOWN).sum()) if known else 0
        if len(label) and not self.medians:
            columns = {name: np.asarray(examples[name]) for name in MEASURED if name in examples}
            self.medians = {name: float(np.median(values[np.isfinite(values)])) for name, values in columns.items() if np.isfinite(values).any()}

    def add_constituents(self, examples: Columns, most: int) -> None:
        """Count jets without constituents, and those of which only `most` are taken; look at the momenta of the first."""
        numbers: Array = np.asarray(examples.get(NUMBER, np.ones(0)))
        self.without_constituents += int((numbers == 0).sum())
        self.cut += int((numbers > most).sum())
        self.most = most
        if self.unlikely is None and TABLE in examples:
            self.unlikely = unlikely_momenta(examples)

    def add_links(self, chunk: Columns) -> None:
        """Count the links of a chunk that lead to nothing stored."""
        left_out = np.asarray(chunk.get(LEFT_OUT, np.zeros(0, np.int64)))
        self.links_left_out += int(left_out.sum())
        if self.first_left_out is None and left_out.any():
            self.first_left_out = place(chunk, int(np.argmax(left_out > 0)))

    def warnings(self, named: FileName) -> list[str]:
        """Return what looks wrong in the input."""
        found = [f"half of the first jets have a {MEASURED[name]} above {median:.0f} GeV: are they in MeV? Then say so with --map {name}=BRANCH:MeV"
                 for name, median in self.medians.items() if median > LARGE]
        if self.medians.get("jet_pt", LARGE) < SMALL:
            found.append(f"half of the first jets have a transverse momentum below {self.medians['jet_pt']:.2g} GeV: is the unit another one? Then say so, as with --map jet_pt=BRANCH:GeV, and likewise for masses")
        if self.labelled and self.without_class == self.labelled:
            found.append("no jet is of any class of data.classes")
        if self.first_left_out is not None:
            found.append(f"{self.links_left_out} links of jets to constituents have the index -1, so that these are not stored and left out; the first in {self.first_left_out.text(named)}")
        return found + (self.unlikely or []) + sentences(self.without_constituents, self.cut, self.jets, self.most)

    def facts(self) -> dict[str, Any]:
        """Return numbers of jets."""
        counted = {"jets": self.jets}
        if self.labelled:
            counted["of_no_class"] = self.without_class
        further = {"without_second_prong": self.no_second_prong, "links_left_out": self.links_left_out, "without_constituents": self.without_constituents, "of_more_constituents": self.cut}
        return counted | {name: n for name, n in further.items() if n}
