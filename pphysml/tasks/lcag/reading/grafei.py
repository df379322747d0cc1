"""The training ntuples of graFEI (basf2, `RootSaverModule`) as columns of `lcag`.

Per event up to two matrices of stages (LCAS_1, LCAS_2) over Monte Carlo leaves (LCA_leaves_1, LCA_leaves_2),
and the reconstructed particles with the Monte Carlo index of each (`leaves`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ....errors import TruthError
from ....io.ragged import Array, Columns, Ragged, ragged
from ....io.schema import Layout
from ..trees.validity_rules import ValidityRules
from .given_matrices import given_matrices
from .refusal import refuse_truth

MOMENTA = {"px": "feat_px", "py": "feat_py", "pz": "feat_pz", "e": "feat_E", "mass": "feat_mass", "charge": "feat_charge",
           "leaf_pdg": "mcPDG"}
MATRICES = {1: ("LCAS_1", "LCA_leaves_1"), 2: ("LCAS_2", "LCA_leaves_2")}
CLASSES = ValidityRules(forest=True, gap_free=False)
"""Matrices of classes of ancestors, where 0 is none."""


def to_canonical(columns: Columns, layout: Layout) -> Columns:
    """Return the columns with the canonical names of what is known of the particles."""
    return {**columns, **{name: columns[branch] for name, branch in MOMENTA.items() if branch in columns}}


def placed_matrices(columns: Columns) -> Columns:
    """Return `lcas` and `component` of the particles where the columns have these ntuples' truth, else nothing.

    `component` is 1 or 2 as in the names of the branches, and -1 for background: particles that are
    matched to none of the Monte Carlo leaves, that are not primary, or that are matched to a leaf which
    an earlier particle has already (clones).

    Raises:
        TruthError: branches that belong together are not all there, do not fit each other, or hold no tree.
    """
    given = {k: pair for k, pair in MATRICES.items() if pair[0] in columns}
    if not given:
        return {}
    for names in given.values():
        for needed in ("leaves", names[1]):
            if needed not in columns:
                raise TruthError(f"cannot be used without {needed!r}, which is not there; name it with --map {needed}=BRANCH", branch=names[0])
    matched = ragged(columns, "leaves")
    usable = matched.flat >= 0
    if "primary" in columns:
        usable &= ragged(columns, "primary").flat
    n = matched.counts
    component = Ragged(np.full(len(matched.flat), -1, dtype=np.int16), matched.offsets)
    lcas = Ragged.from_counts(np.zeros((n * n).sum(), dtype=np.uint8), n * n)
    for k, names in given.items():
        matrix, leaves = (ragged(columns, name) for name in names)
        _refuse_sizes(columns, names, matrix.counts, leaves.counts)
        given_matrices(columns, names[0], leaves.counts, CLASSES)
        _place(k, matched.flat, usable, matched.offsets, leaves.flat, leaves.offsets, matrix.flat, matrix.offsets,
               component.flat, lcas.flat, lcas.offsets)
    return {"lcas": lcas, "component": component}


def _refuse_sizes(columns: Columns, names: tuple[str, str], sizes: Array, leaves: Array) -> None:
    refuse_truth(columns, sizes != leaves**2, names[0], lambda row: (
        f"has {sizes[row]} values for the {leaves[row]} of {names[1]!r}, not their square"))


@njit(cache=True, nogil=True)
def _place(
    k: int, matched: Array, usable: Array, particle_at: Array, leaves: Array, leaf_at: Array, matrices: Array,
    matrix_at: Array, component: Array, lcas: Array, lcas_at: Array,
) -> None:
    """Write matrix k where its leaves are among the particles."""
    most = 1
    for event in range(len(particle_at) - 1):
        most = max(most, particle_at[event + 1] - particle_at[event])
    place = np.empty(most, dtype=np.int64)
    for event in range(len(particle_at) - 1):
        first, n = particle_at[event], particle_at[event + 1] - particle_at[event]
        of_event = leaves[leaf_at[event] : leaf_at[event + 1]]
        for i in range(n):
            place[i] = -1
            if usable[first + i] and component[first + i] < 0:
                place[i] = _free_place(matched[first + i], of_event, place[:i])
            if place[i] < 0:
                continue
            component[first + i] = k
            for j in range(i):
                if place[j] >= 0:
                    lcas[lcas_at[event] + i * n + j] = matrices[matrix_at[event] + place[i] * len(of_event) + place[j]]
                    lcas[lcas_at[event] + j * n + i] = matrices[matrix_at[event] + place[j] * len(of_event) + place[i]]


@njit(cache=True, nogil=True)
def _free_place(wanted: int, leaves: Array, taken: Array) -> int:
    """Return where a leaf stands in the list, -1 if it does not, or is taken."""
    for at in range(len(leaves)):
        if leaves[at] == wanted:
            for other in taken:
                if other == at:
                    return -1
            return at
    return -1
