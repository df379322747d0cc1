"""Dropout leaves out the stated share, and keeps the mean."""

from __future__ import annotations

import torch

from pphysml.tasks.jets.models.networks.dropout import Dropout


def test_a_share_of_the_values_is_left_out_and_the_mean_is_kept():
    torch.manual_seed(1)
    values = torch.ones(333, 1001)
    found = Dropout(0.1)(values)
    n = values.numel()
    assert abs(float((found == 0).float().mean()) - 0.1) < 5 * (0.09 / n) ** 0.5
    assert abs(float(found.double().mean()) - 1) < 5 * (0.1 / 0.9 / n) ** 0.5
    assert len(found.unique()) == 2


def test_neighbouring_values_are_left_out_independently():
    torch.manual_seed(1)
    left_out = (Dropout(0.3)(torch.ones(100_000, 4)) == 0).double()
    assert (torch.corrcoef(left_out.T) - torch.eye(4, dtype=torch.float64)).abs().max() < 5 / 100_000**0.5


def test_the_gradient_is_that_of_the_values_that_are_kept():
    torch.manual_seed(1)
    values = torch.randn(7, 5, requires_grad=True)
    found = Dropout(0.5)(values)
    (gradient,) = torch.autograd.grad(found.sum(), values)
    assert torch.allclose(gradient * values, found) and set(gradient.unique().tolist()) == {0.0, 2.0}


def test_nothing_is_left_out_when_applied():
    values = torch.randn(3, 4)
    assert torch.equal(Dropout(0.5).eval()(values), values) and torch.equal(Dropout(0.0)(values), values)
