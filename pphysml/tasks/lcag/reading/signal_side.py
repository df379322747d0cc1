"""A signal side that is given: its leaves are taken out, and the rest of the event is reconstructed.

What an engine sees, and what its trees are compared with, is the rest; the output has every leaf.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, ragged
from ..schema import OUTPUT_FIELDS
from ..trees.matrices import matrix_to_parent, parent_to_matrix
from ..trees.matrix_elements import Elements
from ..trees.validity_rules import ValidityRules

SIGNAL_SIDE = -2
"""Component of a leaf of the signal side."""

LEAF_COLUMNS = ("p4", "features", "background", "hypothesis")
GIVEN = {"prob": 1, "component": SIGNAL_SIDE, "parent": -1, "node_prob": 1}
"""What columns hold where the signal side is concerned, if not 0."""


def take_out(examples: Columns, chunk: Columns, branch: str, rules: ValidityRules) -> Columns:
    """Return examples of the other leaves, the truth among them: nodes left with one child are contracted.

    The columns `signal_side` (bool per leaf) and `signal_p4` keep what `put_back` needs.

    Raises:
        InputError: not one integer per leaf; names the entry.
    """
    p4 = ragged(examples, "p4")
    given = _given(chunk, branch, p4)
    rest = ~given.flat
    left = {**examples, "signal_side": given, "signal_p4": _select(p4, given.flat)}
    left |= {name: _select(ragged(examples, name), rest) for name in LEAF_COLUMNS if name in examples}
    if "pair_features" in examples:
        left["pair_features"] = _select(ragged(examples, "pair_features"), _pairs(Ragged(rest, given.offsets)))
    if "lcag" in examples:
        left["lcag"] = restrict(ragged(examples, "lcag"), Ragged(rest, given.offsets), rules)
    return left


def restrict(matrices: Ragged, seen: Ragged, rules: ValidityRules) -> Ragged:
    """Return the matrices of what is left of trees and forests when only some leaves are seen.

    Args:
        matrices: valid ones, flat rows of n*n.
        seen: bool per leaf.
    """
    left = _select(matrices, _pairs(seen))
    if not rules.gap_free:
        return left
    n = _select(seen, seen.flat).counts
    parent, _ = matrix_to_parent(left, n)
    heights, _ = parent_to_matrix(parent, n, forest=True)
    return heights


def put_back(examples: Columns, columns: Columns) -> Columns:
    """Return an engine's columns with every leaf of the input, in its order.

    Leaves of the signal side are in no tree: 0 in the matrices, component -2, parent -1.
    """
    given = ragged(examples, "signal_side")
    rest = Ragged(~given.flat, given.offsets)
    kept = {
        "n_leaves": rest,
        "n_pairs": Ragged.from_counts(_pairs(rest), rest.counts**2),
        "n_nodes": _nodes(rest, ragged(columns, "parent")),
    }
    counters = {field.name: field.counter for field in OUTPUT_FIELDS}
    full = {**columns, "n_leaves": given.counts.astype(np.int32), "signal_side": given}
    for name, column in columns.items():
        if isinstance(column, Ragged) and counters.get(name) in kept:
            full[name] = _spread(column, kept[counters[name]], GIVEN.get(name, 0))
    _renumber(ragged(full, "parent"), ragged(columns, "parent"), kept["n_nodes"])
    _fill_momenta(full, ragged(examples, "signal_p4"), kept["n_nodes"])
    return full


def _given(chunk: Columns, branch: str, p4: Ragged) -> Ragged:
    values = ragged(chunk, branch)
    refuse(chunk, values.counts != p4.counts, branch, lambda row: (
        f"has {values.counts[row]} values for {p4.counts[row]} leaves; the signal side needs one per leaf"))
    broken = np.zeros(len(values), dtype=bool)
    broken[np.searchsorted(values.offsets, np.flatnonzero(values.flat != np.rint(values.flat)), side="right") - 1] = True
    refuse(chunk, broken, branch, lambda row: "has values that are not whole numbers; the signal side needs 0 or 1")
    return Ragged(values.flat != 0, values.offsets)


def _select(column: Ragged, chosen: Array) -> Ragged:
    counts = np.diff(np.concatenate([[0], np.cumsum(chosen)])[column.offsets])
    return Ragged.from_counts(column.flat[chosen], counts)


def _pairs(leaves: Ragged) -> NDArray[np.bool_]:
    """Return which elements of the n x n matrices (flat) belong to two chosen leaves."""
    elements = Elements.of(leaves.counts)
    first = leaves.offsets[elements.event]
    both: NDArray[np.bool_] = leaves.flat[first + elements.row] & leaves.flat[first + elements.column]
    return both


def _nodes(rest: Ragged, parent: Ragged) -> Ragged:
    """Return which nodes of the full list an engine has given; none where it has found no tree."""
    n, n_rest = rest.counts, _select(rest, rest.flat).counts
    found = (parent.counts > 0) | (n_rest == 0)
    counts = np.where(found, n + parent.counts - n_rest, 0)
    kept = Ragged.from_counts(np.ones(counts.sum(), dtype=bool), counts)
    event = np.repeat(np.arange(len(n)), np.where(found, n, 0))
    leaf = rest.take(found)
    within = np.arange(len(leaf.flat)) - np.repeat(leaf.offsets[:-1], leaf.counts)
    kept.flat[kept.offsets[event] + within] = leaf.flat
    return kept


def _spread(column: Ragged, kept: Ragged, fill: int) -> Ragged:
    flat = np.full((len(kept.flat), *column.flat.shape[1:]), fill, dtype=column.flat.dtype)
    flat[kept.flat] = column.flat
    return Ragged(flat, kept.offsets)


def _renumber(full: Ragged, parent: Ragged, kept: Ragged) -> None:
    """Write the parents' numbers in the full list of nodes."""
    position = np.flatnonzero(kept.flat) - np.repeat(kept.offsets[:-1], parent.counts)
    above = parent.flat + np.repeat(parent.offsets[:-1], parent.counts)
    full.flat[kept.flat] = np.where(parent.flat < 0, -1, position[np.maximum(above, 0)])


def _fill_momenta(full: Columns, p4: Ragged, kept: Ragged) -> None:
    taken = p4.take(kept.counts > 0).flat
    for component, name in enumerate(("node_px", "node_py", "node_pz", "node_e")):
        ragged(full, name).flat[~kept.flat] = taken[:, component]
    square = taken[:, 3] ** 2 - (taken[:, :3] ** 2).sum(-1)
    ragged(full, "node_mass").flat[~kept.flat] = np.sqrt(np.maximum(square, 0))
