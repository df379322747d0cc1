"""Features of pairs of leaves: symmetry, what is refused, and what a network learns from them alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from pphysml.config import load
from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged, take
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.learner import LcagLearner
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.build import build_network
from pphysml.tasks.lcag.models.invariants import pair_indices
from pphysml.tasks.lcag.reading.assemble import assemble

SMALL = {"width": 16, "pair_width": 8, "blocks": 1, "heads": 2, "clade_width": 8}
TRACKS = ["x", "y", "z"]
COMPUTED = ["doca", "vertex_distance", "vertex_rho"]


def configured(pair_features, model=None, **data):
    points = TRACKS if set(COMPUTED) & set(pair_features) else []
    return LcagConfig(data={"pair_features": pair_features, "track_points": points, **data}, model={**SMALL, **(model or {})})


def two_vertices(events, seed, leaves=4):
    """Return events of leaves that come in pairs from vertices far apart; momenta tell nothing of the pairs.

    A pair is a node, and the root joins all; leaves are in random order.
    """
    rng = np.random.default_rng(seed)
    momenta = rng.normal(size=(events, leaves, 3))
    partner = np.argsort(rng.random((events, leaves)), 1) // 2
    vertex = np.take_along_axis(rng.normal(size=(events, leaves // 2, 3)) * 10, partner[..., None], 1)
    points = vertex + 0.02 * rng.normal(size=momenta.shape) + rng.normal(size=(events, leaves, 1)) * momenta
    root = leaves + leaves // 2
    parent = np.concatenate([leaves + partner, np.full((events, leaves // 2), root), np.full((events, 1), -1)], 1)
    energy = np.sqrt((momenta**2).sum(-1) + 0.14**2)

    def rows(values):
        return Ragged.from_counts(values.ravel(), np.full(events, values.shape[1]))

    chunk = {name: rows(momenta[..., k]) for k, name in enumerate(("px", "py", "pz"))}
    chunk |= {name: rows(points[..., k].astype(np.float32)) for k, name in enumerate(TRACKS)}
    return {**chunk, "e": rows(energy), "parent": rows(parent.astype(np.int32)), "entry": np.arange(events)}


def with_branch(chunk, name, seed=3):
    n = chunk["px"].counts
    rng, matrices = np.random.default_rng(seed), []
    for k in n:
        half = rng.normal(size=(k, k)).astype(np.float32)
        matrices.append((half + half.T).ravel())
    return {**chunk, name: Ragged.from_rows(matrices, np.float32)}


def squares(examples):
    return [examples["pair_features"][k].reshape(n, n, -1) for k, n in enumerate(examples["p4"].counts)]


def test_permuting_the_leaves_permutes_the_features():
    chunk = with_branch(two_vertices(20, 1), "near")
    config, rng = configured(["near", *COMPUTED]), np.random.default_rng(2)
    expected = squares(assemble(chunk, None, config)[0])
    orders = [rng.permutation(4) for _ in range(20)]
    moved = {name: Ragged.from_rows([column[k][order] for k, order in enumerate(orders)])
             for name, column in chunk.items() if name in (*TRACKS, "px", "py", "pz", "e")}
    moved["near"] = Ragged.from_rows([chunk["near"][k].reshape(4, 4)[np.ix_(o, o)].ravel() for k, o in enumerate(orders)])
    for found, before, order in zip(squares(assemble(moved, None, config)[0]), expected, orders, strict=True):
        assert np.allclose(found, before[np.ix_(order, order)], atol=1e-5)
        assert np.array_equal(found, found.swapaxes(0, 1)) and not found[np.arange(4), np.arange(4)].any()


def test_computed_features_are_logarithms_of_distances():
    chunk = two_vertices(30, 4)
    near, far = [], []
    for event, matrix in enumerate(squares(assemble(chunk, None, configured(COMPUTED))[0])):
        for i, j in combinations(range(4), 2):
            sister = chunk["parent"][event][i] == chunk["parent"][event][j]
            (near if sister else far).append(matrix[i, j])
    near, far = np.array(near), np.array(far)
    # Tracks of one vertex pass at the spread of their points.
    assert np.median(near[:, 0]) < np.log(0.05) and np.median(far[:, 0]) > np.log(1)
    assert (near[:, 2] <= near[:, 1] + 1e-6).all() and near.min() >= np.log(1e-3) - 1e-6


def test_features_of_a_branch_are_taken_as_they_are():
    chunk = with_branch(two_vertices(5, 1), "near")
    for event, matrix in enumerate(squares(assemble(chunk, None, configured(["near"]))[0])):
        given = chunk["near"][event].reshape(4, 4)
        assert np.allclose(matrix[..., 0], given * (1 - np.eye(4)))


@pytest.mark.parametrize(("values", "message"), [
    ([0, 1, 2, 0], "entry 1: is not symmetric: 1 for leaves 0 and 1, 2 the other way round"),
    ([0, 1, 1, 0, 3], "entry 1: has 5 values for 2 leaves"),
    ([], "entry 1: has 0 values for 2 leaves"),
])
def test_what_is_no_feature_of_pairs_is_refused(values, message):
    p = Ragged.from_rows([[1.0, -1.0]] * 2)
    chunk = {"px": p, "py": p, "pz": p, "e": Ragged.from_rows([[3.0, 3.0]] * 2), "entry": np.arange(2),
             "near": Ragged.from_rows([[9, 1, 1 + 1e-6, 9], values], np.float32)}
    with pytest.raises(InputError, match=r"'near', " + message):
        assemble(chunk, None, configured(["near"]))


@pytest.mark.parametrize(("settings", "message"), [
    (["data.pair_features=[doca]"], "needs data.track_points"),
    (["data.pair_features=[doca]", "data.track_points=[x, y]"], "three branches"),
    (["data.pair_features=[lcag]"], "'lcag' is truth"),
    (["data.pair_features=[near, near]"], "twice"),
    (["data.pair_features=[near]", "data.features=[near]"], "branch of leaves"),
    (["data.pair_features=[near]", "model.name=paper-nri", "model.clades=false"], "takes leaves only"),
])
def test_configurations_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        load(LcagConfig, "pphysml.tasks.lcag.presets", None, settings)


def test_simulated_events_do_not_have_them():
    from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

    config = configured(["near"])
    with pytest.raises(InputError, match="no branch 'near'; simulated events"):
        assemble(LcagSimulation(config, 1).block(0, 5), None, config)


def test_the_rest_beside_a_signal_side_keeps_its_pairs():
    chunk = with_branch(two_vertices(10, 5), "near")
    marks = np.random.default_rng(1).random((10, 4)) < 0.4
    chunk["tagged"] = Ragged.from_counts(marks.ravel().astype(np.float32), np.full(10, 4))
    plain = configured(["near", "doca"])
    taken = plain.model_copy(update={"apply": plain.apply.model_copy(update={"signal_side": "tagged"})})
    for whole, rest, mark in zip(squares(assemble(chunk, None, plain)[0]), squares(assemble(chunk, None, taken)[0]), marks, strict=True):
        assert np.array_equal(rest, whole[np.ix_(~mark, ~mark)])


def network_and_batch(model, events=6):
    config = configured(["near", "doca"], model)
    examples, _ = assemble(with_branch(two_vertices(events, 7), "near"), None, config)
    torch.manual_seed(3)
    learner = LcagLearner(config)
    return build_network(config, learner.prepare([examples])).eval(), collate(examples)


def run(network, batch):
    with torch.no_grad():
        return network(batch["p4"], batch["n_leaves"], None, None, batch["pair_features"])


MODELS = [{"name": "transformer"}, {"name": "nri"}, {"name": "transformer", "inputs": "four-vectors"}]


@pytest.mark.parametrize("model", MODELS)
def test_networks_permute_pad_and_standardise(model):
    network, batch = network_and_batch(model)
    expected = run(network, batch)
    order = [2, 0, 3, 1]
    table = pair_indices(4)[2]
    moved = {**batch, "p4": batch["p4"][:, order], "pair_features": batch["pair_features"][:, order][:, :, order]}
    pairs = run(network, moved).pairs
    for i, j in combinations(range(4), 2):
        assert torch.allclose(pairs[:, table[i, j]], expected.pairs[:, table[order[i], order[j]]], atol=1e-5)
    wide = {**batch, "p4": torch.nn.functional.pad(batch["p4"], (0, 0, 0, 2)),
            "pair_features": torch.nn.functional.pad(batch["pair_features"], (0, 0, 0, 2, 0, 2), value=9.0)}
    padded, wider = run(network, wide), pair_indices(6)[2]
    for i, j in combinations(range(4), 2):
        assert torch.allclose(padded.pairs[:, wider[i, j]], expected.pairs[:, table[i, j]], atol=1e-5)
    other = {**batch, "pair_features": batch["pair_features"].roll(1, 0)}
    assert not torch.allclose(run(network, other).clades, expected.clades, atol=1e-3)
    real = batch["pair_features"][:, *pair_indices(4)[:2]].flatten(0, 1)
    scaled = (real - network.pair_feature_mean) / network.pair_feature_scale
    assert torch.allclose(scaled.mean(0), torch.zeros(2), atol=1e-5)
    assert torch.allclose(scaled.std(0, unbiased=False), torch.ones(2), atol=1e-5)


def test_weights_without_pair_features_have_no_place_for_them():
    plain = build_network(LcagConfig(model=SMALL), {})
    assert not [name for name in plain.state_dict() if name.startswith("pair_feature")]


def perfect_after(config, steps):
    train, held = (assemble(two_vertices(events, seed), None, config)[0] for events, seed in ((4000, 1), (400, 2)))
    learner = LcagLearner(config)
    torch.manual_seed(0)
    network = learner.build(learner.prepare([train]))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        terms = learner.losses(network, learner.collate(take(train, rng.integers(0, 4000, 128))))
        optimizer.zero_grad()
        sum(t.weight * t.total / t.count for t in terms.values()).backward()
        optimizer.step()
    term = learner.validate(network.eval(), held)["perfect"]
    return term.total / term.count


def test_a_network_learns_trees_that_only_a_feature_of_pairs_tells():
    assert perfect_after(configured(["doca"]), 120) > 0.8
    # Without it, one of the three ways to pair four leaves is guessed.
    assert perfect_after(LcagConfig(model=SMALL), 120) < 0.5


def test_the_loss_of_whole_trees_sees_them():
    config = configured(["doca"], {"tree_loss_weight": 1.0})
    learner = LcagLearner(config)
    examples, _ = assemble(two_vertices(50, 1), None, config)
    torch.manual_seed(0)
    network = learner.build(learner.prepare([examples]))
    first = learner.losses(network, learner.collate(examples))["tree"].total
    with torch.no_grad():
        network.pair_feature_scale.mul_(0.3)
    assert not torch.isclose(first, learner.losses(network, learner.collate(examples))["tree"].total, rtol=1e-3)
