"""Bipartite problems small enough to try all matchings."""

from __future__ import annotations

import numpy as np

from pphysml.nn.assignment import BipartiteGraph


def random_graph(rng, most_edges=11):
    """A graph of one to five nodes a side, its edges in any order."""
    n_left, n_right = (int(n) for n in rng.integers(1, 6, 2))
    left, right = np.nonzero(rng.random((n_left, n_right)) < rng.uniform(0.2, 1.0))
    order = rng.permutation(len(left))[:most_edges]
    return BipartiteGraph(left[order], right[order], n_left, n_right)


def all_matchings(graph, may_be_free=True):
    """Every set of edges with at most one at each node, bool (K, E); on demand those of most edges."""
    edges = len(graph)
    sets = (np.arange(2**edges)[:, None] >> np.arange(edges)) & 1
    at_left = sets @ np.eye(graph.n_left, dtype=int)[graph.left]
    at_right = sets @ np.eye(graph.n_right, dtype=int)[graph.right]
    kept = sets[(at_left <= 1).all(1) & (at_right <= 1).all(1)]
    return kept if may_be_free else kept[kept.sum(1) == kept.sum(1).max()]


def side_by_side(graphs):
    """All graphs as one."""
    n_left, n_right = np.cumsum([0] + [g.n_left for g in graphs]), np.cumsum([0] + [g.n_right for g in graphs])
    return BipartiteGraph(
        np.concatenate([g.left + n for g, n in zip(graphs, n_left, strict=False)]),
        np.concatenate([g.right + n for g, n in zip(graphs, n_right, strict=False)]), int(n_left[-1]), int(n_right[-1]))
