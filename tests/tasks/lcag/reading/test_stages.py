"""Classes of ancestors, and ancestors that do not count, against brute force; truth that is refused."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from pphysml.config import build, dump, load
from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity import is_valid_ragged

Y4S, B0, B, DSTAR, D0, KS, PI0, JPSI, RHO = 300553, 511, 521, 413, 421, 310, 111, 443, 113
PIPLUS, KPLUS, GAMMA = 211, 321, 22
CLASS = {Y4S: 6, B0: 5, B: 5, DSTAR: 4, D0: 3, KS: 2, PI0: 1, JPSI: 1}


def config(**data) -> LcagConfig:
    return LcagConfig(data=data)


def event(parent=None, pdg=None, n=3, **others):
    """One entry, number 7 of its file, with the columns that are given."""
    n = n if parent is None else sum(1 for node in range(len(parent)) if node not in parent)
    momenta = {name: Ragged.from_rows([[1.0] * n]) for name in ("px", "py", "pz", "e")}
    given = {"parent": parent, "node_pdg": pdg}
    nodes = {name: Ragged.from_rows([row], np.int32) for name, row in given.items() if row is not None}
    return {"file": np.zeros(1, np.int32), "entry": np.array([7]), **momenta, **nodes, **others}


def matrix_of(chunk, **data):
    examples, _ = assemble(chunk, None, config(**data))
    n = len(chunk["px"][0])
    return examples["lcag"][0].reshape(n, n)


def chain(parent, node):
    above = [node]
    while parent[above[-1]] >= 0:
        above.append(parent[above[-1]])
    return above


def common_ancestor(parent, i, j):
    return next((node for node in chain(parent, i)[1:] if node in chain(parent, j)[1:]), None)


@pytest.fixture(scope="module")
def simulated():
    """Decays of two particles with background leaves, and a PDG id for every node."""
    rng = np.random.default_rng(5)
    options = LcagConfig(simulation={"trees_per_event": 2, "background_leaves": 0.2, "lost_leaves": 0.1, "n_topologies": 40},
                         data={"forest": True})
    chunk = LcagSimulation(options, 3).block(0, 150)
    parent, n = chunk["parent"], chunk["px"].counts
    inner = np.arange(len(parent.flat)) - np.repeat(parent.offsets[:-1], parent.counts) >= np.repeat(n, parent.counts)
    drawn = rng.choice([B0, -B, DSTAR, -D0, KS, PI0, JPSI, RHO, 999], len(inner))
    pdg = np.where(parent.flat < 0, Y4S, drawn)
    chunk["node_pdg"] = Ragged(np.where(inner, pdg, PIPLUS).astype(np.int32), parent.offsets)
    return chunk


# Y(4S) -> B0 (D*- pi+) B0 (J/psi rho0); D*- -> D0 pi-; D0 -> K+ pi- pi0; leaves 0...9.
#          0 pi+  1 pi-  2 K+  3 pi-  4 g  5 g   6 mu  7 mu  8 pi 9 pi  10 pi0 11 D0 12 D* 13 B 14 psi 15 rho 16 B 17 Y
DECAY = [13, 12, 11, 11, 10, 10, 14, 14, 15, 15, 11, 12, 13, 17, 16, 16, 17, -1]
PDG = [PIPLUS, -PIPLUS, KPLUS, -PIPLUS, GAMMA, GAMMA, 13, -13, PIPLUS, -PIPLUS, PI0, -D0, -DSTAR, B0, JPSI, RHO, -B0, Y4S]


def test_a_decay_by_hand() -> None:
    found = matrix_of(event(DECAY, PDG), classes="stages")
    first, second = slice(0, 6), slice(6, 10)
    assert (found[first, second] == 6).all() and (found == found.T).all() and not found.diagonal().any()
    assert found[first, first].tolist() == [
        [0, 5, 5, 5, 5, 5], [5, 0, 4, 4, 4, 4], [5, 4, 0, 3, 3, 3], [5, 4, 3, 0, 3, 3], [5, 4, 3, 3, 0, 1], [5, 4, 3, 3, 1, 0]]
    # The rho is not listed: its pions meet in the B.
    assert found[second, second].tolist() == [[0, 1, 5, 5], [1, 0, 5, 5], [5, 5, 0, 5], [5, 5, 5, 0]]


def test_other_classes_are_other_matrices() -> None:
    found = matrix_of(event(DECAY, PDG), classes="stages", pdg_classes=[[113], [300553]])
    assert set(found[np.triu_indices(10, 1)]) == {1, 2} and (found == 1).sum() == 2 and found[8, 9] == 1


def test_a_higher_class_below_a_lower_one_is_merged() -> None:
    # J/psi -> K0S K+ pi-: a K0S (2) under a J/psi (1) cannot be a level of its own.
    parent, pdg = [4, 4, 5, 5, 5, 6, -1], [211, -211, 321, -211, KS, JPSI, B]
    found = matrix_of(event(parent, pdg), classes="stages")
    assert (found[np.triu_indices(4, 1)] == 1).all()


def test_stages_equal_brute_force_and_are_ultrametric(simulated) -> None:
    options = config(classes="stages", forest=True)
    examples, _ = assemble(simulated, None, options)
    for row in range(len(simulated["px"])):
        n, parent, pdg = len(simulated["px"][row]), simulated["parent"][row], np.abs(simulated["node_pdg"][row])
        found = examples["lcag"][row].reshape(n, n)
        for i in range(n):
            for j in range(n):
                top = common_ancestor(parent, i, j) if i != j else None
                classes = [CLASS[pdg[k]] for k in chain(parent, top) if pdg[k] in CLASS] if top is not None else [0]
                assert found[i, j] == min(classes)
        assert examples["background"][row].tolist() == (simulated["component"][row] < 0).tolist()
    assert is_valid_ragged(examples["lcag"], simulated["px"].counts, options.data.rules).all()
    assert options.data.rules.gap_free is False


def reference_without(parent, n, counted):
    """Heights of common ancestors among the counted nodes with at least two branches, by sets of leaves."""
    below = {node: frozenset(i for i in range(n) if node in chain(parent, i)) for node in range(n, len(parent)) if counted[node]}
    sets = {leaves for leaves in below.values() if len(leaves) > 1}

    def height(leaves):
        return 1 + max((height(other) for other in sets if other < leaves), default=0)

    meeting = {(i, j): [s for s in sets if i in s and j in s] for i in range(n) for j in range(n) if i != j}
    return {pair: height(min(s, key=len)) if s else 0 for pair, s in meeting.items()}, below


def test_ancestors_that_do_not_count_are_contracted(simulated) -> None:
    for listed in ([B0, B, D0, KS], [Y4S, B0, RHO, 999], [], [Y4S]):
        examples, _ = assemble(simulated, None, config(ancestors=listed, forest=True))
        for row in range(60):
            n, parent, pdg = len(simulated["px"][row]), simulated["parent"][row], np.abs(simulated["node_pdg"][row])
            expected, below = reference_without(parent, n, np.isin(pdg, listed))
            found = examples["lcag"][row].reshape(n, n)
            assert all(found[pair] == value for pair, value in expected.items())
            assert examples["background"][row].tolist() == [not any(i in s for s in below.values()) for i in range(n)]
        assert is_valid_ragged(examples["lcag"], simulated["px"].counts, config(forest=True).data.rules).all()


def test_all_ancestors_are_as_good_as_no_list(simulated) -> None:
    every = [int(p) for p in np.unique(np.abs(simulated["node_pdg"].flat))]
    chunk = {name: column for name, column in simulated.items() if name != "component"}
    a, b = (assemble(chunk, None, config(ancestors=listed, forest=True))[0] for listed in (every, None))
    np.testing.assert_array_equal(a["lcag"].flat, b["lcag"].flat)
    np.testing.assert_array_equal(a["background"].flat, b["background"].flat)


def test_the_numbers_of_the_nodes_do_not_matter(simulated) -> None:
    rng = np.random.default_rng(1)
    turned = dict(simulated)
    parent, pdg = [], []
    for row in range(len(simulated["px"])):
        n, old, ids = len(simulated["px"][row]), simulated["parent"][row], simulated["node_pdg"][row]
        new = np.concatenate([np.arange(n), n + rng.permutation(len(old) - n)])
        parent.append(np.empty_like(old)), pdg.append(np.empty_like(ids))
        parent[-1][new], pdg[-1][new] = np.where(old < 0, -1, new[old]), ids
    turned |= {"parent": Ragged.from_rows(parent), "node_pdg": Ragged.from_rows(pdg)}
    for data in ({"classes": "stages"}, {"ancestors": [B0, DSTAR, KS]}):
        a, b = (assemble(chunk, None, config(forest=True, **data))[0]["lcag"].flat for chunk in (simulated, turned))
        np.testing.assert_array_equal(a, b)


STAGES = {"classes": "stages"}
TRIANGLE = Ragged.from_rows([[0, 1, 2, 1, 0, 2, 2, 2, 0]], np.uint8)
SPLIT = Ragged.from_rows([[0, 1, 0, 1, 0, 0, 0, 0, 0]], np.uint8)


@pytest.mark.parametrize(("parent", "pdg", "others", "data", "words"), [
    ([3, 3, 4, 4, 3], [1, 1, 1, D0, B], {}, STAGES, ["input file 0, branch 'parent', entry 7: ", "no root"]),
    ([3, 3, 4, -1, 5, 4], [1, 1, 1, B, D0, D0], {}, STAGES, ["'parent', entry 7", "cycle"]),
    ([3, 3, 4, -1, -1], [1, 1, 1, B, B], {}, STAGES, ["'parent', entry 7", "more than one root", "data.forest=true"]),
    ([3, 3, 4, -1, -1], [1, 1, 1, B, B], {}, {}, ["more than one root", "data.forest=true"]),
    ([3, 3, 4, 4, -1], [1, 1, 1, D0, 553], {}, STAGES, ["'node_pdg', entry 7", "outside the PDG map", "553", "data.pdg_classes"]),
    ([3, 3, -1, -1], [1, 1, 1, -999], {}, {"forest": True, **STAGES}, ["'node_pdg', entry 7", "-999"]),
    ([3, 3, 4, 4, -1], None, {}, STAGES, ["'node_pdg'", "data.classes=stages", "--map node_pdg="]),
    ([3, 3, 4, 4, -1], None, {}, {"ancestors": [B]}, ["'node_pdg'", "data.ancestors"]),
    ([4, 4, 5, 5, 6, 6, -1], [1, 1, 1, 1, D0, D0, Y4S], {}, {"ancestors": [D0]},
     ["'node_pdg', entry 7", "300553", "data.ancestors", "data.forest=true"]),
    (None, None, {"lcag": TRIANGLE}, STAGES, ["Branch 'lcag': holds generations", "'lcas'"]),
    (None, None, {"lcas": TRIANGLE}, {}, ["'lcas'", "data.classes=stages"]),
    (None, None, {"lcag": TRIANGLE}, {"ancestors": [B]}, ["data.ancestors", "'parent'"]),
    (None, None, {"lcag": SPLIT}, {}, ["'lcag', entry 7", "zeros between leaves", "data.forest=true"]),
    (None, None, {"lcas": SPLIT}, STAGES, ["'lcas', entry 7", "zeros between leaves"]),
    (None, None, {"lcas": TRIANGLE}, {"pdg_classes": [[511]], **STAGES}, ["'lcas', entry 7", "class above 1", "data.pdg_classes"]),
    (None, None, {"lcas": Ragged.from_rows([[0, 1, 1, 0]], np.uint8)}, STAGES, ["'lcas', entry 7", "4 values for 3 leaves"]),
])
def test_truth_that_cannot_be_used_is_named(parent, pdg, others, data, words) -> None:
    with pytest.raises(InputError) as caught:
        assemble(event(parent, pdg, **others), None, config(**data))
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_given_stages_are_taken_as_they_are() -> None:
    lcas = Ragged.from_rows([[0, 2, 5, 2, 0, 5, 5, 5, 0]], np.uint8)
    assert matrix_of(event(lcas=lcas), classes="stages").ravel().tolist() == lcas[0].tolist()


@pytest.mark.parametrize(("data", "words"), [
    ({"pdg_classes": [[511], [-521]]}, "must be positive"),
    ({"pdg_classes": [[511], [521, 511]]}, "twice"),
    ({"pdg_classes": [[k] for k in range(1, 9)]}, "1 to 7 classes"),
    ({"classes": "stages", "ancestors": [511]}, "data.ancestors is for"),
    ({"classes": "stagse"}, "'generations' or 'stages'"),
])
def test_options_that_make_no_sense(data, words) -> None:
    with pytest.raises(ConfigError, match=words):
        build(LcagConfig, {"data": data}, "mine.yaml")


def test_the_classes_go_through_yaml_and_the_command_line() -> None:
    task = get_task("lcag")
    values = load(LcagConfig, task.presets, None, ["data.pdg_classes=[[511, 521], [300553]]", "data.classes=stages"])
    assert values.data.pdg_classes == [[511, 521], [300553]] and values.data.highest == 2
    assert build(LcagConfig, yaml.safe_load(dump(values)), "again") == values
    assert [CLASS.get(pdg) for ids in LcagConfig().data.pdg_classes for pdg in ids if pdg in CLASS] == [1, 1, 2, 3, 4, 5, 5, 6]
