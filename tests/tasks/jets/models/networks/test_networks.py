"""What every network on constituents must do, whatever it is made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from pphysml.lazy import load_attribute
from pphysml.tasks.jets.models.networks import NETWORKS

from .random_jets import offsets, random_jets, settled, shuffled, turned

COUNTS = [5, 0, 1, 40, 19, 2, 18, 0, 33]


def make(name: str, jet_inputs: int = 0) -> Any:
    torch.manual_seed(1)
    return settled(load_attribute(NETWORKS[name])(5, 3, jet_inputs))


@pytest.fixture(params=sorted(NETWORKS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@torch.no_grad()
def test_a_batch_of_jets_is_as_its_jets_alone(name):
    network, jets = make(name), random_jets(COUNTS)
    together = network(*jets)
    alone = torch.cat([network(*jets.of([b])) for b in range(len(COUNTS))])
    assert together.shape == (len(COUNTS), 3)
    assert torch.allclose(together, alone, atol=1e-5, rtol=1e-5)
    assert (together[0] - together[3]).abs().max() > 1e-2


@torch.no_grad()
def test_the_order_of_jets_and_of_their_constituents_does_not_matter(name):
    network, jets = make(name), random_jets(COUNTS)
    order = [3, 8, 0, 2, 1, 7, 5, 6, 4]
    expected = network(*jets)
    assert torch.allclose(network(*jets.of(order)), expected[order], atol=1e-5, rtol=1e-5)
    assert torch.allclose(network(*shuffled(jets)), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_jets_look_alike_from_all_sides(name):
    network, jets = make(name), random_jets(COUNTS)
    assert torch.allclose(network(*turned(jets, 2.0)), network(*jets), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_what_belongs_to_a_jet_does_not_reach_others(name):
    network, jets = make(name), random_jets(COUNTS)
    changed = jets._replace(particles=jets.particles.clone())
    changed.particles[6:46] += 1
    moved = (network(*changed) - network(*jets)).abs().amax(1) > 1e-6
    assert moved.tolist() == [b == 3 for b in range(len(COUNTS))]


@torch.no_grad()
def test_inputs_of_jets_count(name):
    network, jets = make(name, 2), random_jets(COUNTS)
    inputs = torch.randn(len(COUNTS), 2, generator=torch.Generator().manual_seed(2))
    found, order = network(*jets, inputs), [3, 8, 0, 2, 1, 7, 5, 6, 4]
    other = network(*jets, inputs + torch.eye(len(COUNTS))[4, :, None])
    assert torch.allclose(network(*jets.of(order), inputs[order]), found[order], atol=1e-5, rtol=1e-5)
    assert ((other - found).abs().amax(1) > 1e-6).tolist() == [b == 4 for b in range(len(COUNTS))]


def test_gradients_of_jets_with_equal_massless_or_no_constituents_are_finite(name):
    network, jets = make(name).train(), random_jets(COUNTS)
    jets.vectors[:5] = torch.tensor([3.0, 4.0, 0.0, 5.0])
    jets.vectors[6:26, 3] = jets.vectors[6:26, :3].norm(dim=1)
    jets.vectors[26:30] = 0
    jets.vectors[30:34, :2] = 0
    network(*jets).square().sum().backward()
    gradients = {key: p.grad for key, p in network.named_parameters()}
    assert all(g is not None and torch.isfinite(g).all() for g in gradients.values())
    assert sum(bool((g != 0).any()) for g in gradients.values()) > 0.8 * len(gradients)


def test_products_of_matrices_may_be_in_bfloat16(name):
    """As with training.precision=bfloat16."""
    network, jets = make(name), random_jets(COUNTS)
    exact = network(*jets)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(*jets)
    assert (found - exact).abs().max() < 0.1 * exact.std()
    with torch.autocast("cpu", torch.bfloat16):
        logits = network.train()(*jets)
    logits.float().square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.dtype == torch.float32 for p in network.parameters())


@pytest.mark.parametrize("counts", [[], [0, 0]])
def test_jets_without_any_constituent_have_logits_and_gradients(name, counts):
    network, jets = make(name).train(), random_jets(counts)
    logits = network(*jets)
    assert logits.shape == (len(counts), 3) and torch.isfinite(logits).all()
    logits.sum().backward()
    assert isinstance(network, nn.Module) and torch.equal(jets.offsets, offsets(counts))
