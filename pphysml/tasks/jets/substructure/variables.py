"""High-level variables of jets, from flat constituents."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Ragged
from .variables_kernel import COLUMNS, fill_variables

Z_CUT, BETA = 0.1, 0.0
"""Soft drop of the usual kind, which is also the modified mass drop tagger."""


def jet_variables(
    px: Ragged,
    py: Array,
    pz: Array,
    energy: Array,
    radius: float,
    z_cut: float = Z_CUT,
    beta: float = BETA,
) -> dict[str, Array]:
    """Return the variables of jets, by name, float32, (jets,), the number of constituents int32.

    `pt`, `eta`, `phi` and `mass` (GeV, rad) are those of the sum of the constituents, `eta` is its
    pseudorapidity; `softdrop_mass` (GeV) is groomed by soft drop on Cambridge/Aachen; `tau1` to `tau4`
    have exclusive kT axes; `c2`, `d2` and `n2` are ratios of energy correlation functions with beta = 1.
    `ptd` is sqrt(sum pt^2) / sum pt, `width` sum pt R / sum pt, with the distance R to the jet in
    rapidity and azimuth. Constituents without transverse momentum are counted, and left out of all else.
    A jet without constituents has zeros.

    Args:
        px: one row per jet, GeV.
        py, pz, energy: the flat values that belong to it, GeV.
        radius: of the jets, the scale of N-subjettiness (and of soft drop, if `beta` is not 0).
        z_cut, beta: of soft drop.
    """
    values = np.empty((len(px), len(COLUMNS)))
    # Always double and writable, so that one version is compiled.
    x, y, z, e = (np.array(component, dtype=np.float64) for component in (px.flat, py, pz, energy))
    fill_variables(x, y, z, e, np.array(px.offsets), radius, z_cut, beta, values)
    types = {"nconstituents": np.int32}
    return {
        name: values[:, i].astype(types.get(name, np.float32)) for i, name in enumerate(COLUMNS)
    }
