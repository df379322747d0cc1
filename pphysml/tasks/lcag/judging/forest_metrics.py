"""How well single trees, and leaves that belong to none, are found in events of several trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy.stats import rankdata

from ....evaluation.result import Metric
from ....evaluation.uncertainty import clustered_fraction
from ....io.ragged import Array, Columns, Ragged, length, ragged

ROWS = 20
"""Rows of the table of efficiency against purity."""


@dataclass
class Forests:
    """Numbers of events, trees and leaves; a tree has two leaves or more.

    Attributes:
        true, found, right: trees per event: in the truth, decoded, and decoded with exactly the leaves
            and levels of a true one.
        is_right, confidence: per decoded tree; the confidence is the smallest `node_prob` of its
            nodes, NaN if the engine has none.
        background, bkg_prob: per leaf: the truth, and its probability, empty if the engine has none.
    """

    true: Array
    found: Array
    right: Array
    is_right: Array
    confidence: Array
    background: Array
    bkg_prob: Array


def compare_forests(examples: Columns, predictions: Columns) -> Forests:
    """Return the numbers of one chunk; needs the truth `lcag` and `background`."""
    truth, decoded = ragged(examples, "lcag"), ragged(predictions, "lcag")
    component, background = ragged(predictions, "component"), ragged(examples, "background")
    parent = ragged(predictions, "parent")
    node_prob = predictions.get("node_prob")
    probability = node_prob.flat if isinstance(node_prob, Ragged) else np.full(len(parent.flat), np.nan)
    true, found, right = np.zeros((3, length(examples)), dtype=np.int64)
    is_right, confidence = np.zeros(len(component.flat), dtype=np.bool_), np.zeros(len(component.flat))
    trees = _compare(truth.flat, decoded.flat, truth.offsets, component.flat, component.offsets, parent.flat,
                     parent.offsets, probability, true, found, right, is_right, confidence)
    bkg_prob = predictions.get("bkg_prob")
    return Forests(true, found, right, is_right[:trees], confidence[:trees], background.flat,
                   bkg_prob.flat if isinstance(bkg_prob, Ragged) else np.zeros(0))


def forest_metrics(parts: Sequence[Forests]) -> Iterator[Metric]:
    """Yield efficiency and purity of trees, and the area under the curve of background leaves."""
    if not parts:
        return
    true, found, right = (np.concatenate([getattr(p, k) for p in parts]) for k in ("true", "found", "right"))
    exact = "Decoded trees with exactly the leaves and levels of a true one"
    for name, total, words in (("tree_efficiency", true, "true"), ("tree_purity", found, "decoded")):
        if total.sum():
            interval = clustered_fraction(right, total)
            yield Metric(name, float(interval.value), float(interval.low), float(interval.high), int(total.sum()),
                         f"{exact}, over {words} trees; trees of two or more leaves, events count as independent.")
    background, probability = _leaves(parts)
    if len(probability) and 0 < background.sum() < len(background):
        area, error = area_under_curve(probability, background)
        yield Metric("background_auc", area, area - error, area + error, len(background),
                     "Probability that a background leaf has a higher `bkg_prob` than a leaf of a tree; leaves count as independent.")


def forest_tables(parts: Sequence[Forests]) -> dict[str, list[dict[str, Any]]]:
    """Return efficiency against purity of trees above a confidence, if the engine gives one."""
    rows = efficiency_against_purity(parts)
    return {"Trees above a confidence": rows} if rows else {}


def efficiency_against_purity(parts: Sequence[Forests], rows: int = ROWS) -> list[dict[str, Any]]:
    """Return rows of confidence, trees, efficiency and purity, the most confident trees first."""
    confidence = np.concatenate([p.confidence for p in parts]) if parts else np.zeros(0)
    if not len(confidence) or np.isnan(confidence).any():
        return []
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(np.concatenate([p.is_right for p in parts])[order])
    true = max(1, int(sum(p.true.sum() for p in parts)))
    kept = np.unique(np.linspace(len(order) / rows, len(order), rows).astype(int)) - 1
    return [
        {"confidence": float(confidence[order[k]]), "trees": int(k + 1),
         "efficiency": float(right[k] / true), "purity": float(right[k] / (k + 1))}
        for k in kept[kept >= 0]
    ]


def area_under_curve(score: Array, positive: Array) -> tuple[float, float]:
    """Return the area under the receiver operating characteristic and its standard error.

    J. Hanley and B. McNeil, Radiology 143 (1982) 29.
    """
    p, n = int(positive.sum()), int((~positive).sum())
    area = float((rankdata(score)[positive].sum() - p * (p + 1) / 2) / (p * n))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (p - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (p * n)
    return area, float(np.sqrt(max(variance, 0)))


def _leaves(parts: Sequence[Forests]) -> tuple[Array, Array]:
    return np.concatenate([p.background for p in parts]), np.concatenate([p.bkg_prob for p in parts])


@njit(cache=True, nogil=True)
def _compare(
    truth: Array, decoded: Array, pair_at: Array, component: Array, leaf_at: Array, parent: Array, node_at: Array,
    node_prob: Array, true: Array, found: Array, right: Array, is_right: Array, confidence: Array,
) -> int:
    """Fill the numbers per event, and per decoded tree; return how many of these there are."""
    trees = 0
    for event in range(len(true)):
        n = leaf_at[event + 1] - leaf_at[event]
        start, node = pair_at[event], node_at[event]
        for i in range(n):
            # A tree is counted at its lowest leaf.
            lowest_true, lowest_found, same = True, True, True
            true_partners, partners = 0, 0
            for j in range(n):
                t, d = truth[start + i * n + j], decoded[start + i * n + j]
                true_partners += t > 0
                partners += d > 0
                lowest_true &= t == 0 or j > i
                lowest_found &= d == 0 or j > i
            true[event] += lowest_true and true_partners > 0
            if not lowest_found or partners == 0:
                continue
            worst = 1.0
            for j in range(n):
                if j != i and decoded[start + i * n + j] == 0:
                    continue
                for k in range(n):
                    same &= truth[start + j * n + k] == decoded[start + j * n + k]
                up = parent[node + j] if node < node_at[event + 1] else -1
                while up >= 0:
                    worst = min(worst, node_prob[node + up])
                    up = parent[node + up]
            found[event] += 1
            right[event] += same
            is_right[trees], confidence[trees] = same, worst
            trees += 1
    return trees
