"""ParticleNet is what arXiv:1902.08570 describes, with the zeros of the published code where neighbours are missing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pphysml.tasks.jets.models.networks.kinematics import points
from pphysml.tasks.jets.models.networks.neighbours import nearest
from pphysml.tasks.jets.models.networks.packing import Packing
from pphysml.tasks.jets.models.networks.particle_net import ParticleNet

from .random_jets import Jets, offsets, random_jets, settled


def test_it_has_as_many_parameters_as_the_published_one():
    assert sum(p.numel() for p in ParticleNet(17, 10).parameters()) == 370_156


@torch.no_grad()
def test_it_gives_what_a_plain_implementation_jet_by_jet_gives():
    network = settled(ParticleNet(5, 3, widths=((8, 8), (16, 12)), neighbours=6, hidden=10).double())
    counts = [5, 0, 1, 40, 19, 2, 7, 6]
    jets = random_jets(counts, dtype=torch.float64)
    expected = torch.stack([plain(network, jets.of([b])) for b in range(len(counts))])
    assert torch.allclose(network(*jets), expected, atol=1e-10)


def plain(network: ParticleNet, jet: Jets) -> Tensor:
    """Return the logits of one jet, by edges that are made one by one."""
    n, k = len(jet.particles), network.neighbours
    momentum = jet.vectors[:, :3]
    eta, phi = torch.atanh(momentum[:, 2] / momentum.norm(dim=1)), torch.atan2(momentum[:, 1], momentum[:, 0])
    turn = phi[:, None] - phi
    distance = (eta[:, None] - eta) ** 2 + torch.atan2(turn.sin(), turn.cos()) ** 2
    rows = batch_norm(network.bn_fts, jet.particles)
    for convolution in network.edge_convs:
        edges = rows.new_zeros(n, k, 2 * rows.shape[1])
        for i in range(n):
            others = sorted((j for j in range(n) if j != i), key=lambda j: float(distance[i, j]))[:k]
            seen = torch.cat([rows[others], rows.new_zeros(k - len(others), rows.shape[1])])
            edges[i] = torch.cat([rows[i].expand_as(seen), seen - rows[i]], 1)
        for layer, norm in zip(convolution.convs, convolution.bns, strict=True):
            edges = torch.relu(batch_norm(norm, layer(edges)))
        rows = torch.relu(edges.mean(1) + batch_norm(convolution.sc_bn, convolution.sc(rows)))
        distance = (rows[:, None] - rows).norm(dim=2)
    mean = rows.sum(0) / max(n, 1)
    return network.fc.layers[1](torch.relu(network.fc.layers[0](mean)))


def batch_norm(layer: nn.Module, values: Tensor) -> Tensor:
    return (values - layer.running_mean) / (layer.running_var + 1e-5).sqrt() * layer.weight + layer.bias


def test_neighbours_are_the_nearest_others_of_the_same_jet():
    at = torch.tensor([[0.0], [5.0], [1.0], [3.0], [0.1], [9.0]])
    packing = Packing.of(offsets([0, 4, 1, 1]))
    given = packing.rows.tolist()
    found = nearest(at[packing.rows], packing, 2)
    assert {given[i]: [given[j] if j < 6 else None for j in row] for i, row in enumerate(found.tolist())} == {
        0: [2, 3], 1: [3, 2], 2: [0, 3], 3: [1, 2], 4: [None, None], 5: [None, None]}
    assert torch.equal(nearest(at[packing.rows], packing, 5)[:, 3:], torch.full((6, 2), 6))


def test_constituents_in_one_place_are_neighbours_and_none_is_its_own():
    packing = Packing.of(offsets([4]))
    found = nearest(torch.zeros(4, 2), packing, 3)
    assert [sorted(row) for row in found.tolist()] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_angles_are_relative_to_the_sum_of_momenta():
    jets = random_jets([3, 4])
    packing = Packing.of(jets.offsets)
    found = points(jets.vectors, torch.tensor([0] * 3 + [1] * 4), 2)
    axis = jets.vectors[3:].double().sum(0)
    eta = torch.atanh(axis[2] / axis[:3].norm())
    of_last = torch.atanh(jets.vectors[6, 2].double() / jets.vectors[6, :3].double().norm())
    assert torch.isclose(found[6, 0].double(), of_last - eta, atol=1e-6) and found[:, 1].abs().max() < 1.5
    assert packing.slots >= 7
