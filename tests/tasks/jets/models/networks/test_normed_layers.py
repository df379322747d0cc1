"""Layers in parts do what the plain ones do, forwards and backwards."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from pphysml.nn.row_norm import RowNorm
from pphysml.tasks.jets.models.networks import normed_layers

from .random_jets import settled

ACTIVATIONS = {"relu": torch.relu, "gelu": gelu}


@pytest.fixture(params=[16, 2**20])
def part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normed_layers, "PART", request.param)


def rows(n: int = 24) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return (3 * torch.randn(n, 4, generator=generator, dtype=torch.float64) + 2).requires_grad_()


def norm(training: bool) -> RowNorm:
    layer = settled(RowNorm(4).double()).train(training)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer


def gradients(found: Tensor, *by: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad((found * torch.linspace(-1, 2, found.numel(), dtype=found.dtype).view_as(found)).sum(), by))


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_behind_a_normalisation(activation, training):
    given, layer, of_batch = rows(), nn.Linear(4, 3).double(), norm(training)
    plain = copy.deepcopy(of_batch)
    found = normed_layers.mapped(given, of_batch, activation, layer)
    expected = layer(ACTIVATIONS[activation](plain(given)))
    assert torch.allclose(found, expected, atol=1e-12)
    by = [given, *layer.parameters()]
    pairs = zip(gradients(found, *by, *of_batch.parameters()), gradients(expected, *by, *plain.parameters()), strict=True)
    assert all(torch.allclose(one, other, atol=1e-11) for one, other in pairs)
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(of_batch.buffers(), plain.buffers(), strict=True))


@pytest.mark.usefixtures("part")
@pytest.mark.parametrize("training", [True, False])
def test_a_mean_behind_a_normalisation(training):
    given, of_batch = rows(), norm(training)
    plain = copy.deepcopy(of_batch)
    found = normed_layers.averaged(given, of_batch, "relu", 3)
    expected = torch.relu(plain(given)).view(8, 3, 4).mean(1)
    assert torch.allclose(found, expected, atol=1e-12)
    pairs = zip(gradients(found, given, *of_batch.parameters()), gradients(expected, given, *plain.parameters()), strict=True)
    assert all(torch.allclose(one, other, atol=1e-11) for one, other in pairs)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_for_a_variance_take_the_running_one(n):
    given, of_batch, layer = rows(n), norm(True), nn.Linear(4, 3).double()
    before = copy.deepcopy(of_batch)
    found = normed_layers.mapped(given, of_batch, "relu", layer)
    assert torch.allclose(found, layer(torch.relu(before.eval()(given))), atol=1e-12)
    assert torch.equal(of_batch.running_mean, before.running_mean)
    assert normed_layers.averaged(rows(0), of_batch, "relu", 3).shape == (0, 4)


def test_products_of_matrices_are_in_bfloat16_where_asked_for():
    given, of_batch, layer = rows().detach().float().requires_grad_(), norm(True).float(), nn.Linear(4, 3)
    exact = normed_layers.mapped(given, copy.deepcopy(of_batch), "gelu", layer)
    with torch.autocast("cpu", torch.bfloat16):
        found = normed_layers.mapped(given, of_batch, "gelu", layer)
    assert found.dtype == torch.bfloat16 and torch.allclose(found.float(), exact, atol=0.05)
    one, other = gradients(found.float(), given, layer.weight), gradients(exact, given, layer.weight)
    assert all(torch.allclose(a, b, atol=0.05 * float(b.abs().max())) and a.dtype == torch.float32 for a, b in zip(one, other, strict=True))
