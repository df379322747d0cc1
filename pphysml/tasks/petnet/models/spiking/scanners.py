"""The scanner whose crystals are the channels of a spiking network."""

from __future__ import annotations

import numpy as np

from .....errors import InputError
from .....io.ragged import Array, Columns, ragged
from ...scanner.crystals import scanner_crystals
from ...scanner.scanner import Scanner

MARGIN = 2.0
"""How far in front of or behind its crystal a single may be read, mm."""


def crystals_of(examples: Columns, scanner: Scanner) -> Array:
    """Return the linear index of each single's crystal, -1 for none, int64 (N,).

    Raises:
        InputError: the singles are of another scanner: half of them are in none of its crystals, or at another radius.
    """
    crystal = scanner_crystals(examples, scanner)
    known = crystal >= 0
    radius = np.hypot(*(ragged(examples, axis).flat[known].astype(np.float64) for axis in "xy"))
    off = np.abs(radius - np.hypot(*scanner.centre(crystal[known]).T[:2]))
    if len(crystal) and (known.mean() < 0.5 or np.median(off) > scanner.crystal_size[2] + MARGIN):
        raise InputError(f"The singles do not lie in the crystals of the scanner {scanner.name!r}, each of which is an input of the spiking network: "
                         "train one for this scanner, or take another engine.")
    return crystal
