"""Events of several decays and background leaves: what conserves, and what the truth says."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged
from pphysml.physics.four_vectors import mass
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.components import components, contradictions
from pphysml.tasks.lcag.trees.matrices import matrix_to_parent, parent_to_matrix
from pphysml.tasks.lcag.trees.validity import is_valid_ragged
from pphysml.tasks.lcag.trees.validity_rules import ValidityRules


def config(**simulation):
    return LcagConfig(simulation={"topology_file": "paper", **simulation}, data={"forest": True})


def momenta(block):
    return np.stack([block[k].flat for k in ("px", "py", "pz", "e")], -1)


def sums(block, p4, trees):
    """Summed four-momenta of every tree, (events, trees, 4)."""
    event = np.repeat(np.arange(len(block["px"])), block["px"].counts)
    total = np.zeros((len(block["px"]), trees, 4))
    inside = block["component"].flat >= 0
    np.add.at(total, (event[inside], block["component"].flat[inside]), p4[inside])
    return total


def test_each_tree_has_the_four_momentum_of_its_root():
    block = LcagSimulation(config(trees_per_event=2, background_leaves=0.2), 3).block(0, 200)
    assert np.allclose(sums(block, momenta(block), 2), [0, 0, 0, 100], atol=1e-8)
    moving = LcagSimulation(config(trees_per_event=3, root_momentum=20), 3).block(0, 200)
    total = sums(moving, momenta(moving), 3)
    assert np.allclose(mass(total), 100) and total[..., :3].std() == pytest.approx(20, rel=0.1)


def test_share_and_directions_of_background_leaves():
    block = LcagSimulation(config(background_leaves=0.25), 4).block(0, 4000)
    background = block["component"].flat < 0
    n = background.sum()
    assert background.mean() == pytest.approx(0.25, abs=0.01)
    p3 = momenta(block)[background, :3]
    cosine = p3[:, 2] / np.linalg.norm(p3, axis=1)
    assert abs(cosine.mean()) < 4 / np.sqrt(3 * n) and cosine.std() == pytest.approx(3**-0.5, rel=0.03)
    counts = np.bincount(np.repeat(np.arange(4000), block["px"].counts)[background], minlength=4000)
    expected = np.bincount(np.repeat(np.arange(4000), block["px"].counts)[~background], minlength=4000) / 3
    assert ((counts - expected) ** 2).sum() / expected.sum() == pytest.approx(1, abs=0.1)  # Poisson


def test_parent_matrix_and_component_tell_the_same_forest():
    block = LcagSimulation(config(trees_per_event=2, background_leaves=0.1, lost_leaves=0.3), 5).block(0, 500)
    n = block["px"].counts
    assert is_valid_ragged(block["lcag"], n, ValidityRules(forest=True)).all()
    matrices, codes = parent_to_matrix(block["parent"], n, forest=True)
    assert not codes.any() and np.array_equal(matrices.flat, block["lcag"].flat)
    assert not contradictions(block["lcag"], block["component"]).any()
    lowest = components(block["lcag"], n, block["component"].flat < 0)
    for a, b in zip(lowest, block["component"], strict=True):
        assert len({(int(x), int(y)) for x, y in zip(a, b, strict=True)}) == len(set(a.tolist()))
        assert ((a < 0) == (b < 0)).all()


def test_forests_to_nodes_and_back():
    block = LcagSimulation(config(trees_per_event=2, background_leaves=0.2), 6).block(0, 300)
    n = block["px"].counts
    parent, level = matrix_to_parent(block["lcag"], n)
    back, codes = parent_to_matrix(parent, n, forest=True)
    assert not codes.any() and np.array_equal(back.flat, block["lcag"].flat)
    roots = [int(((p < 0) & (lv > 0)).sum()) for p, lv in zip(parent, level, strict=True)]
    assert roots == [2] * 300


def chunk(parent, n, **others):
    one = Ragged.from_counts(np.ones(n), np.array([n]))
    return {"entry": np.array([7]), "px": one, "py": one, "pz": one, "e": Ragged(one.flat * 9, one.offsets),
            "parent": Ragged.from_rows([np.array(parent)]), **others}


def test_a_lone_leaf_is_background_unless_it_is_said_to_be_a_tree():
    # Leaves 0 and 1 make a tree; leaf 2 has no parent; leaf 3 hangs under a root of its own.
    parent = [4, 4, -1, 5, -1, -1]
    examples, _ = assemble(chunk(parent, 4), None, config())
    assert examples["background"].flat.tolist() == [False, False, True, False]
    said = Ragged.from_rows([np.array([0, 0, 1, -1])])
    examples, _ = assemble(chunk(parent, 4, component=said), None, config())
    assert examples["background"].flat.tolist() == [False, False, False, True]


def test_contradicting_truth_is_refused():
    wrong = Ragged.from_rows([np.array([0, 1, 1, -1])])
    with pytest.raises(InputError, match="'component', entry 7"):
        assemble(chunk([4, 4, -1, 5, -1, -1], 4, component=wrong), None, config())


def test_two_trees_are_refused_where_one_is_expected():
    with pytest.raises(InputError, match="more than one root"):
        assemble(chunk([4, 4, -1, 5, -1, -1], 4), None, LcagConfig())
    with pytest.raises(ValueError, match=r"data\.forest"):
        LcagConfig(simulation={"background_leaves": 0.1})
