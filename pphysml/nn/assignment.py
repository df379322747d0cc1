"""Linear assignment on sparse bipartite graphs: the exact solver, for many small problems at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assignment_components import components, most_edges_first
from .assignment_kernel import Graph, match_all

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class BipartiteGraph:
    """Pairs of nodes that may be linked; problems that share no node are independent and may lie side by side.

    Args:
        left, right: integers (E,), nodes of each edge, numbered through all problems, in any order.
        n_left, n_right: numbers of nodes L and R on either side, those without an edge included.

    Raises:
        ValueError: a node outside its range, or arrays that do not fit together.
    """

    left: Array
    right: Array
    n_left: int
    n_right: int

    def __post_init__(self) -> None:
        if self.left.ndim != 1 or self.left.shape != self.right.shape:
            raise ValueError(f"edges need two flat arrays of one length, not {self.left.shape} and {self.right.shape}")
        for name, n in (("left", self.n_left), ("right", self.n_right)):
            nodes = getattr(self, name)
            if nodes.dtype.kind not in "iu":
                raise ValueError(f"{name} nodes must be integers, not {nodes.dtype}")
            if len(nodes) and not 0 <= nodes.min() <= nodes.max() < n:
                raise ValueError(f"{name} nodes must lie in 0..{n - 1}, not {nodes.min()}..{nodes.max()}")
            object.__setattr__(self, name, nodes.astype(np.int64, copy=False))

    def __len__(self) -> int:
        return len(self.left)

    @cached_property
    def order(self) -> Array:
        """Edges sorted by left, then right node: the answer does not depend on the order they come in."""
        return np.argsort(self.left * self.n_right + self.right, kind="stable")

    @cached_property
    def rows(self) -> Graph:
        """Sorted edges as the solver takes them."""
        first = np.zeros(self.n_left + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.left, minlength=self.n_left), out=first[1:])
        return Graph(first, self.left[self.order], self.right[self.order])

    @cached_property
    def component(self) -> Array:
        """Number of the connected component of each edge, int64 (E,), from 0 without gaps."""
        found: Array = components(self.left, self.right, self.n_left, self.n_right)
        return found


def solve_assignment(graph: BipartiteGraph, cost: Array, left_free: Array | None = None, right_free: Array | None = None) -> Array:
    r"""Choose edges, at most one at each node, of the least total cost; exact.

    With costs of free nodes :math:`\sum_e c_e a_e + \sum_{\text{free}} f_n` is minimised: an edge is
    chosen only if it pays. If one side has none, they count as 0. With neither, the matching with
    most edges is taken, and among those the cheapest: every node that can be linked is linked.
    Equally good answers are told apart by the numbers of the nodes, never by other problems.

    Args:
        cost: (E,), or (M, E) for M problems on the same edges; infinite where an edge is forbidden.
        left_free, right_free: cost of leaving a node without a link, (L,) and (R,), finite.

    Returns:
        bool of the shape of `cost`, the edges chosen.

    Raises:
        ValueError: a cost is not a number, or minus infinity; a cost of a free node is not finite.
    """
    costs = np.atleast_2d(np.asarray(cost, dtype=np.float64))
    if costs.shape[1:] != (len(graph),):
        raise ValueError(f"{len(graph)} edges need as many costs, not {costs.shape[1:]}")
    if not (costs > -np.inf).all():
        raise ValueError("costs of edges must be numbers above minus infinity")
    costs = np.take(costs, graph.order, axis=1)
    if left_free is None and right_free is None:
        costs = most_edges_first(costs, graph.rows.row, graph.component[graph.order])
    for free, nodes in ((left_free, graph.rows.row), (right_free, graph.rows.column)):
        if free is not None:
            if not np.isfinite(free).all():
                raise ValueError("costs of free nodes must be finite")
            costs = costs - free[nodes].astype(np.float64)
    chosen = np.empty(costs.shape, dtype=bool)
    chosen[:, graph.order] = match_all(graph.rows, costs, graph.n_right)
    return chosen[0] if np.ndim(cost) == 1 else chosen
