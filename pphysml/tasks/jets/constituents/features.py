"""What networks take of each constituent: momentum, place in the jet, and, if asked, type and impact parameters.

Inputs and their scales are those of the Particle Transformer (H. Qu et al., arXiv:2202.03772, table 2), so that networks
trained elsewhere on the same inputs see the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, Ragged, length
from ..particle_schema import MOMENTA

FARTHEST = 5.0
"""At which inputs are cut."""

KINEMATICS = {
    "log(pt)": (1.7, 0.7), "log(energy)": (2.0, 0.7), "log(pt / jet_pt)": (-4.7, 0.7), "log(energy / jet_energy)": (-4.7, 0.7),
    "distance from the axis": (0.2, 4.0)}
"""First inputs -> what is subtracted, and the factor."""

PLACE = ("eta from the axis", "phi from the axis")
"""Inputs behind charge, types and impact parameters: the first counts from the beam, of jets in both halves."""

LENGTHS, ERRORS = ("part_d0", "part_dz"), ("part_d0_error", "part_dz_error")
"""In mm: of the first the hyperbolic tangent is taken, the second are cut to [0, 1]."""

SMALLEST = np.float32(1e-12)
"""Below this, a logarithm is that of this."""

AXIS = ("jet_pt", "jet_eta", "jet_phi", "jet_mass")


def input_names(columns: Sequence[str], expressions: Sequence[str]) -> list[str]:
    """Return the names of the inputs in their order.

    Args:
        columns: of the table, momenta first.
    """
    return [*KINEMATICS, *(f"tanh({name})" if name in LENGTHS else name for name in columns[len(MOMENTA):]), *PLACE, *expressions]


def particle_inputs(examples: Columns, table: Ragged, columns: Sequence[str], scales: tuple[Array, Array]) -> Array:
    """Return what a network takes of constituents, float32 (constituents, inputs), in the order of `input_names`.

    Args:
        table: of `table.packed`, with `columns` and behind them expressions.
        scales: mean and standard deviation of each expression, (expressions,).

    Raises:
        InputError: jets have no azimuth.
    """
    rows, n = table.flat, len(KINEMATICS)
    further = len(columns) - len(MOMENTA)
    found = np.empty((len(rows), n + rows.shape[1] - len(MOMENTA) + len(PLACE)), np.float32)
    _fill_kinematics(found, n + further, rows, axis_of(examples), table.counts)
    found[:, n : n + further] = rows[:, len(MOMENTA) : len(columns)]
    for k, name in enumerate(columns[len(MOMENTA):], n):
        if name in LENGTHS:
            found[:, k] = np.tanh(found[:, k])
        elif name in ERRORS:
            found[:, k] = np.clip(found[:, k], 0, 1)
    if rows.shape[1] > len(columns):
        mean, spread = scales
        found[:, -len(mean):] = standardised(rows[:, len(columns):], mean, spread)
    return found


def standardised(values: Array, mean: Array, spread: Array) -> Array:
    """Return values in standard deviations from their mean; what is not finite is 0."""
    with np.errstate(invalid="ignore"):
        standard = (values - mean) / spread
    return np.clip(np.where(np.isfinite(standard), standard, 0.0), -FARTHEST, FARTHEST)


def axis_of(examples: Columns) -> Array:
    """Return logarithm of transverse momentum and of energy, pseudorapidity, azimuth and half (1 or -1) of each jet, float32 (5, jets)."""
    if lacking := [name for name in AXIS if name not in examples]:
        raise InputError(f"has no {lacking[0]}, which the constituents of jets are compared with; name a branch with --map {lacking[0]}=BRANCH")
    pt, eta, phi, mass = (np.asarray(examples[name], np.float64) for name in AXIS)
    energy = np.hypot(pt * np.cosh(eta), mass)
    with np.errstate(divide="ignore"):
        return np.stack([np.log(pt), np.log(energy), eta, phi, np.where(eta > 0, 1, -1)]).astype(np.float32).reshape(5, length(examples))


def _fill_kinematics(found: Array, place: int, rows: Array, axis: Array, counts: Array) -> None:
    """Fill the first inputs, and those from the column `place` on."""
    px, py, pz, energy = np.ascontiguousarray(rows[:, : len(MOMENTA)].T)
    log_pt, log_energy, eta, phi, half = np.repeat(axis, counts, axis=1)
    pt = np.sqrt(px * px + py * py)
    logs = np.log(np.maximum(pt, SMALLEST)), np.log(np.maximum(energy, SMALLEST))
    d_eta = (np.arcsinh(pz / np.maximum(pt, SMALLEST)) - eta) * half
    d_phi = np.arctan2(py, px) - phi
    d_phi -= np.float32(2 * np.pi) * np.rint(d_phi * np.float32(0.5 / np.pi))
    values = (*logs, logs[0] - log_pt, logs[1] - log_energy, np.sqrt(d_eta * d_eta + d_phi * d_phi))
    for k, (value, (centre, factor)) in enumerate(zip(values, KINEMATICS.values(), strict=True)):
        np.clip((value - np.float32(centre)) * np.float32(factor), -FARTHEST, FARTHEST, out=found[:, k])
    found[:, place], found[:, place + 1] = np.clip(d_eta, -FARTHEST, FARTHEST), d_phi
