"""What holds for every network, with every kind of input; and what the published ones do otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.config import load
from pphysml.errors import ConfigError
from pphysml.io.ragged import take
from pphysml.lazy import load_attribute
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.config.model import ModelConfig
from pphysml.tasks.lcag.models import NETWORKS
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.build import build_network
from pphysml.tasks.lcag.models.inputs import Output
from pphysml.tasks.lcag.models.invariants import pair_indices
from pphysml.tasks.lcag.models.losses import choose_sets, lcag_losses
from pphysml.tasks.lcag.models.network import PairIndex, real_leaves
from pphysml.tasks.lcag.models.nri import leaf_mean
from pphysml.tasks.lcag.models.paper_nri import Block, Edges, RowNorm, Square
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

PRESETS = "pphysml.tasks.lcag.presets"
OURS = ("transformer", "nri")
EVERY = [(name, inputs) for name in NETWORKS for inputs in ("invariants", "four-vectors")]


@pytest.fixture(scope="module")
def examples():
    columns, _ = assemble(LcagSimulation(LcagConfig(), 5).block(0, 400), None, LcagConfig())
    return columns


def options(name, inputs="invariants", **more):
    small = {"width": 16, "pair_width": 8, "blocks": 2, "heads": 2, "clade_width": 12, "clades": name in OURS}
    return ModelConfig(name=name, inputs=inputs, **{**small, **more})


def network_class(name):
    return load_attribute(NETWORKS[name])


def make(name, inputs="invariants", n_features=0, forest=False, **more):
    torch.manual_seed(0)
    return network_class(name)(options(name, inputs, **more), n_features, forest).eval()


def of_size(examples, *sizes, count=4):
    rows = [np.flatnonzero(examples["p4"].counts == n)[:count] for n in sizes]
    return collate(take(examples, np.concatenate(rows)))


def padded(batch, width):
    p4 = batch["p4"]
    return {**batch, "p4": torch.cat([p4, p4.new_zeros(len(p4), width - p4.shape[1], 4)], 1)}


def run(network, batch):
    with torch.no_grad():
        return network(batch["p4"], batch["n_leaves"], batch.get("features"))


def square(pairs, n):
    table = pair_indices(n)[2]
    whole = torch.cat([pairs, torch.zeros(len(pairs), 1, pairs.shape[-1])], 1)
    return whole[:, table.flatten()].unflatten(1, (n, n))


def close(a, b):
    return torch.allclose(a, b, rtol=1e-3, atol=1e-4)


def turned(p4, boost=0.8):
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    move = np.eye(4)
    move[2, 2] = move[3, 3] = np.cosh(boost)
    move[2, 3] = move[3, 2] = np.sinh(boost)
    full = np.eye(4)
    full[:3, :3] = rotation * np.sign(np.linalg.det(rotation))
    return p4 @ torch.from_numpy(full @ move).T


@pytest.mark.parametrize(("name", "inputs"), EVERY)
@pytest.mark.parametrize("n", [2, 7])
def test_permuting_the_leaves_permutes_the_output(examples, name, inputs, n):
    network, batch = make(name, inputs), of_size(examples, n)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(n))
    plain = run(network, batch)
    other = run(network, {**batch, "p4": batch["p4"][:, order]})
    assert plain.pairs.shape == (len(batch["p4"]), n * (n - 1) // 2, 8)
    assert close(square(other.pairs, n), square(plain.pairs, n)[:, order][:, :, order])
    assert (plain.clades is not None) == (name in OURS)
    if plain.clades is not None:
        renamed = sum(((torch.arange(2**n) >> k) & 1) << order[k] for k in range(n))
        assert close(other.clades, plain.clades[:, renamed])


@pytest.mark.parametrize(("name", "inputs"), EVERY)
@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_nothing(examples, name, inputs, training):
    batch = of_size(examples, 4, 6)
    results = []
    for seen in (batch, padded(batch, 10)):
        network = make(name, inputs).train(training)
        results.append((run(network, seen), network.state_dict()))
    (plain, kept), (wide, other) = results
    real = torch.arange(6) < batch["n_leaves"][:, None]
    both = real[:, :, None] & real[:, None, :]
    assert close(square(wide.pairs, 10)[:, :6, :6][both], square(plain.pairs, 6)[both])
    assert all(torch.allclose(kept[key], other[key]) for key in kept)
    if plain.clades is not None:
        assert close(wide.clades[:, 3:16], plain.clades[:, 3:16])


@pytest.mark.parametrize(("name", "inputs"), EVERY)
def test_a_batch_is_its_single_events(examples, name, inputs):
    network, batch = make(name, inputs), of_size(examples, 3, 5, 8, count=2)
    together = square(run(network, batch).pairs, 8)
    for k, n in enumerate(batch["n_leaves"].tolist()):
        alone = run(network, {"p4": batch["p4"][k : k + 1, :n], "n_leaves": batch["n_leaves"][k : k + 1]})
        assert close(square(alone.pairs, n)[0], together[k, :n, :n])


@pytest.mark.parametrize("name", NETWORKS)
def test_invariants_do_not_see_the_frame_and_four_vectors_do(examples, name):
    batch = of_size(examples, 6)
    for inputs, frame, boost, same in (("invariants", "event", 0.8, True), ("invariants", "input", 0.0, True),
                                       ("invariants", "input", 0.8, False), ("four-vectors", "event", 0.0, False)):
        network = make(name, inputs, frame=frame)
        plain, other = run(network, batch), run(network, {**batch, "p4": turned(batch["p4"], boost)})
        assert torch.allclose(plain.pairs, other.pairs, atol=1e-3) == same
        if plain.clades is not None:
            assert torch.allclose(plain.clades, other.clades, atol=1e-3) == same


@pytest.mark.parametrize(("name", "inputs", "forest"), [
    (name, inputs, forest) for name, inputs in EVERY for forest in (False, True) if name in OURS or not forest])
def test_gradients_reach_every_parameter(examples, name, inputs, forest):
    network, batch = make(name, inputs, forest=forest).train(), of_size(examples, 4, 6)
    output = network(batch["p4"], batch["n_leaves"])
    assert (output.background is not None) == forest
    sum(part.square().sum() for part in output if part is not None).backward()
    missing = [key for key, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not missing


@pytest.mark.parametrize(("name", "inputs"), EVERY)
def test_empty_and_single_leaf_events_do_not_poison_a_batch(examples, name, inputs):
    network, config = make(name, inputs).train(), options(name, inputs)
    batch = of_size(examples, 4, count=3)
    batch["n_leaves"] = torch.tensor([4, 0, 1])
    batch["p4"][1] = 0
    batch["p4"][2, 1:] = 0
    targets = choose_sets(batch, 0) if config.clades else None
    terms = lcag_losses(network(batch["p4"], batch["n_leaves"]), batch, targets, config)
    sum(term.total for term in terms.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    single = {"p4": batch["p4"][2:, :1], "n_leaves": batch["n_leaves"][2:]}
    assert run(network, single).pairs.shape == (1, 0, 8)


@pytest.mark.parametrize("name", NETWORKS)
def test_extra_features_are_standardised_and_used(examples, name):
    network, batch = make(name, n_features=2), of_size(examples, 5)
    plain, shifted = (torch.randn(len(batch["p4"]), 5, 2, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    expected = run(network, {**batch, "features": plain}).pairs
    assert not close(run(network, {**batch, "features": shifted}).pairs, expected)
    network.feature_mean.copy_(torch.tensor([1.0, -2.0]))
    network.feature_scale.copy_(torch.tensor([3.0, 0.5]))
    moved = plain * network.feature_scale + network.feature_mean
    assert close(run(network, {**batch, "features": moved}).pairs, expected)


@pytest.mark.parametrize(("preset", "count"), [("paper-nri", 981_512), ("paper-transformer", 5_395_720)])
def test_published_networks_have_the_published_numbers_of_parameters(preset, count):
    for defects in ("false", "true"):
        config = load(LcagConfig, PRESETS, preset, [f"model.published_defects={defects}"])
        network = network_class(config.model.name)(config.model)
        assert sum(p.numel() for p in network.parameters() if p.requires_grad) == count


def test_published_transformer_attends_to_padding(examples):
    network = make("paper-transformer", published_defects=True)
    fixed = make("paper-transformer")
    fixed.load_state_dict(network.state_dict())
    batch = of_size(examples, 6)
    plain, wide = run(network, batch).pairs, run(network, padded(batch, 10)).pairs
    assert not torch.allclose(square(wide, 10)[:, :6, :6], square(plain, 6), atol=1e-2)
    assert close(run(fixed, batch).pairs, plain)


def test_published_batch_statistics_are_over_padding_too(examples):
    batch = of_size(examples, 6)
    network = make("paper-nri", published_defects=True)
    fixed = make("paper-nri")
    plain, wide = run(network, batch).pairs, run(network, padded(batch, 10)).pairs
    assert close(square(wide, 10)[:, :6, :6], square(plain, 6))
    assert close(run(fixed, batch).pairs, plain)
    network.train(), fixed.train()
    plain, wide = run(network, batch).pairs, run(network, padded(batch, 10)).pairs
    assert not torch.allclose(square(wide, 10)[:, :6, :6], square(plain, 6), atol=1e-2)
    assert not torch.allclose(run(fixed, batch).pairs, plain, atol=1e-2)


def test_published_focal_factor_is_that_of_the_mean(examples):
    batch = of_size(examples, 3, 6)
    output = Output(run(make("paper-nri"), batch).pairs * 5)
    loss = {}
    for gamma, defects in ((0.0, False), (2.5, False), (2.5, True)):
        config = options("paper-nri", loss="focal", focal_gamma=gamma, published_defects=defects)
        term = lcag_losses(output, batch, None, config)["pairs"]
        loss[gamma, defects] = float(term.total / term.count)
    surprise = loss[0.0, False]
    assert loss[2.5, True] == pytest.approx((1 - np.exp(-surprise)) ** 2.5 * surprise, rel=1e-5)
    assert loss[2.5, True] != pytest.approx(loss[2.5, False], rel=5e-3)


def test_leaf_mean_is_the_mean_over_the_other_leaves():
    index = PairIndex.of(torch.tensor([4, 3, 1]), 4)
    messages = torch.randn(3, 6, 2)
    found, whole = leaf_mean(messages, index), square(messages, 4)
    for event, n in enumerate((4, 3, 1)):
        for leaf in range(n):
            others = [k for k in range(n) if k != leaf]
            expected = whole[event, leaf, others].mean(0) if others else torch.zeros(2)
            assert torch.allclose(found[event, leaf], expected, atol=1e-6)


@pytest.mark.parametrize("everything", [False, True])
def test_edges_are_the_ordered_pairs(everything):
    sizes, n = [3, 1, 2], 4
    edges = Edges.of(real_leaves(torch.tensor(sizes), n), everything)
    states = torch.randn(3, n, 2)
    square_states = torch.zeros(3, n, n, 4).masked_scatter(edges.pairs[..., None], edges.both_leaves(states[edges.leaves]))
    for event, size in enumerate(sizes):
        for i in range(n):
            others = [j for j in range(size) if j != i and i < size]
            for j in range(n):
                both = torch.cat([states[event, j], states[event, i]])
                assert torch.equal(square_states[event, i, j], both if j in others else torch.zeros(4))
    assert len(edges.real) == (3 * n * n if everything else 6 + 2)


def test_the_dense_square_is_all_edges():
    real = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0]], dtype=torch.bool)
    edges, dense = Edges.of(real, True), Square.of(real)
    leaves, values = torch.randn(3, 4, 2), torch.randn(48, 2)
    rows = dense.rows(leaves)
    assert torch.equal(rows, edges.rows(leaves))
    assert torch.equal(dense.both_leaves(rows), edges.both_leaves(rows))
    assert torch.equal(dense.square(values), edges.square(values * edges.real))
    block = Block(2, 0.0).eval()
    assert torch.allclose(block(values, dense), block(values, edges), atol=1e-6)


def dense_paper_nri(network, batch, everything):
    """Return the logits of pairs from tables of all leaves and all ordered pairs, (B, n, d) and (B, n, n, d)."""
    n = batch["p4"].shape[1]
    real = torch.arange(n) < batch["n_leaves"][:, None]
    joined = real[:, :, None] & real[:, None] & (torch.arange(n)[:, None] != torch.arange(n))
    seen, pairs = (torch.ones_like(mask) if everything else mask for mask in (real, joined))

    def acting(module, table, mask):
        return torch.zeros(*mask.shape, network.config.width, dtype=table.dtype).masked_scatter(mask[..., None], module(table[mask]))

    def both(leaves):
        table = torch.stack([leaves[:, None].expand(-1, n, -1, -1), leaves[:, :, None].expand(-1, -1, n, -1)], 3).flatten(3)
        return torch.where(joined[..., None], table, 0.0)

    leaves = acting(network.leaf_input, network.encode_leaves(batch["p4"], batch["n_leaves"], None), seen)
    first = edges = acting(network.edge_input, both(leaves), pairs)
    for block in network.blocks:
        sent = torch.where(joined[..., None], acting(block.edge, edges, pairs), 0.0).sum(2)
        leaves = acting(block.leaf, sent / joined.sum(2).clamp(min=1)[..., None], seen)
        edges = acting(block.merge, torch.cat([both(leaves), edges], -1), pairs)
    last = acting(network.final, torch.cat([edges, first], -1), pairs)
    ordered = torch.where(pairs[..., None], network.to_levels(last), 0.0)
    return ((ordered + ordered.transpose(1, 2)) / 2)[:, *torch.triu_indices(n, n, 1)]


def used_paper_nri(defects, training):
    """Return the network with statistics that are not those it begins with."""
    network = make("paper-nri", "four-vectors", published_defects=defects, dropout=0.0)
    with torch.no_grad():
        for norm in (module for module in network.modules() if isinstance(module, RowNorm)):
            norm.weight.uniform_(0.5, 1.5), norm.running_mean.normal_(0, 0.3), norm.running_var.uniform_(0.5, 2)
    return network.train(training)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("defects", [False, True])
def test_message_passing_on_pairs_is_the_dense_table(examples, training, defects):
    batch = of_size(examples, 2, 4, 6)
    real = PairIndex.of(batch["n_leaves"], 6).together
    one, other = (used_paper_nri(defects, training) for _ in range(2))
    logits = one(batch["p4"], batch["n_leaves"]).pairs[real], dense_paper_nri(other, batch, defects and training)[real]
    assert (logits[0] - logits[1]).abs().max() < 2e-6 * logits[1].abs().max()
    for found in logits:
        (found * torch.linspace(-1, 1, 8)).square().sum().backward()
    assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in zip(one.buffers(), other.buffers(), strict=True))
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert (a.grad - b.grad).norm() < 5e-5 * b.grad.norm() + 1e-5


@pytest.mark.parametrize("defects", [False, True])
def test_leaves_without_pairs_make_no_messages(defects):
    network, p4 = used_paper_nri(defects, True), torch.randn(2, 3, 4).double()
    p4[:, 1:] = 0
    logits = network(p4, torch.tensor([1, 1])).pairs
    logits.sum().backward()
    assert logits.shape == (2, 3, 8) and torch.isfinite(logits).all()
    if not defects:
        assert not logits.any()


def test_row_norm_is_batch_normalisation():
    ours, theirs = RowNorm(3), torch.nn.BatchNorm1d(3)
    rows = torch.randn(20, 3) * 4 + 1
    assert torch.allclose(ours(rows), theirs(rows), atol=1e-6)
    assert torch.allclose(ours.eval()(rows), theirs.eval()(rows), atol=1e-6)
    assert torch.allclose(ours.train()(rows[:1]), theirs(rows[:1]), atol=1e-6)


@pytest.mark.parametrize("settings", [
    ["model.name=paper-nri"],
    ["model.published_defects=true"],
    ["model.mass_spread=true", "model.inputs=four-vectors"],
    ["model.name=paper-nri", "model.clades=false", "data.forest=true"],
    ["model.width=66", "model.heads=4"],
])
def test_what_a_network_cannot_do_is_refused(settings):
    with pytest.raises(ConfigError, match=r"model\.|paper-nri"):
        load(LcagConfig, PRESETS, None, settings)


@pytest.mark.parametrize("inputs", ["invariants", "four-vectors"])
@pytest.mark.parametrize("features", [[], ["charge", "d0"]])
def test_the_configuration_knows_how_many_numbers_a_leaf_has(inputs, features):
    config = LcagConfig.model_validate({"model": {"inputs": inputs, "scales": 7, "per_octave": 2}, "data": {"features": features}})
    prepared = {f"feature_{name}": np.ones(len(features)) for name in ("mean", "scale")}
    assert build_network(config, prepared).leaf_features == config.n_inputs
