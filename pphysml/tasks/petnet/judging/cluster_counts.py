"""Counts of every cluster of singles, kept as how many clusters have the same counts, and their resampling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....evaluation.uncertainty import MAX_RESAMPLED
from ....io.ragged import Array
from .classes import ACCIDENTAL, PairClass
from .targets import Targets, Verdict
from .truth import Truth

CLASSES = tuple(kind.name.lower() for kind in PairClass)
COLUMNS = ("singles", "targets", "found", "unscattered_targets", "unscattered_found", "pairs", *CLASSES,
           "accidental", "repeated", "hits_found", "hits", "delayed")
"""Counts of a cluster: used singles up to `MANY`, targets, those found; the same of unscattered ones; prompt pairs,
and those of each class; `RANDOM` or `NOISE` ones; pairs of a target of which another was reported;
singles in pairs that belong to a target, two at most for each; singles in pairs; delayed pairs."""

MANY = 9
"""Clusters with more used singles than this are counted as having so many."""


def cluster_counts(truth: Truth, targets: Targets, verdict: Verdict, pairs: tuple[Array, Array], delayed: Array) -> Array:
    """Return the counts of each cluster, int64 (C, len(COLUMNS)).

    Args:
        pairs: the two singles of each prompt pair.
        delayed: first single of each delayed pair.
    """
    n = len(truth.start)
    row = truth.cluster[pairs[0]]
    reported = np.unique(np.concatenate(pairs))

    def count(rows: Array, weights: Array | None = None) -> Array:
        return np.bincount(rows, weights, minlength=n).astype(np.int64)

    counts = {
        "singles": np.minimum(truth.n_used, MANY),
        "targets": count(targets.cluster), "found": count(targets.cluster, verdict.found),
        "unscattered_targets": count(targets.cluster, targets.unscattered),
        "unscattered_found": count(targets.cluster, verdict.found_unscattered), "pairs": count(row),
        **{name: count(row[verdict.kind == kind]) for name, kind in zip(CLASSES, PairClass, strict=True)},
        "accidental": count(row[np.isin(verdict.kind, ACCIDENTAL)]),
        "repeated": count(row[(verdict.target >= 0) & ~verdict.right]),
        "hits_found": count(targets.cluster, verdict.hits), "hits": count(truth.cluster[reported]),
        "delayed": count(truth.cluster[delayed]),
    }
    return np.stack([counts[name] for name in COLUMNS], axis=1)


class ClusterCounts:
    """Different rows of counts, and how many clusters have each.

    Most clusters are one single and nothing else; so millions of them are a few hundred rows.

    Attributes:
        rows: int64 (R, len(COLUMNS)).
        clusters: int64 (R,).
    """

    def __init__(self, rows: Array | None = None, clusters: Array | None = None) -> None:
        self.rows = np.zeros((0, len(COLUMNS)), dtype=np.int64) if rows is None else rows
        self.clusters = np.zeros(0, dtype=np.int64) if clusters is None else clusters

    def add(self, counts: Array) -> None:
        """Add clusters, shape (C, len(COLUMNS))."""
        # Clusters where nothing can happen are set aside first, since sorting rows is slow.
        busy = counts[:, 1:].any(axis=1)
        quiet = np.bincount(counts[~busy, 0], minlength=MANY + 1)
        idle = np.zeros((MANY + 1, len(COLUMNS)), dtype=np.int64)
        idle[:, 0] = np.arange(MANY + 1)
        rows = np.concatenate([self.rows, idle, counts[busy]])
        clusters = np.concatenate([self.clusters, quiet, np.ones(int(busy.sum()), dtype=np.int64)])
        self.rows, which = _distinct(rows[clusters > 0])
        self.clusters = np.bincount(which, clusters[clusters > 0], minlength=len(self.rows)).astype(np.int64)

    @property
    def total(self) -> dict[str, int]:
        """Sum of each column over all clusters."""
        return {name: int(value) for name, value in zip(COLUMNS, self.clusters @ self.rows, strict=True)}

    def resampled(self, replicas: int, seed: int = 0) -> dict[str, Array]:
        """Return the sums over as many clusters drawn with replacement, (replicas,) per column."""
        rng, n = np.random.default_rng(seed), int(self.clusters.sum())
        step = max(1, MAX_RESAMPLED // max(len(self.clusters), 1))
        parts = [rng.multinomial(n, self.clusters / n, size=min(step, replicas - start)) @ self.rows
                 for start in range(0, replicas, step)]
        return dict(zip(COLUMNS, np.concatenate(parts).T, strict=True))

    def by_singles(self) -> Iterator[tuple[int, ClusterCounts]]:
        """Yield the numbers of used singles that occur, and the clusters that have so many."""
        for number in np.unique(self.rows[:, 0]):
            chosen = self.rows[:, 0] == number
            yield int(number), ClusterCounts(self.rows[chosen], self.clusters[chosen])


def _distinct(rows: Array) -> tuple[Array, Array]:
    """Return the different rows in their order, and which of them each row is.

    Sorting one mixed number per row is faster than sorting rows; rows that mix alike by chance are
    noticed.
    """
    factors = np.random.default_rng(0).integers(2**62, size=rows.shape[1]) * 2 + 1
    _, first, which = np.unique(rows @ factors, return_index=True, return_inverse=True)
    if not (rows == rows[first[which]]).all():
        first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)[1:]
    order = np.lexsort(rows[first].T[::-1])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return rows[first[order]], place[which.ravel()]
