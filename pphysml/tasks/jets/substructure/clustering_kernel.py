"""Sequential recombination of the constituents of one jet, compiled.

All are merged to one, pair by pair; the pair with the smallest min(w_i, w_j) R_ij^2 is next, where R is
the distance in rapidity and azimuth, and the weight w is pt^2 (kT; S. Catani et al., Nucl. Phys. B 406
(1993) 187), or 1 (Cambridge/Aachen; Y. Dokshitzer et al., hep-ph/9707323). Momenta are added (E scheme).
If i has the smaller weight of that pair, then j is the nearest of i in R, so that the nearest
neighbour of each is all that must be known (M. Cacciari, G. Salam, hep-ph/0512210).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....physics.four_vectors import Floats
from .coordinates_kernel import (
    ENERGY,
    MOMENTUM_COLUMNS,
    PHI,
    PT,
    PX,
    RAPIDITY,
    fill_coordinates,
    squared_distance,
)

Ints = NDArray[np.int64]


Y, AZIMUTH, WEIGHT, SQUARED, MEASURE = range(5)
"""Rows of `Merging.values`."""

NODE, NEAREST = range(2)
"""Rows of `Merging.places`."""


class Merging(NamedTuple):
    """Room for the clustering of n constituents; node n + k is what the k-th merging made, the last the jet.

    Attributes:
        nodes: momenta, (2 n - 1, columns of `coordinates_kernel`); the first n are given.
        children: the nodes that were merged, (2 n - 1, 2); those with the larger pt first.
        nearest, squared: number and squared distance of each constituent's nearest neighbour, (n,).
        values: of those not merged yet, (5, n): rapidity, azimuth, weight, the squared distance of the nearest neighbour, and
            the measure of the pair with it, by which the next pair is chosen.
        places: likewise the node and the place of the nearest neighbour, (2, n).
    """

    nodes: Floats
    children: Ints
    nearest: Ints
    squared: Floats
    values: Floats
    places: Ints


@njit(cache=True, nogil=True)
def room_for(n: int) -> Any:
    """Return room for jets of at most n constituents."""
    nodes, children = np.empty((2 * n, MOMENTUM_COLUMNS)), np.empty((2 * n, 2), dtype=np.int64)
    return Merging(
        nodes,
        children,
        np.empty(n, dtype=np.int64),
        np.empty(n),
        np.empty((5, n)),
        np.empty((2, n), dtype=np.int64),
    )


@njit(cache=True, nogil=True)
def find_neighbours(nodes: Floats, n: int, nearest: Ints, squared: Floats) -> None:
    """Find the nearest neighbour of each of the first n nodes, before they are clustered."""
    for i in range(n):
        y, phi, smallest, near = nodes[i, RAPIDITY], nodes[i, PHI], np.inf, 0
        for j in range(i):
            distance = squared_distance(y, phi, nodes[j, RAPIDITY], nodes[j, PHI])
            if distance < smallest:
                smallest, near = distance, j
            if distance < squared[j]:
                squared[j], nearest[j] = distance, i
        squared[i], nearest[i] = smallest, near


@njit(cache=True, nogil=True)
def cluster(m: Merging, n: int, by_kt: bool) -> None:
    """Merge the first n nodes to one, and fill nodes and children; `find_neighbours` comes first."""
    # Small functions take the arrays one by one: members of a tuple cost time in a loop.
    nodes, children, values, places = m.nodes, m.children, m.values, m.places
    for i in range(n):
        _place(nodes, values, places, i, i, by_kt)
    for i in range(n):
        _set(values, places, i, m.nearest[i], m.squared[i])
    for new in range(n, 2 * n - 1):
        last = 2 * n - new - 1
        i = _place_of_smallest(values, last + 1)
        j = places[NEAREST, i]
        i, j = min(i, j), max(i, j)
        _merge(nodes, children, new, places[NODE, i], places[NODE, j])
        for row in range(5):
            values[row, j] = values[row, last]
        for row in range(2):
            places[row, j] = places[row, last]
        _place(nodes, values, places, i, new, by_kt)
        _find_again(values, places, i, j, last)


@njit(cache=True, nogil=True)
def _place(nodes: Floats, values: Floats, places: Ints, i: int, node: int, by_kt: bool) -> None:
    places[NODE, i] = node
    values[Y, i], values[AZIMUTH, i] = nodes[node, RAPIDITY], nodes[node, PHI]
    values[WEIGHT, i] = nodes[node, PT] ** 2 if by_kt else 1.0


@njit(cache=True, nogil=True)
def _set(values: Floats, places: Ints, a: int, near: int, squared: float) -> None:
    places[NEAREST, a], values[SQUARED, a] = near, squared
    values[MEASURE, a] = min(values[WEIGHT, a], values[WEIGHT, near]) * squared


@njit(cache=True, nogil=True)
def _place_of_smallest(values: Floats, n: int) -> int:
    best, smallest = 0, np.inf
    for i in range(n):
        if values[MEASURE, i] < smallest:
            best, smallest = i, values[MEASURE, i]
    return best


@njit(cache=True, nogil=True)
def _merge(nodes: Floats, children: Ints, new: int, a: int, b: int) -> None:
    for column in range(PX, ENERGY + 1):
        nodes[new, column] = nodes[a, column] + nodes[b, column]
    fill_coordinates(nodes[new])
    first = nodes[a, PT] >= nodes[b, PT]
    children[new, 0], children[new, 1] = (a, b) if first else (b, a)


@njit(cache=True, nogil=True)
def _find_again(values: Floats, places: Ints, i: int, j: int, left: int) -> None:
    """Find the neighbours again, after i and j became the new i, and the last one, whose place was `left`, j."""
    y, phi, near, smallest = values[Y, i], values[AZIMUTH, i], 0, np.inf
    for a in range(left):
        if a == i:
            continue
        squared = squared_distance(values[Y, a], values[AZIMUTH, a], y, phi)
        if squared < smallest:
            near, smallest = a, squared
        # All others are as far as a neighbour that is lost, or farther.
        if squared <= values[SQUARED, a]:
            _set(values, places, a, i, squared)
        elif places[NEAREST, a] == i or places[NEAREST, a] == j:
            _search(values, places, a, left)
        elif places[NEAREST, a] == left:
            places[NEAREST, a] = j
    _set(values, places, i, near, smallest)


@njit(cache=True, nogil=True)
def _search(values: Floats, places: Ints, a: int, left: int) -> None:
    y, phi, near, smallest = values[Y, a], values[AZIMUTH, a], 0, np.inf
    for b in range(left):
        squared = squared_distance(values[Y, b], values[AZIMUTH, b], y, phi)
        if squared < smallest and b != a:
            near, smallest = b, squared
    _set(values, places, a, near, smallest)
