"""Columns of the output tree against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.output.columns import Reconstruction, output_columns
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity_rules import ONE_TREE


@pytest.fixture(scope="module")
def events():
    config = LcagConfig()
    examples, _ = assemble(LcagSimulation(config, 9).block(0, 100), None, config)
    truth = examples["lcag"]
    rng = np.random.default_rng(0)
    prob = Ragged(rng.uniform(0.1, 1, len(truth.flat)).astype(np.float32), truth.offsets)
    n = len(truth)
    found = Reconstruction(truth, truth, prob, np.zeros(n), np.zeros(n), np.ones(n), np.ones(n, dtype=bool))
    return examples, output_columns(examples, found, ONE_TREE), prob


def leaves_below(parent, n):
    below = []
    for leaf in range(n):
        chain, node = [], leaf
        while node >= 0:
            chain.append(node)
            node = parent[node]
        below.append(chain)
    return [[leaf for leaf in range(n) if node in below[leaf]] for node in range(len(parent))]


def test_four_momenta_and_masses_are_those_of_the_leaves(events):
    examples, columns, _ = events
    for event in range(100):
        p4 = examples["p4"][event]
        for node, leaves in enumerate(leaves_below(columns["parent"][event], len(p4))):
            total = p4[leaves].sum(0)
            found = [columns[f"node_{c}"][event][node] for c in ("px", "py", "pz", "e")]
            assert np.allclose(found, total, atol=1e-9)
            assert columns["node_mass"][event][node] == pytest.approx(np.sqrt(max(total[3] ** 2 - total[:3] @ total[:3], 0)))


def test_true_trees_have_the_simulated_masses(events):
    _, columns, _ = events
    known = np.array([100.0, 90, 80, 70, 50, 25, 20, 10])
    inner = columns["node_mass"].flat[columns["node_level"].flat > 0]
    assert np.abs(inner[:, None] - known).min(1).max() < 1e-5


def test_node_probability_is_the_geometric_mean_over_pairs_that_meet_there(events):
    examples, columns, prob = events
    for event in range(40):
        n = len(examples["p4"][event])
        parent, matrix = columns["parent"][event], prob[event].reshape(n, n)
        below = leaves_below(parent, n)
        for node in range(n, len(parent)):
            children = [c for c in range(len(parent)) if parent[c] == node]
            owner = {leaf: c for c in children for leaf in below[c]}
            logs = [np.log(matrix[i, j]) for i in owner for j in owner if i < j and owner[i] != owner[j]]
            assert columns["node_prob"][event][node] == pytest.approx(np.exp(np.mean(logs)), rel=1e-4)


def test_a_matrix_that_is_no_tree_has_no_nodes():
    bad = np.array([[0, 1, 1, 2], [1, 0, 2, 2], [1, 2, 0, 2], [2, 2, 2, 0]], dtype=np.uint8)
    good = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    rows = Ragged.from_rows([bad.ravel(), good.ravel()])
    p4 = Ragged.from_counts(np.tile([0.0, 0, 1, 2], (6, 1)), np.array([4, 2]))
    none = np.zeros(2)
    columns = output_columns({"p4": p4}, Reconstruction(rows, rows, None, none, none, None, none.astype(bool)), ONE_TREE)
    assert columns["raw_valid"].tolist() == [False, True]
    assert columns["parent"].counts.tolist() == [0, 3]
