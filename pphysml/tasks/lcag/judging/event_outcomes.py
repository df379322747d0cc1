"""What became of each event: how it compares with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, Ragged, ragged
from ..output.columns import node_momenta
from ..output.columns import perfect as is_perfect
from ..trees.components import BACKGROUND
from ..trees.matrices import matrix_to_parent
from ..trees.tree_kinds import tree_kinds
from ..trees.validity import is_valid_ragged
from ..trees.validity_rules import ValidityRules

PER_BIN = 20
"""Fewest events in a bin of the reliability table, on average."""

OF_EVENT = ("topology", "weight")
OF_PREDICTION = ("raw_valid", "tree_prob", "margin")


@dataclass
class Events:
    """Per-event numbers of all events of two or more leaves.

    Attributes:
        n, height: leaves, and true height of the highest root.
        wrong, wrong_raw: wrong matrix elements off the diagonal, decoded and argmax.
        perfect: whether every element of the decoded matrix is right, and, where leaves can be
            background, which of them are.
        valid: whether the decoded matrix is a tree, or a forest where that is allowed.
        others: the columns of `OF_EVENT` and `OF_PREDICTION` that are there; without `topology`, `decay`, a number for
            each kind of tree.
    """

    n: NDArray[np.int64]
    height: NDArray[np.int64]
    wrong: NDArray[np.int64]
    wrong_raw: NDArray[np.int64]
    perfect: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    others: dict[str, Array]

    @property
    def perfect_raw(self) -> NDArray[np.bool_]:
        """Whether every element is right when each takes its most probable class."""
        right: NDArray[np.bool_] = self.wrong_raw == 0
        return right


@dataclass
class NodeMasses:
    """Invariant masses in GeV of the nodes that are not leaves.

    Attributes:
        truth: of the true trees.
        decoded: of the decoded trees.
        perfect: for each decoded node, whether its whole tree is right.
    """

    truth: Array
    decoded: Array
    perfect: Array


def compare(examples: Columns, predictions: Columns, rules: ValidityRules) -> Events:
    """Return the per-event numbers of events of two or more leaves."""
    truth, n = ragged(examples, "lcag"), ragged(examples, "p4").counts
    decoded, raw = (ragged(predictions, name) for name in ("lcag", "lcag_raw"))
    others = {k: np.asarray(examples[k]) for k in OF_EVENT if k in examples}
    others |= {k: np.asarray(predictions[k]) for k in OF_PREDICTION if k in predictions}
    if "topology" not in others:
        others["decay"] = _decays(examples, truth, rules)
    height = (np.maximum.reduceat(truth.flat, truth.offsets[:-1]) if len(n) else truth.flat[:0])
    strays = ragged(predictions, "component").flat == BACKGROUND if "background" in examples else np.zeros(0)
    return Events(
        n, height.astype(np.int64), wrong_elements(truth, decoded, n), wrong_elements(truth, raw, n),
        is_perfect(examples, decoded, strays), is_valid_ragged(decoded, n, rules), others,
    )


def _decays(examples: Columns, truth: Ragged, rules: ValidityRules) -> Array:
    """Return the kind of every tree; those that are none are one kind."""
    is_tree = is_valid_ragged(truth, ragged(examples, "p4").counts, rules)
    kinds = np.zeros(len(is_tree), dtype=np.uint64)
    kinds[is_tree] = tree_kinds(ragged(examples, "p4").take(is_tree), truth.take(is_tree))
    return kinds


def wrong_elements(truth: Ragged, matrix: Ragged, n: Array) -> NDArray[np.int64]:
    """Return how many off-diagonal elements of each n x n matrix differ from the truth, (events,).

    Raises:
        ValueError: matrices of other sizes than the events.
    """
    if not (np.array_equal(truth.counts, n**2) and np.array_equal(matrix.counts, n**2)):
        raise ValueError("matrices do not have n_leaves x n_leaves elements")
    event = np.repeat(np.arange(len(n)), n**2)
    within = np.arange(len(event)) - truth.offsets[event]
    off_diagonal = within % (n[event] + 1) != 0
    return np.bincount(event[off_diagonal & (truth.flat != matrix.flat)], minlength=len(n))


def node_masses(examples: Columns, predictions: Columns, perfect: Array) -> NodeMasses:
    """Return the masses of true nodes (of `examples`) and of decoded ones; they may differ in rows."""
    p4 = ragged(examples, "p4")
    parent, level = matrix_to_parent(ragged(examples, "lcag"), p4.counts)
    nodes = node_momenta(p4.flat, p4.offsets, parent.flat, parent.offsets)[level.flat > 0]
    square = nodes[:, 3] ** 2 - (nodes[:, :3] ** 2).sum(-1)
    mass, height = ragged(predictions, "node_mass"), ragged(predictions, "node_level")
    inner = height.flat > 0
    return NodeMasses(
        np.sqrt(np.maximum(square, 0)), mass.flat[inner], np.repeat(perfect, mass.counts)[inner]
    )


def calibrated(events: Events, rules: ValidityRules) -> tuple[Array, Array]:
    """Return `tree_prob` and whether the tree is right, where there was a choice and a probability."""
    probability = events.others.get("tree_prob")
    if probability is None:
        return np.zeros(0), np.zeros(0, dtype=bool)
    usable = (probability >= 0) & (events.n >= (1 if rules.forest else 3))
    return probability[usable].astype(np.float64), events.perfect[usable]


def n_bins(n: int) -> int:
    """Return the number of bins of a reliability table of `n` events."""
    return int(np.clip(n // PER_BIN, 1, 15))


def join(parts: list[Events]) -> Events:
    """Return the events of all parts; a column that one part lacks is left out."""
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Events(none, none, none, none, none.astype(bool), none.astype(bool), {})
    shared = set.intersection(*(set(part.others) for part in parts))
    n, height, wrong, wrong_raw, perfect, valid = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("n", "height", "wrong", "wrong_raw", "perfect", "valid")
    )
    others = {k: np.concatenate([p.others[k] for p in parts]) for k in parts[0].others if k in shared}
    return Events(n, height, wrong, wrong_raw, perfect, valid, others)
