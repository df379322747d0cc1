"""The trivial reference: the most frequent tree among training events of the same leaf masses.

It uses no kinematics; whatever does not beat it has learnt the list of topologies alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ....errors import ModelError
from ....io.ragged import Array, Columns, Ragged, length, slice_rows, take
from ....model_file import ModelFile
from ..output.columns import rows_equal
from ..trees.validity import is_valid
from ..trees.validity_rules import ValidityRules

DECIMALS = 1
FINEST = 3
"""Decimals that are tried; a photon's mass, the difference of two large numbers, is not known better."""
ENOUGH = 10_000
"""Events by which the decimals are chosen."""
MOST_DECIMALS = 12
STORED = "lookup."
"""What the names of the table's arrays begin with among those stored with weights."""
ANY_TREES = ValidityRules(forest=True, gap_free=False)


def fit(examples: Columns, decimals: int = DECIMALS) -> dict[str, Array]:
    """Return the table of `p4` and `lcag`, as arrays that can be stored with weights.

    For n leaves, `masses_n` int64 (K, n): ascending leaf masses in steps of 10**-decimals GeV, and
    `trees_n` uint8 (K, n, n): the most frequent matrix, leaves in that order; and `decimals`.
    """
    p4, truth = _ragged(examples, "p4"), _ragged(examples, "lcag")
    table: dict[str, Array] = {"decimals": np.array(decimals, dtype=np.int64)}
    for n in np.unique(p4.counts[p4.counts >= 2]):
        rows = np.flatnonzero(p4.counts == n)
        masses, order = _sorted_masses(p4.take(rows).flat.reshape(len(rows), n, 4), decimals)
        matrices = truth.take(rows).flat.reshape(len(rows), n, n)
        matrices = matrices[np.arange(len(rows))[:, None, None], order[:, :, None], order[:, None, :]]
        table[f"masses_{n}"], trees = _most_frequent(masses, matrices.reshape(len(rows), n * n))
        table[f"trees_{n}"] = trees.reshape(-1, n, n)
    return table


def fit_steps(examples: Columns) -> int:
    """Return the decimals of a mass, the fewest of those with which one half of the examples says most of the other."""
    few = slice_rows(examples, 0, ENOUGH)
    halves = [take(few, np.arange(length(few)) % 2 == part) for part in (0, 1)]
    truth = _ragged(halves[1], "lcag")

    def right(decimals: int) -> int:
        return int(rows_equal(truth.flat, predict(halves[1], fit(halves[0], decimals)).flat, truth.offsets).sum())

    return max(range(DECIMALS, FINEST + 1), key=right)


def known(examples: Columns, table: Mapping[str, Array]) -> Array:
    """Return whether the leaf masses of each event of two leaves and more are in the table, bool."""
    p4 = _ragged(examples, "p4")
    found = np.zeros(len(p4), dtype=bool)
    for n in np.unique(p4.counts[p4.counts >= 2]):
        rows = np.flatnonzero(p4.counts == n)
        masses, _ = _sorted_masses(p4.take(rows).flat.reshape(len(rows), n, 4), int(table["decimals"]))
        listed = table.get(f"masses_{n}", np.zeros((0, n), dtype=np.int64))
        found[rows] = _find(listed, masses) < len(listed)
    return found[p4.counts >= 2]


def check_table(model: ModelFile) -> None:
    """Refuse a stored table that `fit` has not made.

    Raises:
        ModelError: an array is missing, or of another type or shape.
    """
    sizes = [name.removeprefix(f"{STORED}masses_") for name in model.prepared if name.startswith(f"{STORED}masses_")]
    for size in sizes:
        n = int(size) if size.isdecimal() and len(size) < 9 else -1
        rows = len(model.stored("prepared", f"{STORED}masses_{size}", (None, n), "i"))
        model.stored("prepared", f"{STORED}trees_{size}", (rows, n, n), "u")
    if sizes and not 0 <= model.stored("prepared", f"{STORED}decimals", (), "i") <= MOST_DECIMALS:
        raise ModelError(f"{model.named}: the stored table of trees has no sensible number of decimals.")


def stored_table(model: ModelFile) -> dict[str, Array]:
    """Return the table that is stored with weights; empty if there is none.

    Raises:
        ModelError: its trees are none.
    """
    table = {name.removeprefix(STORED): value for name, value in model.prepared.items() if name.startswith(STORED)}
    for name, trees in table.items():
        if name.startswith("trees_") and not is_valid(trees, ANY_TREES).all():
            raise ModelError(f"{model.named}: the stored array 'prepared.{STORED}{name}' holds matrices of no tree.")
    return table


def predict(examples: Columns, table: Mapping[str, Array]) -> Ragged:
    """Return matrices, uint8 flat rows of n*n; leaf masses not in the table give one node only.

    Leaves of equal mass are taken in the given order, as nothing here tells them apart.
    """
    p4 = _ragged(examples, "p4")
    counts = p4.counts
    matrices = Ragged.from_counts(np.zeros((counts**2).sum(), dtype=np.uint8), counts**2)
    for n in np.unique(counts[counts >= 2]):
        rows = np.flatnonzero(counts == n)
        masses, order = _sorted_masses(p4.take(rows).flat.reshape(len(rows), n, 4), int(table["decimals"]))
        known = table.get(f"masses_{n}", np.zeros((0, n), dtype=np.int64))
        flat_tree = 1 - np.eye(n, dtype=np.uint8)
        trees = np.concatenate([table.get(f"trees_{n}", flat_tree[None][:0]), flat_tree[None]])
        at = np.empty_like(order)
        np.put_along_axis(at, order, np.arange(n)[None, :], axis=1)
        found = trees[_find(known, masses)[:, None, None], at[:, :, None], at[:, None, :]]
        matrices.flat[matrices.offsets[rows][:, None] + np.arange(n * n)] = found.reshape(len(rows), -1)
    return matrices


def _ragged(examples: Columns, name: str) -> Ragged:
    column = examples[name]
    assert isinstance(column, Ragged)
    return column


def _sorted_masses(p4: Array, decimals: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return leaf masses in steps, ascending, and which leaf each is, both (B, n)."""
    square = p4[..., 3] ** 2 - (p4[..., :3] ** 2).sum(-1)
    steps = np.rint(np.sqrt(np.maximum(square, 0)) * 10**decimals).astype(np.int64)
    order = np.argsort(steps, axis=1, kind="stable")
    return np.take_along_axis(steps, order, 1), order


def _most_frequent(masses: Array, trees: Array) -> tuple[Array, Array]:
    """Return the distinct masses (K, n) and for each its most frequent tree (K, n*n)."""
    n = masses.shape[1]
    pairs, counts = np.unique(np.concatenate([masses, trees], 1), axis=0, return_counts=True)
    keys, key = np.unique(pairs[:, :n], axis=0, return_inverse=True)
    best_first = np.lexsort((-counts, key.ravel()))
    _, first = np.unique(key.ravel()[best_first], return_index=True)
    return keys, pairs[best_first[first], n:].astype(np.uint8)


def _find(known: Array, masses: Array) -> NDArray[np.int64]:
    """Return the row of `known` that equals each row of `masses`, or len(known)."""
    _, label = np.unique(np.concatenate([known, masses]), axis=0, return_inverse=True)
    label = label.ravel()
    row = np.full(len(label), len(known))
    row[label[: len(known)]] = np.arange(len(known))
    found: NDArray[np.int64] = row[label[len(known) :]]
    return found
