"""Header (`.hroot`) by which STIR reads coincidences of GATE's cylindricalPET as a list mode."""

from __future__ import annotations

from collections.abc import Iterable
from math import pi
from typing import Literal

import numpy as np

from ....errors import ConfigError
from .scanner import Scanner

DEPTHS = {"rsector": 1, "module": 2, "submodule": 3, "crystal": 4}
"""Level of a readout -> GATE's depth of it."""

Readout = Literal["rsector", "module", "submodule", "crystal"]
Line = tuple[str, object]


def stir_header(
    scanner: Scanner,
    root_file: str,
    energy_window: tuple[float, float] | None = None,
    *,
    tree: str = "Coincidences",
    readout: Readout = "module",
    interaction_depth: float | None = None,
    tof: tuple[int, float, float] | None = None,
) -> str:
    """Return the text of a header for STIR from version 5.0.1 on, with time of flight from 6.0 on.

    STIR takes the ring for round and its crystals for evenly spaced. The view offset turns images into
    the axes of the scanner, where block 0 is at +x; STIR's own crystal 0 is at -y (its pull request 1016).
    Layers are not told apart. Keys as in STIR's CListModeDataROOT.cxx, InputStreamFromROOTFile.cxx and
    InputStreamFromROOTFileForCylindricalPET.cxx.

    Args:
        root_file: name of the ROOT file, relative to the header or absolute.
        energy_window: energies outside which STIR leaves coincidences out, keV; None keeps all.
        tree: of the coincidences.
        readout: volume that STIR takes for one unit of singles.
        interaction_depth: mean depth behind the front face, mm; None for the middle of a crystal.
        tof: number of bins of time of flight, their width and the FWHM of a coincidence, ps.

    Raises:
        ConfigError: an odd number of crystals per ring, which STIR cannot read.
    """
    if scanner.crystals_per_ring % 2:
        raise ConfigError(f"Scanner {scanner.name!r}: STIR reads rings with an even number of crystals only, not {scanner.crystals_per_ring}.")
    depth = scanner.crystal_size[2] / 2 if interaction_depth is None else interaction_depth
    lines = [
        "ROOT header :=", "",
        f"; scanner {scanner.name}",
        *_lines(_ring(scanner, depth)), *_lines(_time_of_flight(tof)), "",
        "GATE scanner type := GATE_Cylindrical_PET",
        "GATE_Cylindrical_PET Parameters :=", "",
        *_lines([("name of data file", root_file), ("name of input TChain", tree)]), "",
        *_lines(_repeaters(scanner)), "",
        *_lines(_events(energy_window, DEPTHS[readout])), "",
        "End GATE_Cylindrical_PET Parameters :=", "",
        "End ROOT header :=",
    ]
    return "\n".join(lines) + "\n"


def _ring(scanner: Scanner, depth: float) -> list[Line]:
    n = scanner.crystals_per_ring
    z = scanner.centre(n * np.arange(scanner.n_rings))[:, 2]
    spacing = (z[-1] - z[0]) / (len(z) - 1) if len(z) > 1 else scanner.crystal_pitch[1]
    return [
        ("originating system", "User_defined_scanner"),
        ("Number of rings", scanner.n_rings),
        ("Number of detectors per ring", n),
        ("Inner ring diameter (cm)", _cm(2 * scanner.radius)),
        ("Average depth of interaction (cm)", _cm(depth)),
        ("Distance between rings (cm)", _cm(spacing)),
        ("Default bin size (cm)", _cm(pi * (scanner.radius + depth) / n)),
        ("View offset (degrees)", f"{90 - 180 * (n // scanner.rsectors - 1) / n:.6g}"),
        # All the lines between two crystals, and as many on both sides of the middle.
        ("Maximum number of non-arc-corrected bins", n - 1),
        ("Default number of arc-corrected bins", n - 1),
    ]


def _time_of_flight(tof: tuple[int, float, float] | None) -> list[Line]:
    if tof is None:
        return []
    keys = ("Maximum number of (unmashed) TOF time bins", "Size of unmashed TOF time bins (ps)", "TOF timing resolution (ps)")
    return list(zip(keys, (tof[0], f"{tof[1]:.6g}", f"{tof[2]:.6g}"), strict=True))


def _repeaters(scanner: Scanner) -> list[Line]:
    lines: list[Line] = [("number of Rsectors", scanner.rsectors)]
    for name, (across, along) in zip(("modules", "submodules", "crystals"), scanner.counts, strict=True):
        lines += [(f"number of {name}_{axis}", count) for axis, count in (("X", 1), ("Y", across), ("Z", along))]
    return lines


def _events(energy_window: tuple[float, float] | None, depth: int) -> list[Line]:
    low, high = energy_window or (0.0, 0.0)
    lines: list[Line] = [
        ("Singles readout depth", depth),
        ("exclude scattered events", 0),
        ("exclude random events", 0),
        ("check energy window information", int(energy_window is not None)),
    ]
    window = [("low energy window (keV)", f"{low:.6g}"), ("upper energy window (keV)", f"{high:.6g}")]
    return [*lines, *(window if energy_window else ())]


def _lines(pairs: Iterable[Line]) -> list[str]:
    return [f"{key} := {value}" for key, value in pairs]


def _cm(length: float) -> str:
    return f"{length / 10:.7g}"
