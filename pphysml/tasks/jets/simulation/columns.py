"""Columns of simulated entries: their weights, their jets, and the constituents of those."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from ....io.ragged import Array, Columns, Ragged
from ..config.simulation import SimulationConfig
from ..substructure.variables import jet_variables


def columns_of(momenta: Array, offsets: Array, counts: Array, mass: Array, radius: float, constituents: dict[str, Array] | None) -> Columns:
    """Return the columns of jets and, if asked for, of their constituents.

    Columns `jet_...` have one value per jet of an entry; `part_...` have one per constituent of any jet of the entry, and
    `part_jet` is the place of that jet.

    Args:
        momenta: px, py, pz and energy of constituents, GeV, (constituents, 4); those of a jet lie between two of `offsets`, (jets + 1,).
        counts: jets of each entry.
        mass: of the resonance that a jet is of, GeV, (jets,); below 0 where there is none.
        radius: of the jets.
        constituents: their charge and PDG number; None leaves constituents out.
    """
    px, py, pz, energy = momenta.T.copy()
    values = jet_variables(Ragged(px, offsets), py, pz, energy, radius)
    values |= {"label": (mass > 0).astype(np.int32), "resonance_mass": mass.astype(np.float32)}
    columns: Columns = {f"jet_{name}": Ragged.from_counts(value, counts) for name, value in values.items()}
    if constituents is None:
        return columns
    of_jets = np.concatenate([[0], np.cumsum(counts)])
    place = np.arange(len(mass)) - np.repeat(of_jets[:-1], counts)
    parts = {"px": px, "py": py, "pz": pz, "energy": energy, **constituents, "jet": np.repeat(place, np.diff(offsets)).astype(np.int32)}
    return columns | {f"part_{name}": Ragged(value, offsets[of_jets]) for name, value in parts.items()}


def event_weights(rng: Generator, n: int, options: SimulationConfig) -> Array:
    """Return weights of either sign, (n,), of mean 1 in the limit of many."""
    spread, negative = options.weight_spread, options.negative_weights
    sizes = np.exp(spread * rng.standard_normal(n) - 0.5 * spread**2) / (1 - 2 * negative)
    return np.where(rng.random(n) < negative, -sizes, sizes).astype(np.float32)
