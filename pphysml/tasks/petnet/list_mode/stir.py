"""Headers by which STIR reads the trees of the output as list modes."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from ....contract import FilesBeside
from ....io.ragged import Array, Columns, length
from ..coincidences.pairs import PROMPT
from ..config import PetConfig
from ..scanner.scanner import Scanner
from ..scanner.stir_header import stir_header
from .lines import crystals, rows_of
from .resolution import resolution

COMPARED = 20_000
"""Pairs at the start whose ids are compared with their positions."""

MOST = 0.01
"""Share of their singles that may differ: a position may be a mean over crystals."""

BINS = 5
"""Bins of time of flight in its resolution."""

DELAY = ".delay.hroot"

TREES = {".hroot": "Coincidences", DELAY: "delay"}
"""Suffix of a header -> tree that it makes known."""


class StirHeaders(FilesBeside):
    """Writes a header for the prompt pairs, and one for the delayed ones, unless ids are not the scanner's."""

    def __init__(self, config: PetConfig, scanner: Scanner, output: Path) -> None:
        self.odd = scanner.crystals_per_ring % 2 == 1
        self.suffixes = () if self.odd else tuple(TREES)[: 2 if config.apply.offset else 1]
        self.config = config
        self.scanner = scanner
        self.root_file = output.name
        self._n = self._n_unknown = self._n_compared = self._n_elsewhere = 0

    def rows(self, columns: Columns) -> dict[str, bytes]:
        """Compare ids with the scanner's; headers come last."""
        rows = rows_of(columns, PROMPT)
        few = min(length(rows), COMPARED - self._n_compared)
        for number in (1, 2):
            crystal = crystals(rows, self.scanner, number)
            self._n_unknown += int((crystal < 0).sum())
            self._n_elsewhere += int((crystal[:few] != self._located(rows, number, few)).sum())
        self._n += length(rows)
        self._n_compared += few
        return {}

    def end(self, facts: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the headers."""
        if self._misfit:
            return {}
        tof = self._bins(resolution(self.config, facts))
        # STIR takes the difference of the times in the tree, which of delayed pairs is beyond all bins.
        texts = {suffix: stir_header(self.scanner, self.root_file, self.config.energy_window, tree=TREES[suffix], tof=None if suffix == DELAY else tof)
                 for suffix in self.suffixes}
        return {suffix: text.encode() for suffix, text in texts.items()}

    @property
    def warnings(self) -> list[str]:
        """Why there is none."""
        return [f"no header for STIR is written, since {self._misfit}"] if self._misfit else []

    @property
    def _misfit(self) -> str:
        name = self.scanner.name
        if self.odd:
            return f"STIR reads rings with an even number of crystals only, not the {self.scanner.crystals_per_ring} of the scanner {name!r}"
        if self._n_unknown:
            return f"the ids of {self._n_unknown} of {2 * self._n} singles in pairs are none of the scanner {name!r}"
        if self._n_elsewhere > MOST * 2 * self._n_compared:
            return f"of {2 * self._n_compared} singles in pairs, {self._n_elsewhere} do not lie where the scanner {name!r} has the crystal that their ids name"
        return ""

    def _located(self, rows: Columns, number: int, few: int) -> Array:
        x, y, z = (np.asarray(rows[f"globalPos{axis}{number}"])[:few] for axis in "XYZ")
        return self.scanner.locate(x, y, z)

    def _bins(self, fwhm: float | None) -> tuple[int, float, float] | None:
        """Return an odd number of bins, which STIR needs, that hold the window on both sides, their width, and the resolution, ps."""
        if fwhm is None:
            return None
        width = fwhm / BINS
        return 2 * ceil(self.config.window / width - 0.5) + 1, width, fwhm
