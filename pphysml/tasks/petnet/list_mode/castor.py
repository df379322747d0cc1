"""List mode of CASToR: events (.Cdf) with their header (.Cdh), and the scanner (.lut with its header, .hscan).

Records, keys and the order of crystals as CASToR 3.1.1 reads and writes them (iDataFilePET.cc, vDataFile.cc, iScannerPET.cc,
castor-GATERootToCastor.cc).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....contract import FilesBeside
from ....errors import ConfigError
from ....io.ragged import Columns
from ..config import PetConfig
from ..scanner.scanner import Scanner
from .lines import LineList
from .look_up_table import look_up_table
from .resolution import resolution


class CastorFiles(FilesBeside):
    """Writes prompt pairs; see the module.

    The scanner has the name of the output, under which CASToR looks for .hscan and .lut among its scanners.
    """

    suffixes = (".Cdf", ".Cdh", ".hscan", ".lut")

    def __init__(self, config: PetConfig, scanner: Scanner, output: Path) -> None:
        if any(sign in output.stem for sign in "#:,"):
            raise ConfigError(f"{output}: CASToR's headers cannot name a file with '#', ':' or ',' in its name; give another --output.")
        self.config = config
        self.scanner = scanner
        self.name = output.stem
        self.list = LineList(scanner)
        self.record = np.dtype([("ms", "<u4"), *([("tof", "<f4")] if config.apply.tof else []), ("first", "<u4"), ("second", "<u4")])

    def rows(self, columns: Columns) -> dict[str, bytes]:
        """Return their events."""
        lines = self.list.add(columns)
        records = np.empty(len(lines.ms), dtype=self.record)
        records["ms"], records["first"], records["second"] = lines.ms, lines.first, lines.second
        if self.config.apply.tof:
            # CASToR puts an annihilation from the middle on towards the second crystal by half of t1 - t2.
            records["tof"] = -lines.dt
        return {".Cdf": records.tobytes()}

    def end(self, facts: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the headers, and the scanner."""
        texts = {".Cdh": self._header(resolution(self.config, facts)), ".hscan": scanner_header(self.scanner, self.name)}
        return {".Cdf": b"", ".lut": look_up_table(self.scanner), **{suffix: _text(lines) for suffix, lines in texts.items()}}

    @property
    def warnings(self) -> list[str]:
        """What must be known of the list."""
        return self.list.warnings

    def _header(self, fwhm: float | None) -> list[tuple[str, object]]:
        start = min(self.list.first_ms, self.list.last_ms) / 1000
        lines: list[tuple[str, object]] = [
            ("Scanner name", self.name),
            ("Data filename", f"{self.name}.Cdf"),
            ("Number of events", self.list.n),
            ("Data mode", "list-mode"),
            ("Data type", "PET"),
            ("Start time (s)", f"{start:.3f}"),
            ("Duration (s)", f"{(self.list.last_ms + 1) / 1000 - start:.3f}"),
            ("TOF information flag", int(fwhm is not None)),
        ]
        tof = [("TOF resolution (ps)", f"{fwhm:.6g}"), ("List TOF measurement range (ps)", f"{2 * self.config.window:.6g}")] if fwhm is not None else []
        return [*lines, *tof]


def scanner_header(scanner: Scanner, name: str) -> list[tuple[str, object]]:
    """Return the lines of the header of a look-up table; images have two voxels in a crystal's pitch, unless asked otherwise."""
    layers = scanner.layers
    across, along, deep = scanner.crystal_size

    def of_layers(value: object) -> str:
        return ",".join([str(value)] * layers)

    return [
        ("modality", "PET"),
        ("scanner name", name),
        ("scanner radius", ",".join(f"{scanner.radius + layer * deep / layers:.7g}" for layer in range(layers))),
        ("number of rings in scanner", scanner.n_rings),
        ("number of elements", scanner.n_crystals),
        ("number of layers", layers),
        ("number of crystals in layer(s)", of_layers(scanner.n_crystals // layers)),
        ("crystals size depth", of_layers(f"{deep / layers:.7g}")),
        ("crystals size transaxial", of_layers(f"{across:.7g}")),
        ("crystals size axial", of_layers(f"{along:.7g}")),
        ("voxels number transaxial", max(1, round(4 * scanner.radius / scanner.crystal_pitch[0]))),
        ("voxels number axial", max(1, 2 * scanner.n_rings - 1)),
        ("field of view transaxial", f"{2 * scanner.radius:.7g}"),
        ("field of view axial", f"{scanner.length:.7g}"),
        ("mean depth of interaction", of_layers(-1)),
        ("min angle difference", 0),
        ("description", f"crystals of the scanner {''.join(c for c in scanner.name if c not in '#:,')}"),
    ]


def _text(lines: Iterable[tuple[str, object]]) -> bytes:
    return "".join(f"{key}: {value}\n" for key, value in lines).encode()
