"""Four-momenta of the leaves from what a file has: energies, masses, or a mass hypothesis."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, ragged
from ....physics.momentum_resolution import with_mass
from ..config import DataConfig


def leaf_momenta(chunk: Columns, options: DataConfig) -> Array:
    """Return px, py, pz, E of all leaves, float64 (leaves, 4).

    Raises:
        InputError: there are neither energies nor masses, and no hypothesis is configured.
    """
    p3 = np.stack([ragged(chunk, name).flat for name in ("px", "py", "pz")], -1)
    if "e" in chunk:
        return np.concatenate([p3, ragged(chunk, "e").flat[:, None]], -1)
    return with_mass(p3, ragged(chunk, "mass").flat if "mass" in chunk else _hypothesis(chunk, options))


def _hypothesis(chunk: Columns, options: DataConfig) -> Array | float:
    if options.charged_mass is None:
        raise InputError(
            "The leaves have no energy: there is neither a branch 'feat_E' nor 'feat_mass' (or 'feat_M'); name one with "
            "--map feat_E=BRANCH, or give a mass hypothesis, for example --set data.charged_mass=0.13957 for pions "
            "(and data.neutral_mass, 0 unless set).")
    if options.charged_mass == options.neutral_mass:
        return options.charged_mass
    if "charge" not in chunk:
        raise InputError("The mass hypothesis data.charged_mass needs a branch 'feat_charge'; name it with "
                         "--map feat_charge=BRANCH, or set data.neutral_mass to the same mass.")
    masses: Array = np.where(ragged(chunk, "charge").flat != 0, options.charged_mass, options.neutral_mass)
    return masses
