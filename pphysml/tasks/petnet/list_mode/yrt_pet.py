"""List mode of YRT-PET: events (.lmDat), and the scanner (.json with its table, .lut).

As in YRT-PET's documentation, "List-mode file" and "Scanner definition" (version 3.1 of the latter), and in its ListModeLUT.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....contract import FilesBeside
from ....io.ragged import Columns
from ..config import PetConfig
from ..scanner.scanner import Scanner
from .lines import LineList
from .look_up_table import look_up_table


class YrtPetFiles(FilesBeside):
    """Writes prompt pairs; see the module. The program is started with `--flag_tof` where there is time of flight."""

    suffixes = (".lmDat", ".json", ".lut")

    def __init__(self, config: PetConfig, scanner: Scanner, output: Path) -> None:
        self.scanner = scanner
        self.name = output.stem
        self.list = LineList(scanner)
        self.tof = config.apply.tof is not None
        self.record = np.dtype([("ms", "<u4"), ("first", "<u4"), ("second", "<u4"), *([("tof", "<f4")] if self.tof else [])])

    def rows(self, columns: Columns) -> dict[str, bytes]:
        """Return their events."""
        lines = self.list.add(columns)
        records = np.empty(len(lines.ms), dtype=self.record)
        records["ms"], records["first"], records["second"] = lines.ms, lines.first, lines.second
        if self.tof:
            records["tof"] = lines.dt
        return {".lmDat": records.tobytes()}

    def end(self, facts: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the scanner."""
        text = json.dumps(scanner_properties(self.scanner, self.name), indent=2) + "\n"
        return {".lmDat": b"", ".json": text.encode(), ".lut": look_up_table(self.scanner)}

    @property
    def warnings(self) -> list[str]:
        """What must be known of the list."""
        return self.list.warnings


def scanner_properties(scanner: Scanner, name: str) -> dict[str, Any]:
    """Return what YRT-PET must know of a scanner; lines between all rings, and all but neighbours around the axis, count."""
    return {
        "VERSION": 3.1,
        "scannerName": scanner.name,
        "detCoord": f"{name}.lut",
        "axialFOV": scanner.length,
        "crystalSize_z": scanner.crystal_size[1],
        "crystalSize_trans": scanner.crystal_size[0],
        "crystalDepth": scanner.crystal_size[2] / scanner.layers,
        "scannerRadius": scanner.radius,
        "detsPerRing": scanner.crystals_per_ring,
        "numRings": scanner.n_rings,
        "numDOI": scanner.layers,
        "detsPerBlock": scanner.crystals_per_ring // scanner.rsectors,
        "maxRingDiff": scanner.n_rings - 1,
        "minAngDiff": 2,
    }
