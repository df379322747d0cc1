"""Efficiency and purity of trees against counting by hand, the area under the curve against pairs."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.judging.forest_metrics import (
    area_under_curve,
    compare_forests,
    efficiency_against_purity,
    forest_metrics,
)
from pphysml.tasks.lcag.trees.components import components
from pphysml.tasks.lcag.trees.matrices import matrix_to_parent, parent_to_matrix


def columns(parents, n, background, probability=None):
    n = np.array(n)
    lcag, codes = parent_to_matrix(Ragged.from_rows([np.array(p) for p in parents]), n, forest=True)
    assert not codes.any()
    strays = Ragged.from_rows([np.array(b, dtype=bool) for b in background])
    parent, _ = matrix_to_parent(lcag, n)
    found = {"lcag": lcag, "background": strays, "component": components(lcag, n, strays.flat), "parent": parent}
    if probability is not None:
        found["node_prob"] = Ragged.from_rows([np.array(p, dtype=float) for p in probability])
    return found


def test_trees_are_counted_as_by_hand():
    # Event 0: (0 1) and (2 3), 4 background. Event 1: ((0 1) 2) and (3 4).
    truth = columns([[5, 5, 6, 6, -1, -1, -1], [5, 5, 6, 7, 7, 6, -1, -1]], [5, 5],
                    [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    # Found: (0 1) right, (2 3 4) with a leaf too many; then (0 1 2) with a wrong level, (3 4) right.
    found = columns([[5, 5, 6, 6, 6, -1, -1], [5, 5, 5, 6, 6, -1, -1]], [5, 5],
                    [[0] * 5, [0] * 5], [[1] * 5 + [0.9, 0.4], [1] * 5 + [0.5, 0.8]])
    forests = compare_forests(truth, found)
    assert forests.true.tolist() == [2, 2] and forests.found.tolist() == [2, 2] and forests.right.tolist() == [1, 1]
    right = {(bool(r), round(float(c), 2)) for r, c in zip(forests.is_right, forests.confidence, strict=True)}
    assert right == {(True, 0.9), (False, 0.4), (False, 0.5), (True, 0.8)}
    values = {m.name: m.value for m in forest_metrics([forests])}
    assert values == {"tree_efficiency": 0.5, "tree_purity": 0.5}
    rows = efficiency_against_purity([forests], rows=4)
    assert [row["purity"] for row in rows] == pytest.approx([1, 1, 2 / 3, 0.5])
    assert [row["efficiency"] for row in rows] == pytest.approx([0.25, 0.5, 0.5, 0.5])


def test_the_truth_finds_itself():
    truth = columns([[5, 5, 6, 6, -1, -1, -1]], [5], [[0, 0, 0, 0, 1]])
    values = {m.name: m.value for m in forest_metrics([compare_forests(truth, truth)])}
    assert values == {"tree_efficiency": 1.0, "tree_purity": 1.0}


def test_area_under_the_curve_is_the_share_of_ordered_pairs():
    rng = np.random.default_rng(0)
    positive = rng.random(200) < 0.3
    score = np.round(rng.normal(positive, 1.0), 1)
    a, b = score[positive][:, None], score[~positive][None, :]
    area, error = area_under_curve(score, positive)
    assert area == pytest.approx(((a > b) + 0.5 * (a == b)).mean())
    replicas = []
    for _ in range(200):
        again = rng.random(200) < 0.3
        replicas.append(area_under_curve(rng.normal(again, 1.0), again)[0])
    assert error == pytest.approx(np.std(replicas), rel=0.3)
