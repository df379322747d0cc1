"""The loss of whole trees: its value by enumeration, its gradient against that of the exact sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pphysml.io.ragged import take
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.decode import log_partition, tree_score
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.inputs import Output
from pphysml.tasks.lcag.models.scores import of_output
from pphysml.tasks.lcag.models.tree_loss import hold_contest, tree_term
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.trees.validity_rules import ValidityRules


class Table(nn.Module):
    """Logits that are parameters themselves, so that gradients can be compared one by one."""

    def __init__(self, batch: int, n: int, forest: bool, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.forest, self.n = forest, n
        self.clades = nn.Parameter(torch.randn(batch, 1 << n, 8))
        self.background = nn.Parameter(torch.randn(batch, n))
        self.trees = nn.Parameter(torch.randn(batch, 1 << n))

    def forward(self, p4, n_leaves, features=None, sets=None, pair_features=None):
        rows = p4[:, 0, 0].long()
        n = p4.shape[1]
        clades, trees = self.clades[rows, : 1 << n], self.trees[rows, : 1 << n]
        if sets is not None:
            clades = clades.gather(1, sets[..., None].expand(-1, -1, 8))
            trees = trees.gather(1, sets)
        background = self.background[rows, :n] if self.forest else None
        return Output(torch.zeros(len(p4), n * (n - 1) // 2, 8), clades, background, trees if self.forest else None)


def batch_of(forest: bool, sizes: tuple[int, ...]):
    simulation = {"topology_file": "paper", "max_leaves": 5, "background_leaves": 0.2 if forest else 0.0}
    config = LcagConfig(simulation=simulation, data={"forest": forest})
    examples, _ = assemble(LcagSimulation(config, 2).block(0, 200), None, config)

    rows = [int(np.flatnonzero(examples["p4"].counts == n)[k]) for k, n in enumerate(sizes)]
    batch = collate(take(examples, np.array(rows)))
    # The table is looked up by row; the kinematics play no role here.
    batch["p4"][:, :, 0] = torch.arange(len(rows))[:, None]
    return batch


def term_of(table: Table, batch, rules: ValidityRules):
    contest = hold_contest(table, batch, rules)
    return tree_term(table(batch["p4"], batch["n_leaves"], None, contest.sets), contest, batch, 1.0)


def surprise(table: Table, batch, rules: ValidityRules) -> np.ndarray:
    """Minus the log-probability of the truth, from the definition, with float64 differences in mind."""
    values = []
    for k, n in enumerate(batch["n_leaves"].tolist()):
        with torch.no_grad():
            scores = of_output(table(batch["p4"][k : k + 1, :n], None), np.array([0]), n)
        none = np.zeros_like(scores.pairs)
        strays = batch["background"][k : k + 1, :n].numpy() if "background" in batch else None
        truth = tree_score(none, scores.clades, batch["lcag"][k : k + 1, :n, :n].numpy().astype(np.uint8),
                           **scores.forest, background=strays)
        values.append(float((log_partition(none, scores.clades, **scores.forest) - truth)[0]))
    return np.array(values)


@pytest.mark.parametrize("forest", [False, True])
def test_value_is_minus_the_log_probability_of_the_truth(forest):
    batch = batch_of(forest, (3, 5, 4, 5))
    table = Table(4, 5, forest, 0)
    term = term_of(table, batch, ValidityRules(forest))
    assert float(term.count) == 4
    assert float(term.total.detach()) == pytest.approx(surprise(table, batch, ValidityRules(forest)).sum(), rel=1e-4)


@pytest.mark.parametrize("forest", [False, True])
def test_mean_gradient_is_that_of_the_exact_sum(forest):
    batch = batch_of(forest, (3, 3))
    table = Table(2, 3, forest, 1)
    draws = 600
    total = {name: torch.zeros_like(p) for name, p in table.named_parameters()}
    squares = {name: torch.zeros_like(p) for name, p in table.named_parameters()}
    torch.manual_seed(5)
    for _ in range(draws):
        table.zero_grad()
        term_of(table, batch, ValidityRules(forest)).total.backward()
        for name, p in table.named_parameters():
            if p.grad is not None:
                total[name] += p.grad
                squares[name] += p.grad**2
    for name, p in table.named_parameters():
        if p.grad is None:
            continue
        mean = total[name] / draws
        error = (squares[name] / draws - mean**2).clamp_min(0).sqrt() / draws**0.5 + 2e-3
        flat = p.data.flatten()
        for k in range(0, len(flat), 11):
            step, at = 0.05, float(flat[k])
            values = []
            for shift in (step, -step):
                flat[k] = at + shift
                values.append(surprise(table, batch, ValidityRules(forest)).sum())
            flat[k] = at
            assert mean.flatten()[k] == pytest.approx((values[0] - values[1]) / (2 * step), abs=5 * float(error.flatten()[k]))
