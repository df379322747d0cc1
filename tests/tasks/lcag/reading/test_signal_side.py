"""A given signal side: the rest decodes as if it were all there was, and every leaf comes out again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.classical.engines import MasslineEngine
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.config.simulation import SimulationConfig
from pphysml.tasks.lcag.output.columns import node_momenta
from pphysml.tasks.lcag.output.last_step import LcagLastStep
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.reading.signal_side import SIGNAL_SIDE, restrict
from pphysml.tasks.lcag.simulation.lost_leaves import drop_leaves
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.matrices import parent_to_matrix
from pphysml.tasks.lcag.trees.validity_rules import ONE_TREE, ValidityRules

EVENTS = 200


def configuration(**apply):
    massline = {"masses": [90, 80, 70, 50, 25, 20, 10], "root_mass": 100, "width": 1e-7, "floor": 1e-4}
    return LcagConfig.model_validate({"apply": {"signal_side": "tag", "massline": massline, **apply}})


def events_with_a_given_child():
    """Return simulated events in which all leaves of one child of the root are marked."""
    block = LcagSimulation(LcagConfig(), 17).block(0, EVENTS)
    rng = np.random.default_rng(1)
    marks = []
    for event in range(EVENTS):
        parent = block["parent"][event]
        chosen = rng.choice(np.flatnonzero(parent == len(parent) - 1))
        marked = np.zeros(len(parent), dtype=bool)
        marked[chosen] = True
        for node in range(len(parent) - 2, -1, -1):
            marked[node] |= marked[parent[node]]
        marks.append(marked[: block["px"].counts[event]].astype(np.float32))
    return {**block, "tag": Ragged.from_rows(marks)}


@pytest.fixture(scope="module")
def applied():
    chunk, config = events_with_a_given_child(), configuration()
    examples, _ = assemble(chunk, None, config)
    engine = MasslineEngine(config, None, torch.device("cpu"))
    return chunk, examples, LcagLastStep(config)(examples, engine(examples))


def test_the_rest_of_sharp_events_is_solved(applied):
    chunk, examples, columns = applied
    given = chunk["tag"].flat > 0
    _, expected, n = drop_leaves(chunk["parent"], chunk["px"].offsets, ~given)
    np.testing.assert_array_equal(examples["lcag"].flat, expected.flat)
    np.testing.assert_array_equal(examples["p4"].counts, n)
    assert columns["perfect"].all() and (n >= 3).mean() > 0.5
    for event in range(EVENTS):
        rest = chunk["tag"][event] == 0
        matrix = columns["lcag"][event].reshape(len(rest), -1)
        np.testing.assert_array_equal(matrix[rest][:, rest].ravel(), expected[event])
        assert not matrix[~rest].any() and not matrix[:, ~rest].any()


def test_every_leaf_comes_out_in_the_order_of_the_input(applied):
    chunk, _, columns = applied
    given = chunk["tag"].flat > 0
    n = chunk["px"].counts
    np.testing.assert_array_equal(columns["n_leaves"], n)
    np.testing.assert_array_equal(columns["signal_side"].flat, given)
    np.testing.assert_array_equal(columns["component"].flat == SIGNAL_SIDE, given)
    assert columns["component"].flat[~given].tolist() == [0] * int((~given).sum())
    for event in range(EVENTS):
        leaves = slice(0, n[event])
        for name in ("px", "py", "pz", "e"):
            np.testing.assert_array_equal(columns[f"node_{name}"][event][leaves], chunk[name][event])
        assert (columns["parent"][event][leaves][chunk["tag"][event] > 0] == -1).all()
        assert not columns["node_level"][event][leaves].any()


def test_nodes_are_those_of_the_matrix(applied):
    chunk, _, columns = applied
    matrices, codes = parent_to_matrix(columns["parent"], chunk["px"].counts, forest=True)
    assert not codes.any()
    np.testing.assert_array_equal(matrices.flat, columns["lcag"].flat)
    p4 = np.stack([chunk[k].flat for k in ("px", "py", "pz", "e")], -1)
    nodes = node_momenta(p4, chunk["px"].offsets, columns["parent"].flat, columns["parent"].offsets)
    found = np.stack([columns[f"node_{k}"].flat for k in ("px", "py", "pz", "e")], -1)
    np.testing.assert_allclose(found, nodes, atol=1e-9)
    mass = np.sqrt(np.maximum(nodes[:, 3] ** 2 - (nodes[:, :3] ** 2).sum(-1), 0))
    np.testing.assert_allclose(columns["node_mass"].flat, mass, atol=1e-5)


def test_the_decays_of_the_signal_side_play_no_role(applied):
    chunk, _, columns = applied
    config = configuration()
    moved = {**chunk, **{k: Ragged(np.where(chunk["tag"].flat > 0, 3.0, chunk[k].flat), chunk[k].offsets) for k in ("px", "py", "pz")}}
    moved["e"] = Ragged(np.where(chunk["tag"].flat > 0, 30.0, chunk["e"].flat), chunk["e"].offsets)
    examples, _ = assemble(moved, None, config)
    again = LcagLastStep(config)(examples, MasslineEngine(config, None, torch.device("cpu"))(examples))
    for name in ("lcag", "parent", "component"):
        np.testing.assert_array_equal(again[name].flat, columns[name].flat)
    np.testing.assert_array_equal(again["score"], columns["score"])


@pytest.mark.parametrize("mark", [0.0, 1.0])
def test_nothing_given_and_everything_given(mark):
    block = LcagSimulation(LcagConfig(), 2).block(0, 30)
    block["tag"] = Ragged(np.full(len(block["px"].flat), mark, dtype=np.float32), block["px"].offsets)
    found = []
    for config in (configuration(), configuration(signal_side=None)):
        examples, _ = assemble(block, None, config)
        found.append(LcagLastStep(config)(examples, MasslineEngine(config, None, torch.device("cpu"))(examples)))
    with_side, without = found
    if mark == 0:
        assert set(with_side) - set(without) == {"signal_side"}
        for name, column in without.items():
            a, b = (getattr(c, "flat", c) for c in (with_side[name], column))
            np.testing.assert_array_equal(a, b)
    else:
        assert not with_side["lcag"].flat.any() and with_side["perfect"].all()
        np.testing.assert_array_equal(with_side["parent"].counts, block["px"].counts)


def joined(first, second):
    """Return the forests of two lists of trees, event by event: blocks on the diagonal."""
    rows = []
    for a, b in zip(first, second, strict=True):
        n, m = (round(len(x) ** 0.5) for x in (a, b))
        matrix = np.zeros((n + m, n + m), dtype=np.uint8)
        matrix[:n, :n], matrix[n:, n:] = a.reshape(n, n), b.reshape(m, m)
        rows.append(matrix.ravel())
    return Ragged.from_rows(rows)


def test_forests_are_restricted_tree_by_tree():
    blocks = [LcagSimulation(SimulationConfig(max_leaves=8), seed).block(0, EVENTS) for seed in (5, 6)]
    rng = np.random.default_rng(3)
    seen = [Ragged(rng.random(len(b["px"].flat)) < 0.7, b["px"].offsets) for b in blocks]
    whole = joined(*([b["lcag"][k] for k in range(EVENTS)] for b in blocks))
    left = [drop_leaves(b["parent"], b["px"].offsets, s.flat)[1] for b, s in zip(blocks, seen, strict=True)]
    expected = joined(*([m[k] for k in range(EVENTS)] for m in left))
    both = Ragged.from_rows([np.concatenate([seen[0][k], seen[1][k]]) for k in range(EVENTS)])
    np.testing.assert_array_equal(restrict(whole, both, ValidityRules(forest=True)).flat, expected.flat)


def test_trees_and_background_of_the_rest_keep_their_numbers():
    values = configuration().model_dump()
    values["simulation"] |= {"trees_per_event": 2, "max_leaves": 5, "background_leaves": 0.1, "root_momentum": 5.0}
    config = LcagConfig.model_validate({**values, "data": {"forest": True}})
    block = LcagSimulation(config, 4).block(0, 60)
    n = block["px"].counts
    block["tag"] = Ragged.from_counts((np.random.default_rng(2).random(n.sum()) < 0.25).astype(np.float32), n)
    rest = block["tag"].flat == 0
    examples, _ = assemble(block, None, config)
    whole, _ = assemble({k: v for k, v in block.items() if k != "tag"}, None, config)
    np.testing.assert_array_equal(examples["background"].flat, whole["background"].flat[rest])
    found = MasslineEngine(config, None, torch.device("cpu"))(examples)
    full = LcagLastStep(config)(examples, found)
    np.testing.assert_array_equal(full["component"].flat[rest], found["component"].flat)
    assert (full["component"].flat[~rest] == SIGNAL_SIDE).all() and (found["component"].flat == -1).any()
    matrices, codes = parent_to_matrix(full["parent"], n, forest=True)
    assert not codes.any()
    np.testing.assert_array_equal(matrices.flat, full["lcag"].flat)


def test_classes_of_ancestors_only_lose_rows():
    ladder = np.array([[0, 1, 3, 5], [1, 0, 3, 5], [3, 3, 0, 5], [5, 5, 5, 0]], dtype=np.uint8)
    seen = Ragged.from_rows([[True, False, True, True]])
    rules = ValidityRules(gap_free=False)
    assert restrict(Ragged.from_rows([ladder.ravel()]), seen, rules).flat.tolist() == [0, 3, 5, 3, 0, 5, 5, 5, 0]
    tree = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 2, 0, 3], [3, 3, 3, 0]], dtype=np.uint8)
    assert restrict(Ragged.from_rows([tree.ravel()]), seen, ONE_TREE).flat.tolist() == [0, 1, 2, 1, 0, 2, 2, 2, 0]


def test_an_event_without_a_tree_has_no_nodes():
    config = configuration()
    block = LcagSimulation(LcagConfig(), 2).block(0, 3)
    block["tag"] = Ragged.from_counts(np.zeros(len(block["px"].flat), dtype=np.float32), block["px"].counts)
    block["tag"].flat[block["px"].offsets[:-1]] = 1
    examples, _ = assemble(block, None, config)
    columns = MasslineEngine(config, None, torch.device("cpu"))(examples)
    keep = np.array([True, False, True])
    for name, column in list(columns.items()):
        if name == "parent" or name.startswith("node_"):
            columns[name] = Ragged.from_counts(column.take(keep).flat, column.counts * keep)
    full = LcagLastStep(config)(examples, columns)
    assert full["parent"].counts[1] == 0 and (full["parent"].counts[keep] > block["px"].counts[keep]).all()
    np.testing.assert_array_equal(full["node_e"].counts, full["parent"].counts)
    for event in (0, 2):
        np.testing.assert_array_equal(full["node_e"][event][: block["px"].counts[event]], block["e"][event])


def test_a_signal_side_that_does_not_fit_the_leaves_is_refused():
    block = LcagSimulation(LcagConfig(), 2).block(0, 4)
    n = block["px"].counts
    halves = Ragged.from_counts(np.zeros(n.sum(), dtype=np.float32), n)
    halves.flat[block["px"].offsets[2]] = 0.5
    longer = Ragged.from_counts(np.zeros(n.sum() + 1, dtype=np.float32), n + np.array([0, 1, 0, 0]))
    for column, message in [
        (halves, "'tag', entry 2: has values that are not whole numbers"),
        (longer, f"'tag', entry 1: has {n[1] + 1} values for {n[1]} leaves"),
        (np.zeros(4), "'tag': must have many values"),
    ]:
        with pytest.raises(InputError, match=message):
            assemble({**block, "tag": column}, None, configuration())
