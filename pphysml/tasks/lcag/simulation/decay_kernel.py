"""Compiled inner loop of the simulation: decay, shuffle and write out events of many topologies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array
from ....physics.compiled_phase_space import decay_in_flight
from ....physics.four_vectors import Floats
from ....physics.phase_space import log_weight_bound
from .topology import Topology

Ints = NDArray[np.int64]


class Tables(NamedTuple):
    """All topologies one after the other, as arrays that compiled code can read.

    Attributes:
        n_leaves, n_nodes: per topology, (T,).
        nodes: first node of each topology in the arrays per node, (T,).
        pairs: first matrix element of each topology in `lcag`, (T,).
        parent, masses: per node; parents count within the topology.
        first_child: per node, and the end: a node's children are children[first:next].
        children: index within the topology.
        bound: per node, bound of the phase-space weight; 0 where events are not unweighted.
        lcag: matrices, row after row.
    """

    n_leaves: Ints
    n_nodes: Ints
    nodes: Ints
    pairs: Ints
    parent: Array
    masses: Floats
    first_child: Ints
    children: Ints
    bound: Floats
    lcag: Array


def tabulate(topologies: Sequence[Topology], unweight: bool) -> Tables:
    """Return the tables of a list of topologies."""
    n_leaves = np.array([t.n_leaves for t in topologies], dtype=np.int64)
    n_nodes = np.array([len(t.parent) for t in topologies], dtype=np.int64)
    children = [below for t in topologies for below in t.children]
    return Tables(
        n_leaves, n_nodes, offsets(n_nodes)[:-1], offsets(n_leaves**2)[:-1],
        np.concatenate([t.parent for t in topologies]),
        np.concatenate([t.masses for t in topologies]),
        offsets(np.array([len(below) for below in children])),
        np.array([child for below in children for child in below], dtype=np.int64),
        np.array([_weight_bound(t, node) if unweight else 0.0
                  for t in topologies for node in range(len(t.parent))]),
        np.concatenate([t.lcag.ravel() for t in topologies]),
    )


def offsets(counts: Array) -> Ints:
    """Return 0 and the running sums of the counts."""
    ends = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def _weight_bound(topology: Topology, node: int) -> float:
    below = topology.masses[list(topology.children[node])].tolist()
    return float(np.exp(log_weight_bound(float(topology.masses[node]), below))) if below else 0.0


@njit(cache=True, nogil=True)
def decay_tree(rng: Any, tables: Tables, topology: int, p4: Floats) -> None:
    """Decay one event from the root, at rest, down to the leaves; p4 (nodes, 4) is filled."""
    start, root = tables.nodes[topology], tables.n_nodes[topology] - 1
    masses = tables.masses[start : start + root + 1]
    p4[root, :3] = 0.0
    p4[root, 3] = masses[root]
    for node in range(root, tables.n_leaves[topology] - 1, -1):
        first, last = tables.first_child[start + node], tables.first_child[start + node + 1]
        decay_in_flight(rng, p4, node, tables.children[first:last], masses,
                        tables.bound[start + node])


@njit(cache=True, nogil=True)
def fill_events(
    rng: Any, tables: Tables, topology: Array, shuffle: bool, leaf_at: Ints, node_at: Ints,
    pair_at: Ints, p4: Floats, masses: Floats, parent: Array, lcag: Array,
) -> None:
    """Simulate one event per row and write it where its offsets say, leaves shuffled or not.

    Args:
        topology: number of the topology, (events,).
        leaf_at, node_at, pair_at: offsets of the rows, (events + 1,).
        p4, masses, parent, lcag: flat output, (leaves, 4), (leaves,), (nodes,), (pairs,).
    """
    most = tables.n_nodes.max()
    event, slot = np.empty((most, 4)), np.empty(most, dtype=np.int64)
    for row in range(len(topology)):
        t = topology[row]
        n, start, pairs = tables.n_leaves[t], tables.nodes[t], tables.pairs[t]
        decay_tree(rng, tables, t, event)
        for i in range(tables.n_nodes[t]):
            slot[i] = i
            if shuffle and i < n:
                # Fisher-Yates, from the inside out.
                j = int(rng.random() * (i + 1))
                slot[i], slot[j] = slot[j], i
        for i in range(tables.n_nodes[t]):
            parent[node_at[row] + slot[i]] = tables.parent[start + i]
        for i in range(n):
            p4[leaf_at[row] + slot[i]] = event[i]
            masses[leaf_at[row] + slot[i]] = tables.masses[start + i]
            for j in range(n):
                at = pair_at[row] + slot[i] * n + slot[j]
                lcag[at] = tables.lcag[pairs + i * n + j]
