"""Compiled loop of the simulation: each jet from its origin to its constituents."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array
from ....physics.four_vectors import Floats
from .decay_kernel import PHI, PT, RAPIDITY, decay
from .hadron_kernel import MOST_HADRONS, Detector, add_underlying, hadronise
from .hard_process import NO_RESONANCE, Origins
from .shower_kernel import GLUON, MOST_PARTONS, QUARK, Coupling, shower


class Species(NamedTuple):
    """Kinds of constituents: cumulated shares, masses (GeV), charges, numbers of the PDG."""

    below: Floats
    mass: Floats
    charge: Array
    pdg: Array


class Constituents(NamedTuple):
    """Constituents of all jets one after the other; momenta are px, py, pz, energy, (capacity, 4)."""

    momenta: Array
    kind: Array


@njit(cache=True, nogil=True)
def run_jets(
    rng: Any, origins: Origins, coupling: Coupling, detector: Detector, species: Species, most: int
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Simulate jets of at most `most` constituents each, those with the largest transverse momentum first.

    Returns:
        Momenta px, py, pz, energy, float32, (constituents, 4); kinds, places in `species`; offsets of the jets.
    """
    waiting, partons = np.empty((MOST_PARTONS, 5)), np.empty((2 * MOST_PARTONS, 3))
    hadrons = np.empty((MOST_HADRONS, 4))
    capacity = 64 * len(origins.pt)
    found = Constituents(
        np.empty((capacity, 4), dtype=np.float32), np.empty(capacity, dtype=np.int8)
    )
    offsets = np.zeros(len(origins.pt) + 1, dtype=np.int64)
    for jet in range(len(origins.pt)):
        n = _partons(rng, origins, jet, coupling, detector.radius, waiting, partons)
        seen = 0
        for i in range(n):
            seen = hadronise(rng, partons[i], detector, hadrons, seen)
        seen = add_underlying(rng, origins.rapidity[jet], origins.phi[jet], detector, hadrons, seen)
        kept = min(seen, most)
        found = _grown(found, offsets[jet], kept)
        _write(hadrons[:seen], kept, species, found, offsets[jet])
        offsets[jet + 1] = offsets[jet] + kept
    return found.momenta[: offsets[-1]], found.kind[: offsets[-1]], offsets


@njit(cache=True, nogil=True)
def _partons(
    rng: Any,
    origins: Origins,
    jet: int,
    coupling: Coupling,
    radius: float,
    waiting: Floats,
    partons: Floats,
) -> int:
    """Fill the partons of one jet; return their number."""
    pt, y, phi = origins.pt[jet], origins.rapidity[jet], origins.phi[jet]
    if origins.mass[jet] == NO_RESONANCE:
        waiting[0, PT], waiting[0, RAPIDITY], waiting[0, PHI] = pt, y, phi
        return shower(
            rng, GLUON if origins.gluon[jet] else QUARK, radius, coupling, waiting, partons, 0
        )
    quarks = np.empty((2, 3))
    angle = min(decay(rng, origins.mass[jet], pt, y, phi, radius, quarks), radius)
    n = 0
    for i in range(2):
        for column in range(3):
            waiting[0, column] = quarks[i, column]
        n = shower(rng, QUARK, angle, coupling, waiting, partons, n)
    return n


@njit(cache=True, nogil=True)
def _grown(found: Constituents, used: int, more: int) -> Any:
    """Return constituents with room for more."""
    if used + more <= len(found.kind):
        return found
    capacity = 2 * len(found.kind) + more
    momenta, kind = np.empty((capacity, 4), dtype=np.float32), np.empty(capacity, dtype=np.int8)
    for i in range(used):
        kind[i] = found.kind[i]
        for column in range(4):
            momenta[i, column] = found.momenta[i, column]
    return Constituents(momenta, kind)


@njit(cache=True, nogil=True)
def _write(hadrons: Floats, kept: int, species: Species, found: Constituents, start: int) -> None:
    """Write the hadrons with the largest transverse momentum."""
    order = np.argsort(-hadrons[:, PT])
    for i in range(kept):
        pt, y, phi, number = hadrons[order[i]]
        kind = np.searchsorted(species.below, number, side="right")
        across = np.sqrt(pt * pt + species.mass[kind] ** 2)
        row = found.momenta[start + i]
        row[0], row[1] = pt * np.cos(phi), pt * np.sin(phi)
        row[2], row[3] = across * np.sinh(y), across * np.cosh(y)
        found.kind[start + i] = kind
