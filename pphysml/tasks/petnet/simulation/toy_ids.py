"""Numbers that the toy data of arXiv:2504.06730 give to crystals, by the public formula and by what was meant."""

from __future__ import annotations

import numpy as np

from ..scanner.blocks import Indices

MODULE, MODULE_RINGS = 15, 8
"""Crystals of a module around the axis and along it, in the public parameters."""

SPLIT = 8
"""Crystals of the first of the two matrices of a module, which are numbered one after the other."""


def toy_ids(place: Indices, ring: Indices, rings: int, published: bool) -> Indices:
    """Return the number of crystals; in a module they count against the azimuth, matrix by matrix.

    Args:
        place: number around the axis, (N,).
        ring: number along it, (N,).
        rings: of the scanner, a multiple of `MODULE_RINGS`.
        published: add the module's number where that of the crystal in it is meant, as the public
            program does (function position_to_crystalID of simulatePET.py), so that many crystals share a number.
    """
    module, inside = np.divmod(place, MODULE)
    module_ring, row = np.divmod(ring, MODULE_RINGS)
    column = MODULE - 1 - inside
    added = module if published else column
    within = np.where(column < SPLIT, SPLIT * row + added, MODULE_RINGS * SPLIT + (MODULE - SPLIT) * row + added - SPLIT)
    numbers: Indices = module * MODULE * rings + module_ring * MODULE * MODULE_RINGS + within
    return numbers
