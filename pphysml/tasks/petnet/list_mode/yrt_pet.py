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
from .lines import Lines, line_lists
from .look_up_table import look_up_table


class YrtPetFiles(FilesBeside):
    """Writes prompt pairs, and delayed ones apart; see the module. The program is started with `--flag_tof` where there is time of flight, and with `--flag_randoms` where there are rates of random pairs."""

    def __init__(self, config: PetConfig, scanner: Scanner, output: Path) -> None:
        self.scanner = scanner
        self.name = output.stem
        self.lists = line_lists(config, scanner)
        self.suffixes = (*(f"{end}.lmDat" for end in self.lists), ".json", ".lut")
        self.tof = config.apply.tof is not None
        self.record = np.dtype([("ms", "<u4"), ("first", "<u4"), ("second", "<u4"), *([("tof", "<f4")] if self.tof else []), *([("randoms", "<f4")] if config.apply.randoms else [])])

    def rows(self, columns: Columns) -> dict[str, bytes]:
        """Return their events."""
        return {f"{end}.lmDat": self._records(of.add(columns)) for end, of in self.lists.items()}

    def _records(self, lines: Lines) -> bytes:
        records = np.empty(len(lines.ms), dtype=self.record)
        records["ms"], records["first"], records["second"] = lines.ms, lines.first, lines.second
        if self.tof:
            records["tof"] = lines.dt
        if lines.randoms is not None:
            records["randoms"] = lines.randoms
        return records.tobytes()

    def end(self, facts: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the scanner."""
        text = json.dumps(scanner_properties(self.scanner, self.name), indent=2) + "\n"
        data = {f"{end}.lmDat": b"" for end in self.lists}  # so that an empty list has its file
        return {**data, ".json": text.encode(), ".lut": look_up_table(self.scanner)}

    @property
    def warnings(self) -> list[str]:
        """What must be known of the lists."""
        return [sentence for of in self.lists.values() for sentence in of.warnings]


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
