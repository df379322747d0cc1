"""Our batch normalisation against torch's, and its folded form."""

from __future__ import annotations

import torch
from torch import nn

from pphysml.nn.row_norm import RowNorm


def pair(width=4):
    torch.manual_seed(0)
    ours, theirs = RowNorm(width), nn.BatchNorm1d(width)
    for module in (ours, theirs):
        module.weight.data, module.bias.data = torch.linspace(0.5, 2, width), torch.linspace(-1, 1, width)
    return ours, theirs


def test_it_is_batch_normalisation():
    ours, theirs = pair()
    for _ in range(3):
        rows = 3 * torch.randn(20, 4) + 1
        assert torch.allclose(ours(rows), theirs(rows), atol=1e-6)
    assert torch.allclose(ours.eval()(rows), theirs.eval()(rows), atol=1e-6)
    assert torch.equal(ours.running_var, theirs.running_var)


def test_given_moments_are_absorbed_as_those_of_a_batch():
    (ours, theirs), rows = pair(), 3 * torch.randn(20, 4) + 1
    ours.absorb(rows.double().mean(0), rows.double().var(0, correction=0), len(rows))
    theirs(rows)
    assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-6)
    assert torch.allclose(ours.running_var, theirs.running_var, atol=1e-6)


def test_folding_gives_what_both_layers_do():
    ours, _ = pair()
    linear, rows = nn.Linear(4, 3), 3 * torch.randn(20, 4) + 1
    expected = linear(ours(rows))
    weight, bias = ours.fold(linear, rows.mean(0), rows.var(0, correction=0))
    assert torch.allclose(nn.functional.linear(rows, weight, bias), expected, atol=1e-5)


def test_one_row_takes_the_running_statistics():
    ours, _ = pair()
    row = torch.randn(1, 4)
    assert torch.allclose(ours(row), ours.weight * row + ours.bias, atol=1e-4)
