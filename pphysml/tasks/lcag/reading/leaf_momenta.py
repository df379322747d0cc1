"""Four-momenta of the leaves from what a file has: energies, masses, or mass hypotheses."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, ragged
from ....io.schema import Layout
from ....physics.four_vectors import from_pt_eta_phi, mass_squared, momentum_squared
from ....physics.momentum_resolution import with_mass
from ....physics.particle_masses import particle_mass
from ..config import DataConfig
from .hypotheses import given_hypotheses, hypothesis_masses

ROUNDING = 4e-6
"""Rounding errors of a squared mass, in squared energies, where numbers were single precision."""

SAME_MASS = 0.1
"""Relative difference of squared masses that is taken for another rounding of the same particle's."""

NO_ENERGY = (
    "The leaves have no energy: there is neither a branch '{e}' nor '{mass}'; name one with --map {e}=BRANCH or --map {mass}=BRANCH, "
    "or say which particles they are: --map assumed_pdg=BRANCH (their PDG ids), "
    "--set 'data.pid={{pi+: pionID, K+: kaonID}}' (the branch with the largest value), --set data.particle=pi+ (all are pions), "
    "or --set data.charged_mass=0.13957 (GeV; and data.neutral_mass, 0 unless set)")


def from_transverse(columns: Columns, layout: Layout) -> Columns:
    """Return the columns with `px`, `py`, `pz` from `pt`, `eta`, `phi`."""
    pt, eta, phi = (ragged(columns, name) for name in ("pt", "eta", "phi"))
    momenta = from_pt_eta_phi(pt.flat, eta.flat, phi.flat)
    return {**columns, **{name: Ragged(momenta[:, k].copy(), pt.offsets) for k, name in enumerate(("px", "py", "pz"))}}


def leaf_momenta(chunk: Columns, options: DataConfig) -> Array:
    """Return px, py, pz, E of all leaves, float64 (leaves, 4).

    Without energies they follow from masses, else from hypotheses: those of the input (`assumed_pdg`,
    `data.pid`), else those of the configuration.

    Raises:
        InputError: there are neither energies nor masses nor hypotheses, or energies and masses contradict
            each other; names the entry.
    """
    p3 = np.stack([ragged(chunk, name).flat for name in ("px", "py", "pz")], -1)
    if "e" not in chunk:
        return with_mass(p3, _given_masses(chunk, p3) if "mass" in chunk else _assumed_masses(chunk, options))
    p4: Array = np.concatenate([p3, ragged(chunk, "e").flat[:, None]], -1)
    if "mass" in chunk:
        _refuse_contradictions(chunk, p4, _given_masses(chunk, p3))
    return p4


def _given_masses(chunk: Columns, p3: Array) -> Array:
    """Return the masses of the file; ROOT gives -sqrt(p^2 - E^2) where rounding has made E smaller than p."""
    column = ragged(chunk, "mass")
    bad = (column.flat < 0) & (column.flat**2 > ROUNDING * momentum_squared(p3))
    refuse(chunk, column.rows_with(bad), "mass", lambda row: (
        f"value {column.first_of(bad, row):g} GeV is below 0, and more than rounding"))
    masses: Array = np.maximum(column.flat, 0.0)
    return masses


def _refuse_contradictions(chunk: Columns, p4: Array, masses: Array) -> None:
    square, energies = mass_squared(p4), ragged(chunk, "e")
    bad = np.abs(square - masses**2) > ROUNDING * p4[:, 3] ** 2 + SAME_MASS * masses**2
    found = np.sqrt(np.maximum(square, 0))

    def reason(row: int) -> str:
        return (f"contradicts the energy: a leaf of mass {energies.first_of(bad, row, masses):g} GeV has a mass of "
                f"{energies.first_of(bad, row, found):g} GeV by its energy and momentum; leave one of both out, or look at the units")

    refuse(chunk, energies.rows_with(bad), "mass", reason)


def _assumed_masses(chunk: Columns, options: DataConfig) -> Array:
    given = given_hypotheses(chunk, options)
    if given is None:
        return _configured(chunk, options, np.ones(len(ragged(chunk, "px").flat), dtype=bool))
    masses = hypothesis_masses(chunk, given)
    unknown = given.ids.flat == 0
    if unknown.any():
        neutral = given.branch is None and options.particle is None and "charge" not in chunk
        masses[unknown] = options.neutral_mass if neutral else _configured(chunk, options, unknown)[unknown]
    return masses


def _configured(chunk: Columns, options: DataConfig, wanted: Array) -> Array:
    """Return the masses that the configuration gives leaves, by their charge if it says so; the wanted ones must have one."""
    leaves = ragged(chunk, "px")
    if options.particle is not None:
        return np.full(len(leaves.flat), particle_mass(options.particle))
    names = {"e": "feat_E", "mass": "feat_mass", "charge": "feat_charge"} if "feat_px" in chunk else {n: n for n in ("e", "mass", "charge")}
    if options.charged_mass is not None and options.charged_mass == options.neutral_mass:
        return np.full(len(leaves.flat), options.charged_mass)
    if "charge" not in chunk and options.charged_mass is not None:
        raise InputError(f"The mass hypothesis data.charged_mass needs a branch '{names['charge']}'; name it with "
                         f"--map {names['charge']}=BRANCH, or set data.neutral_mass to the same mass.")
    charged = ragged(chunk, "charge").flat != 0 if "charge" in chunk else np.ones(len(leaves.flat), dtype=bool)
    if options.charged_mass is None and (charged & wanted).any():
        raise InputError(NO_ENERGY.format(**names) + ".")
    masses: Array = np.where(charged, options.charged_mass or 0.0, options.neutral_mass)
    return masses
