import numpy as np
import pytest

from pphysml.errors import ConfigError
from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.classical.combiner import CombinerEngine
from pphysml.tasks.lcag.classical.combiner_kernel import CHI2, Cuts, max_size
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.judging.forest_metrics import compare_forests
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity import is_valid_ragged

MASSES = {"masses": [90.0, 80.0, 70.0, 50.0, 25.0, 20.0, 10.0], "root_mass": 100.0}
EXACT = {"width": 1e-6, "floor": 1e-5, "max_children": 3}


def config(combiner, **simulation):
    defaults = {"trees_per_event": 2, "root_momentum": 50.0, "background_leaves": 0.2, "min_leaves": 3,
                "max_leaves": 8, "max_children": 3, "n_topologies": 60}
    return LcagConfig.model_validate({"simulation": {**defaults, **simulation}, "data": {"forest": True},
                                      "apply": {"combiner": {**MASSES, **combiner}}, "model": {"clades": False}})


def events(options, n, seed=3):
    return assemble(LcagSimulation(options, seed).block(0, n), None, options)[0]


def found(options, examples):
    return CombinerEngine(options, None, "cpu")(examples)


@pytest.mark.parametrize("trees", [1, 2])
@pytest.mark.parametrize("order", ["leaves", "score", "mass"])
def test_trees_of_exact_masses_are_found(trees, order):
    options = config({**EXACT, "order": order}, trees_per_event=trees)
    examples = events(options, 200)
    columns = found(options, examples)
    assert columns["perfect"].mean() > 0.95
    forests = compare_forests(examples, columns)
    assert forests.right.sum() > 0.97 * forests.true.sum()


@pytest.mark.parametrize("order", ["chi2", "score", "leaves", "mass"])
@pytest.mark.parametrize("keep_partial", [False, True])
def test_every_matrix_is_a_valid_forest(order, keep_partial):
    options = config({"order": order, "keep_partial": keep_partial, "window": 4.0, "max_children": 3},
                     smearing=0.02, wrong_hypothesis=0.1, lost_leaves=0.1)
    examples = events(options, 100)
    columns = found(options, examples)
    assert is_valid_ragged(columns["lcag"], examples["p4"].counts, options.data.rules).all()
    assert np.isfinite(columns["node_prob"].flat).all()
    alone = columns["component"].flat == -1
    assert alone.any() and not alone.all()


def test_nodes_have_known_masses_and_trees_that_of_the_root():
    options = config({**EXACT, "window": 3.0}, lost_leaves=0.2)
    columns = found(options, events(options, 100))
    parent, level, mass = (columns[k].flat for k in ("parent", "node_level", "node_mass"))
    known = np.array([*options.simulation.intermediate_masses, 100.0])
    inner = level > 0
    assert inner.any()
    assert (np.abs(mass[inner, None] - known).min(1) < 1e-2).all()
    np.testing.assert_allclose(mass[inner & (parent < 0)], 100.0, atol=1e-2)


def test_partial_trees_are_kept_on_demand_and_only_add_leaves():
    dissolved, kept = (config({**EXACT, "keep_partial": keep}, lost_leaves=0.3) for keep in (False, True))
    examples = events(dissolved, 100)
    few, many = found(dissolved, examples)["component"].flat, found(kept, examples)["component"].flat
    assert ((few >= 0) <= (many >= 0)).all() and (many >= 0).sum() > (few >= 0).sum()


def test_the_order_of_the_leaves_has_no_influence():
    options = config({"order": "score", "max_children": 3}, smearing=0.01)
    examples = events(options, 30)
    p4, rng = examples["p4"], np.random.default_rng(0)
    order = np.concatenate([rng.permutation(n) for n in p4.counts])
    where = order + np.repeat(p4.offsets[:-1], p4.counts)
    columns = found(options, {"p4": p4})
    turned = found(options, {"p4": Ragged(p4.flat[where], p4.offsets)})
    np.testing.assert_allclose(turned["bkg_prob"].flat, columns["bkg_prob"].flat[where], atol=1e-5)
    for event, n in enumerate(p4.counts):
        own = order[p4.offsets[event] : p4.offsets[event + 1]]
        matrix = columns["lcag"].take([event]).flat.reshape(n, n)
        assert (turned["lcag"].take([event]).flat.reshape(n, n) == matrix[own][:, own]).all()


def test_a_wide_decay_is_cut_by_the_angle():
    back_to_back = np.array([[0.0, 0.0, 48.0, np.hypot(48.0, 14.0)], [0.0, 0.0, -48.0, np.hypot(48.0, 14.0)],
                             [0.0, 0.0, 1.0, np.sqrt(2.0)]])
    examples = {"p4": Ragged.from_counts(back_to_back, np.array([3]))}
    every, narrow = (config({**EXACT, "max_angle": angle, "max_children": 2}) for angle in (180.0, 90.0))
    assert found(every, examples)["component"].flat.tolist() == [0, 0, -1]
    assert found(narrow, examples)["component"].flat.tolist() == [-1, -1, -1]


def test_without_anything_on_a_known_mass_all_leaves_are_background():
    options = config({**EXACT, "masses": [3.14159]})
    examples = {"p4": Ragged.from_counts(np.array([[0.0, 1, 0, 2], [0, 0, 1, 3], [1, 0, 0, 2.5], [0, 0, 2, 4]]),
                                         np.array([3, 0, 1]))}
    columns = found(options, examples)
    assert (columns["component"].flat == -1).all() and (columns["bkg_prob"].flat == 1).all()
    assert not columns["lcag"].flat.any()


def test_larger_combinations_are_left_out_where_there_are_too_many():
    cuts = Cuts(0.01, 1e-3, 2.0, -1.0, CHI2, 5, 1000)
    assert [max_size(n, cuts) for n in (0, 2, 10, 15, 30, 100)] == [5, 5, 5, 3, 2, 2]


def test_it_is_for_forests_only():
    with pytest.raises(ConfigError, match="forest"):
        CombinerEngine(LcagConfig(), None, "cpu")
