"""Charges of templates: against a search over all permutations, charge conjugation, and where there are none."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.physics.particle_masses import particle_charge
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.output.last_step import LcagLastStep
from pphysml.tasks.lcag.output.template import read_template
from pphysml.tasks.lcag.output.template_matching import match_columns
from pphysml.tasks.lcag.trees.nested_trees import from_nested

CHARGE = {"pi+": 1, "pi-": -1, "pi0": 0, "0.14": None, "*": None}
B_TO_D_PI = np.array([4, 4, 4, 5, 5, -1])
B_MASSES = [0.494, 0.1396, 0.1396, 0.1396, 1.870, 5.28]


def search(trees, masses, charges, text, conjugate=True):
    columns = {"parent": Ragged.from_rows(trees, np.int32), "node_mass": Ragged.from_rows(masses, np.float64)}
    charge = None if charges is None else Ragged.from_rows(charges, np.float64)
    return match_columns(read_template(text, 0.01), columns, charge, conjugate)


def random_tree(rng, n):
    nodes = list(range(n))
    while len(nodes) > 1:
        size = min(int(rng.integers(2, 4)), len(nodes))
        rng.shuffle(nodes)
        nodes = [*nodes[size:], nodes[:size]]
    return nodes[0]


def labelled(rng, nested):
    if not isinstance(nested, list):
        return str(rng.choice(list(CHARGE))), []
    return str(rng.choice(["*", "B0", "D+", "D-"])), [labelled(rng, n) for n in nested]


def write(template):
    label, parts = template
    return label + (f"({' '.join(map(write, parts))})" if parts else "")


def total(parent, charge, node):
    below = np.flatnonzero(parent == node)
    return sum(total(parent, charge, k) for k in below) if len(below) else charge[node]


def same(parent, charge, node, template, sign):
    """Whether a node is the template, by trying all permutations of the children everywhere; masses all fit."""
    label, parts = template
    children = np.flatnonzero(parent == node)
    wanted = {**CHARGE, "B0": 0, "D+": 1, "D-": -1}[label]
    if len(children) != len(parts) or (wanted is not None and sign * total(parent, charge, node) != wanted):
        return False
    return any(all(same(parent, charge, c, p, sign) for c, p in zip(children, order, strict=True)) for order in permutations(parts))


@pytest.mark.parametrize("conjugate", [True, False])
def test_every_permutation_is_tried_with_charges(conjugate):
    rng = np.random.default_rng(1)
    trees = [from_nested(random_tree(rng, n)) for n in rng.integers(2, 7, 300)]
    parents, charges = [p for p, _ in trees], [rng.choice([-1, 0, 1], n) for _, n in trees]
    masses = [np.full(len(p), 0.1375) for p in parents]
    matched = 0
    for _ in range(120):
        template = labelled(rng, random_tree(rng, rng.integers(2, 5)))
        found = search(parents, masses, charges, write(template), conjugate)
        for event, (parent, charge) in enumerate(zip(parents, charges, strict=True)):
            nodes = [k for k in range(len(parent)) if any(
                same(parent, charge, k, template, sign) for sign in ((1, -1) if conjugate else (1,)))]
            assert found["template_match"][event] == len(nodes)
            assert found["template_node"][event] == (nodes[0] if nodes else -1)
            matched += len(nodes)
    assert matched > 100


@pytest.mark.parametrize(("text", "charges", "matches"), [
    ("B0 -> (D- -> K+ pi- pi-) pi+", [1, -1, -1, 1], (1, 1)),
    ("B0 -> (D- -> K+ pi- pi-) pi+", [-1, 1, 1, -1], (1, 0)),
    ("B0 -> (D- -> K+ pi- pi-) pi+", [1, -1, -1, -1], (0, 0)),
    ("B0 -> (D- -> K+ pi- pi-) pi+", [-1, -1, -1, 1], (0, 0)),
    ("B0 -> (D- -> K+ pi- pi-) pi+", [-1, 1, 1, 1], (0, 0)),
    ("B0 -> (D- -> K+ pi- pi-) pi+", [0, 0, 0, 0], (0, 0)),
    ("((0.494 0.14 0.14) 0.14)", [1, 1, 1, 1], (1, 1)),
    ("((K+ * *) *)", [1, 0, 1, -1], (1, 1)),
    ("(D- -> K+ * *)", [1, -1, -1, 0], (1, 1)),
    ("(D- -> K+ * *)", [1, -1, 1, 0], (0, 0)),
    ("B0 -> (D- -> K+ pi- pi-) pi0", [1, -1, -1, 1], (0, 0)),
])
def test_a_decay_and_its_charge_conjugate(text, charges, matches):
    found = [search([B_TO_D_PI], [B_MASSES], [charges], text, conjugate)["template_match"].item() for conjugate in (True, False)]
    assert tuple(found) == matches
    # Without charges pi+ and pi- are alike, and pi0 is near enough.
    assert search([B_TO_D_PI], [B_MASSES], None, text)["template_match"].tolist() == [1]


def test_charges_reverse_for_each_node_by_itself():
    # One tree has the decay, the other its conjugate; an event without a tree follows.
    both = np.array([4, 4, 5, 5, -1, -1])
    masses = [0.494, 0.1396, 0.1396, 0.494, 1.865, 1.865]
    for conjugate, count in ((True, 2), (False, 1)):
        found = search([both, []], [masses, []], [[-1, 1, -1, 1], [1, 1]], "D0 -> K- pi+", conjugate)
        assert found["template_match"].tolist() == [count, 0]


def test_charges_of_names():
    assert [particle_charge(name) for name in ("pi+", "anti-p-", "K(S)0", "gamma", "D_s+", "Delta(1232)++")] == [1, -1, 0, 0, 1, 2]


@pytest.mark.parametrize(("text", "warned"), [("D0 -> K- pi+", True), ("((0.494 0.14) *)", False)])
def test_it_is_said_that_only_masses_are_compared(text, warned):
    finish = LcagLastStep(LcagConfig(apply={"match": text}))
    columns = {"parent": Ragged.from_rows([[2, 2, -1]], np.int32), "node_mass": Ragged.from_rows([[0.494, 0.1396, 1.865]])}
    assert finish({}, columns)["template_match"].tolist() == [int(warned)]
    assert [("masses alone" in sentence) for sentence in finish.warnings] == [True] * warned
    finish = LcagLastStep(LcagConfig(apply={"match": text}))
    assert finish({"charge": Ragged.from_rows([[1.0, 1.0]])}, columns)["template_match"].tolist() == [0]
    assert not finish.warnings
