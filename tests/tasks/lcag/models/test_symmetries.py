"""Symmetries of the network, and its targets against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.io.ragged import take
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.config.model import ModelConfig
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.clades import clade_targets
from pphysml.tasks.lcag.models.inputs import mass_spread
from pphysml.tasks.lcag.models.invariants import pair_indices
from pphysml.tasks.lcag.models.losses import choose_sets, element_loss, lcag_losses
from pphysml.tasks.lcag.models.transformer import LcagTransformer
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

SMALL = ModelConfig(width=16, pair_width=8, blocks=2, heads=2, clade_width=12)


@pytest.fixture(scope="module")
def examples():
    config = LcagConfig()
    columns, _ = assemble(LcagSimulation(config, 5).block(0, 400), None, config)
    return columns


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return LcagTransformer(SMALL).eval()


def of_size(examples, n, count=4):
    return collate(take(examples, np.flatnonzero(examples["p4"].counts == n)[:count]))


def run(network, batch):
    with torch.no_grad():
        return network(batch["p4"], batch["n_leaves"])


def as_matrix(pairs, n):
    table = pair_indices(n)[2]
    padded = torch.cat([pairs, torch.zeros(len(pairs), 1, pairs.shape[-1])], 1)
    return padded[:, table.flatten()].unflatten(1, (n, n))


@pytest.mark.parametrize("n", [2, 5, 8])
def test_permuting_the_leaves_permutes_the_output(network, examples, n):
    batch = of_size(examples, n)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(n))
    plain = run(network, batch)
    permuted = run(network, {**batch, "p4": batch["p4"][:, order]})
    expected = as_matrix(plain.pairs, n)[:, order][:, :, order]
    assert torch.allclose(as_matrix(permuted.pairs, n), expected, atol=1e-4)
    subsets = torch.arange(2**n)
    renamed = sum(((subsets >> k) & 1) << order[k] for k in range(n))
    assert torch.allclose(permuted.clades, plain.clades[:, renamed], atol=1e-4)


@pytest.mark.parametrize("n", [2, 5, 8])
def test_padding_changes_nothing(network, examples, n):
    batch = of_size(examples, n)
    padded = torch.cat([batch["p4"], torch.zeros(len(batch["p4"]), 10 - n, 4)], 1)
    wide = run(network, {**batch, "p4": padded})
    plain = run(network, batch)
    assert torch.allclose(as_matrix(wide.pairs, 10)[:, :n, :n], as_matrix(plain.pairs, n), atol=1e-4)
    assert torch.allclose(wide.clades[:, 3 : 2**n], plain.clades[:, 3:], atol=1e-4)


def test_a_batch_is_its_single_events(network, examples):
    batch = of_size(examples, 6)
    together = run(network, batch)
    for k in range(len(batch["p4"])):
        alone = run(network, {name: value[k : k + 1] for name, value in batch.items()})
        assert torch.allclose(alone.pairs[0], together.pairs[k], atol=1e-5)


def test_rotations_and_boosts_change_nothing(network, examples):
    batch = of_size(examples, 6)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    rapidity = 0.8
    boost = np.eye(4)
    boost[2, 2] = boost[3, 3] = np.cosh(rapidity)
    boost[2, 3] = boost[3, 2] = np.sinh(rapidity)
    full = np.eye(4)
    full[:3, :3] = rotation * np.sign(np.linalg.det(rotation))
    moved = batch["p4"] @ torch.from_numpy(full @ boost).T
    plain, other = run(network, batch), run(network, {**batch, "p4": moved})
    assert torch.allclose(plain.pairs, other.pairs, atol=1e-3)
    assert torch.allclose(plain.clades, other.clades, atol=1e-3)


def test_clade_targets_are_the_nodes_of_the_tree(examples):
    batch = collate(take(examples, np.arange(60)))
    heights, mask = clade_targets(batch["lcag"], batch["n_leaves"])
    for event in range(60):
        n = int(batch["n_leaves"][event])
        matrix = batch["lcag"][event, :n, :n].numpy()
        found = {}
        for subset in range(2**n):
            inside = [i for i in range(n) if subset >> i & 1]
            outside = [i for i in range(n) if not subset >> i & 1]
            if len(inside) < 2:
                continue
            height = matrix[np.ix_(inside, inside)].max()
            # A node: everything outside meets everything inside strictly later.
            if not outside or matrix[np.ix_(inside, outside)].min() > height:
                found[subset] = height
        assert {int(s): int(heights[event, s]) for s in heights[event].nonzero()[:, 0] if mask[event, s]} == found
        assert int(mask[event].sum()) == 2**n - n - 1


def test_what_stands_in_the_padding_of_a_matrix_makes_no_nodes(examples):
    batch = collate(take(examples, np.arange(60)))
    lcag, n_leaves = batch["lcag"], batch["n_leaves"]
    real = torch.arange(lcag.shape[1]) < n_leaves[:, None]
    anything = torch.randint(1, 8, lcag.shape, generator=torch.Generator().manual_seed(2))
    filled = torch.where(real[:, :, None] & real[:, None, :], lcag, anything)
    assert not real.all()
    (heights, mask), (expected, _) = clade_targets(filled, n_leaves), clade_targets(lcag, n_leaves)
    assert torch.equal(torch.where(mask, heights, 0), torch.where(mask, expected, 0))


def test_focal_loss_acts_on_each_element():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    targets = torch.tensor([0, 0])
    p = logits.softmax(-1)[:, 0]
    assert torch.allclose(element_loss(logits, targets, 2.0), -((1 - p) ** 2) * p.log())
    assert torch.allclose(element_loss(logits, targets), -p.log())


def losses(output, batch):
    return lcag_losses(output, batch, choose_sets(batch, 0), SMALL)


def test_sampled_sets_stand_for_all_of_them(network, examples):
    batch = of_size(examples, 7, count=8)
    heights, scored = clade_targets(batch["lcag"], batch["n_leaves"])
    value = torch.rand(heights.shape, generator=torch.Generator().manual_seed(1))
    expected = (value * scored).sum(1)
    torch.manual_seed(2)
    draws = []
    for _ in range(400):
        targets = choose_sets(batch, 20)
        chosen = value.gather(1, targets.sets)
        draws.append((chosen * targets.weight).sum(1))
        # Every true node is there once, and says its own height.
        assert ((targets.heights > 0) & (targets.weight == 1)).sum(1).equal((heights > 0).sum(1))
        assert targets.heights.equal(heights.gather(1, targets.sets))
    draws = torch.stack(draws)
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - expected).abs() < 5 * error).all()


def test_chosen_sets_are_scored_as_among_all(network, examples):
    batch = of_size(examples, 6, count=4)
    sets = torch.randint(0, 64, (4, 9), generator=torch.Generator().manual_seed(0))
    some = network(batch["p4"], batch["n_leaves"], None, sets).clades
    every = network(batch["p4"], batch["n_leaves"]).clades
    assert torch.allclose(some, every.gather(1, sets[..., None].expand(-1, -1, 8)), atol=1e-4)


def test_loss_of_a_batch_is_the_sum_of_its_parts(network, examples):
    batch = collate(take(examples, np.arange(12)))
    whole = losses(network(batch["p4"], batch["n_leaves"]), batch)
    total = {"pairs": 0.0, "clades": 0.0}
    for part in (np.arange(5), np.arange(5, 12)):
        small = collate(take(examples, part))
        for name, term in losses(network(small["p4"], small["n_leaves"]), small).items():
            total[name] += float(term.total.detach())
    for name, term in whole.items():
        assert abs(float(term.total.detach()) / total[name] - 1) < 1e-4


def test_weights_scale_each_event(network, examples):
    batch = collate(take(examples, np.arange(2)))
    output = network(batch["p4"], batch["n_leaves"])
    single = [losses(output, {**batch, "weight": torch.eye(2)[k]})["pairs"].total for k in (0, 1)]
    both = losses(output, {**batch, "weight": torch.tensor([3.0, 0.5])})["pairs"].total
    assert torch.allclose(both, 3 * single[0] + 0.5 * single[1])


def test_empty_and_single_leaf_events_do_not_poison_a_batch(network, examples):
    batch = of_size(examples, 4, count=3)
    batch["n_leaves"] = torch.tensor([4, 0, 1])
    batch["p4"][1] = 0
    batch["p4"][2, 1:] = 0
    terms = losses(network(batch["p4"], batch["n_leaves"]), batch)
    loss = sum(term.total for term in terms.values())
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    network.zero_grad()


def test_spread_of_a_mass_is_its_change_with_the_momenta():
    rng = np.random.default_rng(4)
    p3, masses, step = rng.normal(0, 20, (5, 3)), np.array([1.0, 2.0, 3.0, 5.0, 12.0]), 1e-5

    def mass_of(scale):
        moved = p3 * scale[:, None]
        energy = np.sqrt((moved**2).sum(1) + masses**2).sum()
        return np.sqrt(energy**2 - (moved.sum(0) ** 2).sum())

    change = [(mass_of(1 + step * np.eye(5)[i]) - mass_of(1 - step * np.eye(5)[i])) / (2 * step) for i in range(5)]
    p4 = torch.from_numpy(np.concatenate([p3, np.sqrt((p3**2).sum(1) + masses**2)[:, None]], 1))[None]
    found = mass_spread(p4, torch.ones(1, 5), torch.tensor([[mass_of(np.ones(5))]]))
    assert abs(float(found[0, 0]) / np.sqrt(np.square(change).sum()) - 1) < 1e-6
