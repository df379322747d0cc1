"""Jets matched to generated top quarks, W, Z and Higgs bosons, by their distance in pseudorapidity and azimuth."""

from __future__ import annotations

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, ragged
from ..particle_schema import MATCHING

RESONANCES = {6: 0, 24: 1, 23: 2, 25: 3}
"""PDG id of what is matched -> number among `MATCHING`."""

TOP, HIGGS = 0, 3
QUARKS, LEPTONS, NEUTRINOS, GLUON, PHOTON = (1, 2, 3, 4, 5), (11, 12, 13, 14, 15, 16), (12, 14, 16), 21, 22


def with_matching(columns: Columns) -> Columns:
    """Return columns with the distances of jets to generated decays in the place of generated particles, where these are.

    `gen_top`, `gen_W`, `gen_Z` and `gen_H` are the smallest radius around the jet's axis inside which a hadronically decaying
    one lies with all quarks of its decay (of H, gluons too), so that `gen_top < 0.8` has it all in a jet of radius 0.8;
    infinite where there is none. W bosons of top quarks and of H count as W too. `gen_nearest` is the distance to the nearest
    quark, gluon, photon or charged lepton of any decay of these. Each is taken as its last copy; what an earlier one radiated is
    not of its decay.

    Raises:
        InputError: a particle's mother is not there, or is one of its descendants.
    """
    names = [f"generated_{name}" for name in ("eta", "phi", "pdg", "mother")]
    others: Columns = {name: column for name, column in columns.items() if not name.startswith("generated_")}
    if not all(name in columns for name in names):
        return others
    eta, phi, pdg, mother = (ragged(columns, name) for name in names)
    entry = np.repeat(np.arange(len(pdg)), pdg.counts)
    _refuse_strays(columns, mother, pdg.counts[entry])
    above = np.where(mother.flat >= 0, pdg.offsets[:-1][entry] + mother.flat, -1)
    ids = np.abs(pdg.flat.astype(np.int64))
    last, products = _decays(pdg.flat, ids, above)
    of, product = _ancestors(columns, last, products, above, entry)
    axes = ragged(columns, "jet_eta"), ragged(columns, "jet_phi")
    directions = eta.flat, phi.flat
    found = _hadronic(axes, directions, entry, of, product, ids)
    seen = products[~np.isin(ids[products], NEUTRINOS)]
    nearest = np.full(len(axes[0].flat), np.inf)
    jets, members = _pairs(axes[0], entry[seen])
    np.minimum.at(nearest, jets, _distances(axes, directions, jets, seen[members]))
    values = [*found, nearest]
    return {**others, **{name: Ragged(values[k], axes[0].offsets) for k, name in enumerate(MATCHING)}}


def _refuse_strays(columns: Columns, mother: Ragged, counts: Array) -> None:
    stray = mother.flat >= counts
    refuse(columns, mother.rows_with(stray), "generated_mother", lambda row: f"has the number {mother.first_of(stray, row)} of a particle, of which the entry has {len(mother[row])}")


def _decays(pdg: Array, ids: Array, above: Array) -> tuple[Array, Array]:
    """Return which particles are the last copy of a resonance, bool, and which come out of the decay of one, numbers."""
    kind = np.full(len(ids), -1)
    for number, k in RESONANCES.items():
        kind[ids == number] = k
    last = kind >= 0
    child = np.flatnonzero(above >= 0)
    copy = pdg[child] == pdg[above[child]]
    last[above[child[copy]]] = False
    child = child[~copy]
    parent = kind[above[child]]
    decayed = np.isin(ids[child], (*QUARKS, *LEPTONS)) | (np.isin(ids[child], (GLUON, PHOTON)) & (parent == HIGGS))
    # What hadrons decay to may hang on an earlier copy, where the particles between are not stored.
    return last, child[last[above[child]] & decayed]


def _ancestors(columns: Columns, last: Array, products: Array, above: Array, entry: Array) -> tuple[Array, Array]:
    """Return every pair of a resonance, in its last copy, and what comes out of its decay, directly or not; sorted by the first."""
    resonances, descendants = [], []
    current, product = above[products], products
    for _ in range(int(np.bincount(entry).max()) if len(entry) else 0):
        if not len(current):
            break
        here = last[current]
        resonances.append(current[here])
        descendants.append(product[here])
        current = above[current]
        product, current = product[current >= 0], current[current >= 0]
    # No line of ancestors is longer than the list of particles.
    circular = np.zeros(len(columns["generated_mother"]), bool)
    circular[entry[product]] = len(current) > 0
    refuse(columns, circular, "generated_mother", lambda _: "leads round in a circle: a particle is its own ancestor")
    of = np.concatenate([np.zeros(0, np.int64), *resonances]).astype(np.int64)
    order = np.argsort(of, kind="stable")
    return of[order], np.concatenate([np.zeros(0, np.int64), *descendants]).astype(np.int64)[order]


def _hadronic(axes: tuple[Ragged, Ragged], directions: tuple[Array, Array], entry: Array, of: Array, product: Array, ids: Array) -> Array:
    """Return the smallest radius that holds a hadronic decay of each kind, (4, jets)."""
    smallest = np.full((len(RESONANCES), len(axes[0].flat)), np.inf)
    resonances, number, n_products = np.unique(of, return_inverse=True, return_counts=True)
    coloured = np.isin(ids[product], (*QUARKS, GLUON))
    kind = np.array([RESONANCES[each] for each in ids[resonances].tolist()], np.int64)
    whole = (np.bincount(number, ~coloured, len(resonances)) == 0) & (n_products >= np.where(kind == TOP, 3, 2))
    chosen = whole[number]
    # The resonance itself stands among what comes out of it.
    group = np.concatenate([number[chosen], np.flatnonzero(whole)])
    member = np.concatenate([product[chosen], resonances[whole]])
    # In the order of resonances, and so of entries.
    order = np.argsort(group, kind="stable")
    group, member = group[order], member[order]
    jets, pairs = _pairs(axes[0], entry[member])
    if not len(jets):
        return smallest
    distances = _distances(axes, directions, jets, member[pairs])
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(jets) != 0) | (np.diff(group[pairs]) != 0)]))
    np.minimum.at(smallest, (kind[group[pairs[starts]]], jets[starts]), np.maximum.reduceat(distances, starts))
    return smallest


def _pairs(jets: Ragged, entry: Array) -> tuple[Array, Array]:
    """Return all pairs of a jet and what is in the same entry, by their numbers, those of a jet one after the other.

    Args:
        entry: of what is paired; does not fall.
    """
    counts = np.bincount(entry, minlength=len(jets))
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    entry_of_jet = np.repeat(np.arange(len(jets)), jets.counts)
    n = counts[entry_of_jet]
    jet = np.repeat(np.arange(len(entry_of_jet)), n)
    within = np.arange(len(jet)) - np.repeat(np.cumsum(n) - n, n)
    return jet, first[entry_of_jet[jet]] + within


def _distances(axes: tuple[Ragged, Ragged], directions: tuple[Array, Array], jet: Array, particle: Array) -> Array:
    """Return the distances in pseudorapidity and azimuth of jets and particles."""
    eta = axes[0].flat[jet].astype(np.float64) - directions[0][particle]
    phi = axes[1].flat[jet].astype(np.float64) - directions[1][particle]
    distance: Array = np.hypot(eta, (phi + np.pi) % (2 * np.pi) - np.pi)
    return distance
