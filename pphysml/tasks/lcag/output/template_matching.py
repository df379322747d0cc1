"""Search decoded trees for a template, whatever the order of children.

From the leaves up, every node is compared with every different subtree of the template: a leaf by
its mass or hypothesis, and charge, another node by these and by whether its children can be paired with those of
the subtree. One child may fit several labels, so pairing is a bipartite matching, by augmenting paths
(H. W. Kuhn, Naval Res. Logist. Q. 2 (1955) 83). For bounded numbers of children the time is linear
in nodes times subtrees (D. W. Matula, Ann. Discrete Math. 2 (1978) 91).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ....io.ragged import Array, Columns, Ragged
from .leaf_hypotheses import LeafHypotheses
from .template import Template


def match_columns(template: Template, columns: Columns, charge: Ragged | None = None, conjugate: bool = True,
                  hypotheses: LeafHypotheses | None = None) -> Columns:
    """Return `template_match` and `template_node` of trees given by `parent` and `node_mass`.

    Parents must come after their children.

    Args:
        charge: of each leaf; without it charges are not compared.
        conjugate: whether the decay of the antiparticles, all charges reversed, is the same.
        hypotheses: of the leaves, with which named ones are compared instead of masses; the masses of nodes
            are those that follow then, from the nodes' momenta.
    """
    parent, mass = columns["parent"], columns["node_mass"]
    assert isinstance(parent, Ragged) and isinstance(mass, Ragged)
    wanted, carried = np.full_like(template.charge, np.nan), np.zeros(len(parent.flat))
    if charge is not None:
        wanted, carried = template.charge, _node_charges(parent.flat, parent.offsets, charge.flat, charge.offsets)
    particle, among = np.zeros(len(parent.flat), dtype=np.int64), np.zeros(len(template.low), dtype=np.bool_)
    if hypotheses is not None:
        particle, mass = hypotheses.of_nodes(parent), Ragged(hypotheses.masses(columns), mass.offsets)
        among = np.isin(template.particle, hypotheses.candidates)
    signs = np.array([1.0, -1.0] if conjugate and charge is not None else [1.0])
    count, first = _match(parent.flat, parent.offsets, mass.flat, carried, particle, signs, template.low, template.high,
                          wanted, template.particle, among, template.children, template.child_at)
    return {"template_match": count, "template_node": first}


@njit(cache=True, nogil=True)
def _node_charges(parents: Array, node_at: Array, charges: Array, leaf_at: Array) -> Array:
    """Return the sum of the charges of each node's leaves, float64 (nodes,)."""
    total = np.zeros(len(parents))
    for event in range(len(node_at) - 1):
        start, nodes = node_at[event], node_at[event + 1] - node_at[event]
        if nodes == 0:
            continue
        for leaf in range(leaf_at[event + 1] - leaf_at[event]):
            total[start + leaf] = charges[leaf_at[event] + leaf]
        for node in range(start, start + nodes):
            if parents[node] >= 0:
                total[start + parents[node]] += total[node]
    return total


@njit(cache=True, nogil=True)
def _match(
    parents: Array, node_at: Array, mass: Array, charge: Array, particle: Array, signs: Array,
    low: Array, high: Array, wanted_charge: Array, named: Array, among: Array, wanted: Array, wanted_at: Array,
) -> tuple[Array, Array]:
    events, subtrees = len(node_at) - 1, len(low)
    most, widest = 0, 0
    for event in range(events):
        most = max(most, node_at[event + 1] - node_at[event])
    for subtree in range(subtrees):
        widest = max(widest, wanted_at[subtree + 1] - wanted_at[subtree])
    fits, found = np.empty((most, subtrees), dtype=np.bool_), np.empty(most, dtype=np.bool_)
    children, child_at = np.empty(most, dtype=np.int64), np.empty(most + 1, dtype=np.int64)
    work = np.empty((4, widest), dtype=np.int64)
    count, first = np.zeros(events, dtype=np.int32), np.full(events, -1, dtype=np.int32)
    for event in range(events):
        start, nodes = node_at[event], node_at[event + 1] - node_at[event]
        _list_children(parents[start : start + nodes], children, child_at)
        found[:nodes] = False
        for sign in signs:
            for node in range(nodes):
                below = children[child_at[node] : child_at[node + 1]]
                for subtree in range(subtrees):
                    slots = wanted[wanted_at[subtree] : wanted_at[subtree + 1]]
                    # No charge that is wanted is NaN, of which every comparison is false.
                    fits[node, subtree] = (
                        len(below) == len(slots)
                        and _is_alike(mass[start + node], low[subtree], high[subtree],
                                      particle[start + node], named[subtree], among[subtree])
                        and not abs(sign * charge[start + node] - wanted_charge[subtree]) > 0.25
                        and _can_be_paired(below, slots, fits, work)
                    )
                found[node] |= fits[node, subtrees - 1]
        for node in range(nodes - 1, -1, -1):
            if found[node]:
                count[event] += 1
                first[event] = node
    return count, first


@njit(cache=True, nogil=True)
def _is_alike(mass: float, low: float, high: float, particle: int, named: int, among: bool) -> bool:
    """Compare a node with a label: by its hypothesis if it has one, or could have that of the label, else by its mass."""
    if named > 0 and (particle > 0 or among):
        return bool(particle == named)
    return bool(low <= mass <= high)


@njit(cache=True, nogil=True)
def _list_children(parent: Array, children: Array, child_at: Array) -> None:
    """Fill the children of every node, one node after the other (counting sort)."""
    nodes = len(parent)
    child_at[: nodes + 1] = 0
    for node in range(nodes):
        if parent[node] >= 0:
            child_at[parent[node] + 1] += 1
    for node in range(nodes):
        child_at[node + 1] += child_at[node]
    for node in range(nodes):
        if parent[node] >= 0:
            children[child_at[parent[node]]] = node
            child_at[parent[node]] += 1
    # Filling has moved every beginning to the next one.
    for node in range(nodes, 0, -1):
        child_at[node] = child_at[node - 1]
    child_at[0] = 0


@njit(cache=True, nogil=True)
def _can_be_paired(below: Array, slots: Array, fits: Array, work: Array) -> bool:
    """Return whether every node of `below` can have a slot of its own that it fits."""
    k = len(below)
    slot_of, node_in, came, queue = work
    slot_of[:k] = -1
    node_in[:k] = -1
    for start in range(k):
        came[:k] = -1
        queue[0] = start
        head, tail, free = 0, 1, -1
        while head < tail and free < 0:
            node = queue[head]
            head += 1
            for slot in range(k):
                if came[slot] >= 0 or not fits[below[node], slots[slot]]:
                    continue
                came[slot] = node
                if node_in[slot] < 0:
                    free = slot
                    break
                queue[tail] = node_in[slot]
                tail += 1
        if free < 0:
            return False
        while free >= 0:
            node = came[free]
            node_in[free] = node
            slot_of[node], free = free, slot_of[node]
    return True
