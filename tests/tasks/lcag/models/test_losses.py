"""The numbers that the losses of the matrix elements, sets and leaves are divided by, with a network that knows nothing."""

from __future__ import annotations

from math import comb, log

import numpy as np
import pytest
import torch

from pphysml.io.ragged import take
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.config.model import ModelConfig
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.inputs import Output
from pphysml.tasks.lcag.models.losses import choose_sets, lcag_losses
from pphysml.tasks.lcag.models.tree_loss import Contest, tree_term
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

EVENTS, CLASSES = 12, 8
FACTOR = 0.7
MODEL = ModelConfig(width=16, pair_width=8, blocks=1, heads=2, clade_width=12, clade_loss_weight=FACTOR)


def batch_of(forest):
    config = LcagConfig(simulation={"background_leaves": 0.3 if forest else 0.0}, data={"forest": forest})
    examples, _ = assemble(LcagSimulation(config, 8).block(0, 60), None, config)
    rows = np.flatnonzero(examples["p4"].counts <= 7)[:EVENTS]
    return collate(take(examples, rows))


def ignorant(batch, sets):
    """Every class equally likely, so that each surprise is the logarithm of the number of classes."""
    count, n = batch["p4"].shape[:2]
    sets = 2**n if sets is None else sets.shape[1]
    forest = "background" in batch
    return Output(torch.zeros(count, n * (n - 1) // 2, CLASSES), torch.zeros(count, sets, CLASSES),
                  torch.zeros(count, n) if forest else None, torch.zeros(count, sets) if forest else None)


def nodes_of(matrix):
    """The sets of leaves within a level of any leaf, larger than that leaf, of a matrix of 0 for other trees."""
    found = set()
    for row in range(len(matrix)):
        for level in set(matrix[row]) - {0}:
            found.add(frozenset([row, *np.flatnonzero((matrix[row] > 0) & (matrix[row] <= level))]))
    return found


def counted(batch):
    """Per event: leaves, pairs, sets of two leaves or more, true nodes, and leaves in trees."""
    rows = []
    for event, n in enumerate(batch["n_leaves"].tolist()):
        nodes = nodes_of(batch["lcag"][event, :n, :n].numpy())
        strays = int(batch["background"][event, :n].sum()) if "background" in batch else 0
        rows.append((n, comb(n, 2), 2**n - n - 1, len(nodes), n - strays))
    return np.array(rows).T


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("forest", [False, True])
def test_each_term_is_per_pair_per_node_or_per_leaf(forest, weighted):
    batch = batch_of(forest)
    leaves, pairs, sets, nodes, in_trees = counted(batch)
    weight = np.arange(1.0, EVENTS + 1) if weighted else np.ones(EVENTS)
    if weighted:
        batch["weight"] = torch.from_numpy(weight).float()
    targets = choose_sets(batch, 0)
    terms = lcag_losses(ignorant(batch, targets.sets), batch, targets, MODEL)
    expected = {"pairs": (log(CLASSES) * pairs, pairs, 1.0), "clades": (log(CLASSES) * sets, nodes, FACTOR)}
    if forest:
        expected |= {"background": (log(2) * leaves, leaves, FACTOR), "trees": (log(2) * (nodes + in_trees), nodes + in_trees, FACTOR)}
    assert terms.keys() == expected.keys()
    for name, (total, count, factor) in expected.items():
        assert float(terms[name].total) == pytest.approx(weight @ total, rel=1e-5), name
        assert float(terms[name].count) == pytest.approx(weight @ count, rel=1e-6), name
        assert terms[name].weight == factor


@pytest.mark.parametrize("forest", [False, True])
def test_drawn_sets_are_divided_by_the_same_numbers_as_all(forest):
    """Their totals agree in the mean over draws, their counts exactly."""
    batch = batch_of(forest)
    _, _, sets, nodes, in_trees = counted(batch)
    torch.manual_seed(3)
    totals = []
    for _ in range(60):
        targets = choose_sets(batch, 20)
        terms = lcag_losses(ignorant(batch, targets.sets), batch, targets, MODEL)
        totals.append(float(terms["clades"].total))
        assert float(terms["clades"].count) == nodes.sum()
        if forest:
            assert float(terms["trees"].count) == (nodes + in_trees).sum()
            assert float(terms["trees"].total) == pytest.approx(log(2) * (nodes + in_trees).sum(), rel=1e-5)
    error = np.std(totals) / np.sqrt(len(totals))
    assert np.mean(totals) == pytest.approx(log(CLASSES) * sets.sum(), abs=5 * error) and error < 0.04 * np.mean(totals)


def test_the_loss_of_whole_trees_is_the_mean_over_the_events_that_take_part_by_their_weights():
    """With the drawn tree the true one, what is left is the surprise."""
    surprise, takes_part = torch.tensor([1.0, 10.0, 100.0]), torch.tensor([True, True, False])
    sets = torch.tensor([[1, 2, 3, 0] * 2] * 3)
    tree = torch.tensor([[0, 0, 1, 0]] * 3), torch.zeros(3, 4, dtype=torch.bool), torch.zeros(3, 2, dtype=torch.bool)
    output = Output(torch.zeros(3, 1, CLASSES), torch.randn(3, 8, CLASSES))
    batch = {"n_leaves": torch.full((3,), 2), "weight": torch.tensor([2.0, 3.0, 5.0])}
    term = tree_term(output, Contest(sets, tree, tree, surprise, takes_part), batch, FACTOR)
    assert (float(term.total), float(term.count), term.weight) == pytest.approx((32.0, 5.0, FACTOR))
