"""Compiled loops of the sparse linear assignment: shortest augmenting paths over a list of edges.

Minimised is the summed cost of the chosen edges, of which each row and each column has at most one;
costs are negative where an edge pays. Every row is either matched or takes its own dummy column of
cost 0, so that the problem is a rectangular assignment and always feasible. A column's price is its
dual variable: at most 0, and 0 while the column is free; a row's is the least of cost less price.

Reference: R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
assignment problems", Computing 38 (1987) 325; the search is Dijkstra's, with a heap. Only edges that
a row can reach are looked at: problems that share no node do not feel each other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

BIDS = 8
"""How often a row takes part in the reduction before the search decides on it: with nearly equal
costs rows may outbid each other by tiny steps for ever."""


class Graph(NamedTuple):
    """Edges sorted by row.

    Attributes:
        first: int64 (rows + 1,), where the edges of each row begin.
        row, column: int64 (E,).
    """

    first: Array
    row: Array
    column: Array


class Matching(NamedTuple):
    """State of the solver: the edge of each row (-1: none) and the price and owner (-1: free) of each column."""

    edge: Array
    price: Array
    owner: Array


class Search(NamedTuple):
    """Work space of the search: distance of each column, the edge that gave it, whether it is final, and a heap."""

    distance: Array
    via: Array
    final: Array
    reached: Array
    heap: Array


@njit(cache=True, nogil=True)
def match_all(graph: Graph, cost: Array, columns: int) -> Array:
    """Return the edges chosen, bool (M, E), for M costs (M, E) of the same edges; at infinite cost none."""
    rows, edges = len(graph.first) - 1, len(graph.row)
    chosen = np.zeros(cost.shape, dtype=np.bool_)
    # An entry of the heap is made only when an edge is looked at, at most once in a search.
    s = Search(
        np.full(columns, np.inf), np.empty(columns, dtype=np.int64), np.zeros(columns, dtype=np.bool_),
        np.empty(columns, dtype=np.int64), np.empty((edges, 2)))
    for sample in range(len(cost)):
        m = Matching(np.full(rows, -1), np.zeros(columns), np.full(columns, -1))
        _match(graph, cost[sample], m, s)
        for row in range(rows):
            if m.edge[row] >= 0:
                chosen[sample, m.edge[row]] = True
    return chosen


@njit(cache=True, nogil=True)
def _match(graph: Graph, cost: Array, m: Matching, s: Search) -> None:
    rows = len(m.edge)
    bids, waiting = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.bool_)
    for start in range(rows):
        row = start
        while row >= 0 and bids[row] < BIDS:
            bids[row] += 1
            row = _bid(row, graph, cost, m)
        if row >= 0:
            waiting[row] = True
    for row in range(rows):
        if waiting[row]:
            _augment(row, graph, cost, m, s)


@njit(cache=True, nogil=True)
def _bid(row: int, graph: Graph, cost: Array, m: Matching) -> int:
    """Give a row its best column at the price of its second best choice; return the row that loses it, or -1."""
    best, second, at = 0.0, 0.0, -1
    for edge in range(graph.first[row], graph.first[row + 1]):
        value = cost[edge] - m.price[graph.column[edge]]
        if value < best:
            best, second, at = value, best, edge
        elif value < second:
            second = value
    if at < 0:
        return -1
    column = graph.column[at]
    loser = m.owner[column]
    m.price[column] -= second - best
    m.edge[row], m.owner[column] = at, row
    if loser >= 0:
        m.edge[loser] = -1
    return loser  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _augment(row: int, graph: Graph, cost: Array, m: Matching, s: Search) -> None:
    """Match a row, or leave one without an edge, along the shortest alternating path from the row.

    The path ends in a free column, or in the dummy of the row `last`, which is `length` away so far.
    """
    count, size, end, last, length = 0, 0, -1, row, 0.0
    current, base = row, 0.0
    while True:
        for edge in range(graph.first[current], graph.first[current + 1]):
            column = graph.column[edge]
            distance = base + cost[edge] - m.price[column]
            # Rounding may lower the distance of a column that is final, its own edge's among them.
            if not s.final[column] and distance < min(s.distance[column], length):
                if s.distance[column] == np.inf:
                    s.reached[count] = column
                    count += 1
                s.distance[column], s.via[column] = distance, edge
                size = _push(s.heap, size, distance, column)
        while size > 0 and s.final[int(s.heap[0, 1])]:
            size = _pop(s.heap, size)
        if size == 0 or s.heap[0, 0] >= length:
            break
        column, distance = int(s.heap[0, 1]), s.heap[0, 0]
        s.final[column] = True
        if m.owner[column] < 0:
            end, length = column, distance
            break
        current = m.owner[column]
        used = m.edge[current]
        base = distance - (cost[used] - m.price[column])
        if base < length:
            last, length = current, base
    _update(row, last, end, length, count, graph, m, s)


@njit(cache=True, nogil=True)
def _update(row: int, last: int, end: int, length: float, count: int, graph: Graph, m: Matching, s: Search) -> None:
    """Move prices, exchange the edges of the path that ends in column `end`, or in the dummy of row `last`."""
    column = end
    if end < 0:
        # The row `last` gives up its edge; if it is the first row itself, nothing changes hands.
        column = graph.column[m.edge[last]] if last != row else -1
        m.edge[last] = -1
    for i in range(count):
        reached = s.reached[i]
        if s.final[reached]:
            m.price[reached] += min(s.distance[reached] - length, 0.0)
    while column >= 0:
        edge = s.via[column]
        owner = graph.row[edge]
        released = m.edge[owner]
        m.edge[owner], m.owner[column] = edge, owner
        column = graph.column[released] if owner != row else -1
    for i in range(count):
        s.distance[s.reached[i]], s.final[s.reached[i]] = np.inf, False


@njit(cache=True, nogil=True)
def _push(heap: Array, size: int, key: float, item: int) -> int:
    """Put an entry into a binary heap (n, 2) of `size` entries; equal keys go by the item.

    So what is chosen among equals does not depend on other problems.
    """
    place = size
    while place > 0:
        above = (place - 1) // 2
        if not (key < heap[above, 0] or (key == heap[above, 0] and item < heap[above, 1])):
            break
        heap[place, 0], heap[place, 1] = heap[above, 0], heap[above, 1]
        place = above
    heap[place, 0], heap[place, 1] = key, item
    return size + 1


@njit(cache=True, nogil=True)
def _pop(heap: Array, size: int) -> int:
    """Take the first entry away."""
    size -= 1
    key, item = heap[size, 0], heap[size, 1]
    place, below = 0, 1
    while below < size:
        other = below + 1
        if other < size and (heap[other, 0] < heap[below, 0] or (heap[other, 0] == heap[below, 0] and heap[other, 1] < heap[below, 1])):
            below = other
        if not (heap[below, 0] < key or (heap[below, 0] == key and heap[below, 1] < item)):
            break
        heap[place, 0], heap[place, 1] = heap[below, 0], heap[below, 1]
        place, below = below, 2 * below + 1
    heap[place, 0], heap[place, 1] = key, item
    return size
