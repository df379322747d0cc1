"""Decoded matrices to the columns of the output tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from ....io.ragged import Array, Columns, Ragged
from ..trees.components import components
from ..trees.matrices import matrix_to_parent
from ..trees.validity import is_valid_ragged
from ..trees.validity_rules import ValidityRules


@dataclass
class Reconstruction:
    """What an engine found, one row per event.

    Attributes:
        lcag, lcag_raw: uint8 matrices, flat rows of n*n values.
        prob: probability of the decoded class of each element, same shape; None if the engine has none.
        score, margin, tree_prob: (events,); tree_prob -1 where it cannot be summed.
        exact: bool (events,), whether `lcag` is the exact maximum.
        background: bool per leaf, whether it is in no tree; None if every leaf is in one.
        bkg_prob: probability of that; None where every event is one tree.
        hypothesis, hypothesis_prob: number of each leaf's most probable mass hypothesis, 0 for none
            of them, and its probability; None if the engine has none.
    """

    lcag: Ragged
    lcag_raw: Ragged
    prob: Ragged | None
    score: Array
    margin: Array
    tree_prob: Array | None
    exact: Array
    background: Ragged | None = None
    bkg_prob: Ragged | None = None
    hypothesis: Ragged | None = None
    hypothesis_prob: Ragged | None = None


def output_columns(examples: Columns, found: Reconstruction, rules: ValidityRules) -> Columns:
    """Return the columns named in `schema.OUTPUT_FIELDS`."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    n = p4.counts
    parent, level = _nodes(found.lcag, n, rules)
    background = np.zeros(len(p4.flat), dtype=bool) if found.background is None else found.background.flat
    nodes = node_momenta(p4.flat, p4.offsets, parent.flat, parent.offsets)
    square = nodes[:, 3] ** 2 - (nodes[:, :3] ** 2).sum(-1)
    columns: Columns = {
        "n_leaves": n.astype(np.int32),
        "lcag": found.lcag,
        "lcag_raw": found.lcag_raw,
        "raw_valid": is_valid_ragged(found.lcag_raw, n, rules),
        "component": components(found.lcag, n, background),
        "parent": parent,
        "node_level": level,
        "node_mass": Ragged(np.sqrt(np.maximum(square, 0)), parent.offsets),
        "score": found.score.astype(np.float32),
        "margin": found.margin.astype(np.float32),
        "exact": found.exact,
    }
    for component, name in enumerate(("node_px", "node_py", "node_pz", "node_e")):
        columns[name] = Ragged(nodes[:, component], parent.offsets)
    if found.prob is not None:
        columns["prob"] = found.prob
        node_prob = node_probability(found.prob.flat, found.lcag.flat, n, parent.flat, level.flat, parent.offsets)
        columns["node_prob"] = Ragged(node_prob, parent.offsets)
    if found.tree_prob is not None:
        columns["tree_prob"] = found.tree_prob.astype(np.float32)
    if found.bkg_prob is not None:
        columns["bkg_prob"] = found.bkg_prob
    if "lcag" in examples:
        columns["perfect"] = perfect(examples, found.lcag, background)
    return columns


def hypothesis_columns(found: Reconstruction, pdg_ids: Sequence[int]) -> Columns:
    """Return the columns of the mass hypotheses, if there are any."""
    if found.hypothesis is None or found.hypothesis_prob is None:
        return {}
    chosen = np.array([0, *pdg_ids], dtype=np.int32)[found.hypothesis.flat]
    return {"mass_hypothesis": Ragged(chosen, found.hypothesis.offsets), "mass_hypothesis_prob": found.hypothesis_prob}


def perfect(examples: Columns, lcag: Ragged, background: Array) -> Array:
    """Return which events have the true matrix, and, where there is that truth, the true background leaves."""
    truth = examples["lcag"]
    assert isinstance(truth, Ragged)
    same = rows_equal(truth.flat, lcag.flat, truth.offsets)
    if "background" in examples:
        true_background = examples["background"]
        assert isinstance(true_background, Ragged)
        same &= rows_equal(true_background.flat, background, true_background.offsets)
    return same


def _nodes(lcag: Ragged, n_leaves: Array, rules: ValidityRules) -> tuple[Ragged, Ragged]:
    """Return parents and heights of the nodes; none for a matrix that is no tree."""
    valid = is_valid_ragged(lcag, n_leaves, rules)
    parent, level = matrix_to_parent(lcag.take(valid), n_leaves[valid])
    counts = np.zeros(len(n_leaves), dtype=np.int64)
    counts[valid] = parent.counts
    return Ragged.from_counts(parent.flat, counts), Ragged.from_counts(level.flat, counts)


@numba.njit(cache=True, nogil=True)
def node_momenta(p4: Array, leaf_offsets: Array, parent: Array, node_offsets: Array) -> Array:
    """Return the summed four-momentum of each node's leaves, float64 (nodes, 4).

    Children precede their parents, so one pass upwards is enough.
    """
    total = np.zeros((len(parent), 4))
    for event in range(len(leaf_offsets) - 1):
        first, leaf = node_offsets[event], leaf_offsets[event]
        if first == node_offsets[event + 1]:
            continue
        for k in range(leaf_offsets[event + 1] - leaf):
            total[first + k] = p4[leaf + k]
        for node in range(first, node_offsets[event + 1]):
            if parent[node] >= 0:
                total[first + parent[node]] += total[node]
    return total


@numba.njit(cache=True, nogil=True)
def node_probability(prob: Array, lcag: Array, n_leaves: Array, parent: Array, level: Array, node_offsets: Array) -> Array:
    """Return the geometric mean of `prob` over the pairs of leaves that meet in each node; leaves 1."""
    log_sum = np.zeros(len(parent))
    pairs = np.zeros(len(parent))
    matrix = 0
    for event in range(len(n_leaves)):
        n, first = n_leaves[event], node_offsets[event]
        inside = n if first < node_offsets[event + 1] else 0
        for i in range(inside):
            for j in range(i + 1, n):
                height = lcag[matrix + i * n + j]
                node = i
                while level[first + node] < height and parent[first + node] >= 0:
                    node = parent[first + node]
                log_sum[first + node] += np.log(max(prob[matrix + i * n + j], 1e-30))
                pairs[first + node] += 1
        matrix += n * n
    return np.exp(log_sum / np.maximum(pairs, 1)).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def rows_equal(a: Array, b: Array, offsets: Array) -> Array:
    """Return for each row whether all its values agree, bool (rows,)."""
    same = np.ones(len(offsets) - 1, dtype=np.bool_)
    for row in range(len(offsets) - 1):
        for k in range(offsets[row], offsets[row + 1]):
            if a[k] != b[k]:
                same[row] = False
                break
    return same
