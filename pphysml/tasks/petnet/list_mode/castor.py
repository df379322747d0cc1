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
from .lines import Lines, line_lists
from .look_up_table import look_up_table
from .resolution import resolution


class CastorFiles(FilesBeside):
    """Writes prompt pairs, and delayed ones apart; see the module.

    The scanner has the name of the output, under which CASToR looks for .hscan and .lut among its scanners.
    """

    def __init__(self, config: PetConfig, scanner: Scanner, output: Path) -> None:
        if any(sign in output.stem for sign in "#:,"):
            raise ConfigError(f"{output}: CASToR's headers cannot name a file with '#', ':' or ',' in its name; give another --output.")
        self.config = config
        self.scanner = scanner
        self.name = output.stem
        self.lists = line_lists(config, scanner)
        self.suffixes = (*(f"{end}{suffix}" for end in self.lists for suffix in (".Cdf", ".Cdh")), ".hscan", ".lut")
        self.record = np.dtype([("ms", "<u4"), *([("randoms", "<f4")] if config.apply.randoms else []), *([("tof", "<f4")] if config.apply.tof else []), ("first", "<u4"), ("second", "<u4")])

    def rows(self, columns: Columns) -> dict[str, bytes]:
        """Return their events."""
        return {f"{end}.Cdf": self._records(of.add(columns)) for end, of in self.lists.items()}

    def _records(self, lines: Lines) -> bytes:
        records = np.empty(len(lines.ms), dtype=self.record)
        records["ms"], records["first"], records["second"] = lines.ms, lines.first, lines.second
        if lines.randoms is not None:
            records["randoms"] = lines.randoms
        if self.config.apply.tof:
            # CASToR puts an annihilation from the middle on towards the second crystal by half of t1 - t2.
            records["tof"] = -lines.dt
        return records.tobytes()

    def end(self, facts: Mapping[str, Any]) -> dict[str, bytes]:
        """Return the headers, and the scanner."""
        fwhm = resolution(self.config, facts)
        data = {f"{end}.Cdf": b"" for end in self.lists}  # so that an empty list has its file
        headers = {f"{end}.Cdh": _text(self._header(end, fwhm)) for end in self.lists}
        return {**data, **headers, ".hscan": _text(scanner_header(self.scanner, self.name)), ".lut": look_up_table(self.scanner)}

    @property
    def warnings(self) -> list[str]:
        """What must be known of the lists."""
        return [sentence for of in self.lists.values() for sentence in of.warnings]

    def _header(self, end: str, fwhm: float | None) -> list[tuple[str, object]]:
        # Of prompt and delayed pairs alike, so that both are of the same time.
        first, last = min(of.first_ms for of in self.lists.values()), max(of.last_ms for of in self.lists.values())
        start = min(first, last) / 1000
        lines: list[tuple[str, object]] = [
            ("Scanner name", self.name),
            ("Data filename", f"{self.name}{end}.Cdf"),
            ("Number of events", self.lists[end].n),
            ("Data mode", "list-mode"),
            ("Data type", "PET"),
            ("Start time (s)", f"{start:.3f}"),
            ("Duration (s)", f"{(last + 1) / 1000 - start:.3f}"),
            ("Random correction flag", int(self.config.apply.randoms)),
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
