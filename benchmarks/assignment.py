"""Speed of the sparse assignment solver beside scipy's dense and sparse ones; prints JSON.

    python benchmarks/assignment.py [--problems N]

A problem has n points on either side: normally distributed spots of 6 mm, the points of the second
side smeared by 1 mm and 3 % of them replaced by others; the edges are the closest pairs, six for each
point in the mean, and cost their squared distance over 1 mm2. `free`: a free node costs 9/2; `most`: as
many edges as can be, then the least cost. The dense solver of scipy gets one matrix per problem, with
forbidden pairs at a cost that no sum of others reaches; the sparse one needs a full matching, so each
row has a column of its own to be free in. All solve the same problems, and the costs are checked to
agree. Problems per CPU second of one core, best of five: `batch`, all problems in one call of ours;
`frame`, one problem of 45 planes of n points, each linked to the two planes before it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from pphysml.nn.assignment import BipartiteGraph, solve_assignment

Array = NDArray[Any]
FREE = 4.5


def moved(rng: np.random.Generator, points: Array) -> Array:
    """Return a permutation of the points after scattering, 3 % of them replaced."""
    other = rng.random(len(points)) < 0.03
    points = np.where(other[:, None], rng.normal(scale=6, size=points.shape), points + rng.normal(size=points.shape))
    return rng.permutation(points)


def links(before: Array, after: Array, edges: int = 6) -> tuple[Array, Array, Array]:
    """Return the closest pairs, `edges` times the number of points, and their costs."""
    distance, near = cKDTree(after).query(before, k=min(4 * edges, len(after)))
    left = np.repeat(np.arange(len(before)), near.shape[1])
    kept = np.sort(np.argsort(distance.ravel(), kind="stable")[: edges * len(before)])
    return left[kept], near.ravel()[kept], distance.ravel()[kept] ** 2


def planes(rng: np.random.Generator, n: int, problems: int) -> tuple[BipartiteGraph, Array]:
    found = []
    for i in range(problems):
        points = rng.normal(scale=6, size=(n, 2))
        left, right, cost = links(points, moved(rng, points))
        found.append((left + i * n, right + i * n, cost))
    left, right, cost = (np.concatenate(part) for part in zip(*found, strict=True))
    return BipartiteGraph(left, right, n * problems, n * problems), cost


def frame(rng: np.random.Generator, n: int, layers: int = 45) -> tuple[BipartiteGraph, Array]:
    """Return the links of `layers` planes, each to the two before it: one problem."""
    points = [rng.normal(scale=6, size=(n, 2))]
    for _ in range(layers - 1):
        points.append(moved(rng, points[-1]))
    found = []
    for layer in range(1, layers):
        for before in range(max(layer - 2, 0), layer):
            left, right, cost = links(points[layer], points[before], 6 if before == layer - 1 else 4)
            found.append((left + layer * n, right + before * n, cost + 4 * (layer - 1 - before)))
    left, right, cost = (np.concatenate(part) for part in zip(*found, strict=True))
    return BipartiteGraph(left, right, n * layers, n * layers), cost


def dense(graph: BipartiteGraph, cost: Array, free: float | None, n: int) -> float:
    """Solve block by block on dense matrices; return the objective."""
    total, ends = 0.0, np.searchsorted(graph.left, np.arange(0, graph.n_left + 1, n))
    value, worst = (cost, 1e6) if free is None else (np.minimum(cost - 2 * free, 0.0), 0.0)
    for i, (a, b) in enumerate(pairwise(ends)):
        block = np.full((n, n), worst)
        block[graph.left[a:b] - i * n, graph.right[a:b] - i * n] = value[a:b]
        taken = block[linear_sum_assignment(block)]
        total += float(taken[taken < worst].sum())
    return total


def sparse(graph: BipartiteGraph, cost: Array, free: float | None, n: int) -> float:
    """The same by sparse full matching, each row with a column of its own to be free in."""
    total, ends = 0.0, np.searchsorted(graph.left, np.arange(0, graph.n_left + 1, n))
    # No weight may be 0, which is how this solver says that there is none.
    alone, shift = (10.0, 10.0 - 2 * free) if free is not None else (1e6, 1.0)
    own = np.arange(n)
    for i, (a, b) in enumerate(pairwise(ends)):
        rows, columns = np.r_[graph.left[a:b] - i * n, own], np.r_[graph.right[a:b] - i * n, n + own]
        matrix = csr_matrix((np.r_[cost[a:b] + shift, np.full(n, alone)], (rows, columns)), shape=(n, 2 * n))
        row, column = min_weight_full_bipartite_matching(matrix)
        linked = column < n
        total += float(np.asarray(matrix[row[linked], column[linked]]).sum() - (10.0 if free is not None else 1.0) * linked.sum())
    return total


def ours(graph: BipartiteGraph, cost: Array, free: float | None, n: int) -> float:
    """Solve all in one call, the sorting of edges included."""
    graph = BipartiteGraph(graph.left, graph.right, graph.n_left, graph.n_right)
    node = None if free is None else np.full(graph.n_left, free)
    chosen = solve_assignment(graph, cost, node, node)
    return float((cost[chosen] - (2 * free if free is not None else 0.0)).sum())


def seconds(call: Callable[[], float]) -> tuple[float, float]:
    """Return CPU seconds, the best of five unless one takes more than a second, and what was returned."""
    answer, best = call(), np.inf
    for _ in range(5):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
        if best > 1.0:
            break
    return best, answer


def compare(graph: BipartiteGraph, cost: Array, n: int, problems: int) -> dict[str, object]:
    report: dict[str, object] = {"edges_per_node": round(len(graph) / graph.n_left, 2)}
    for mode, free in (("free", FREE), ("most", None)):
        times = {call.__name__: seconds(lambda call=call, free=free: call(graph, cost, free, n)) for call in (ours, dense, sparse)}  # type: ignore[misc]
        assert all(abs(value - times["ours"][1]) < 1e-6 * abs(value) for _, value in times.values()), times
        report[mode] = {name: float(f"{problems / took:.3g}") for name, (took, _) in times.items()}
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=45)
    problems = parser.parse_args().problems
    rng = np.random.default_rng(2020)
    report = {
        "problems": problems,
        "batch": {n: compare(*planes(rng, n, problems), n, problems) for n in (50, 100, 150, 200)},
        "frame": {n: compare(*frame(rng, n), 45 * n, 1) for n in (50, 100)},
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
