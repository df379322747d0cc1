"""Distances between trains of spikes against their definitions, and their gradients against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pphysml.tasks.petnet.models.spiking.distances import Chamfer, VanRossum
from pphysml.tasks.petnet.models.spiking.losses import SpikeLoss, published_timing
from pphysml.tasks.petnet.models.spiking.published import (
    opposite_crystals,
    published_network,
    with_partners,
)
from pphysml.tasks.petnet.models.spiking.trains import SpikeTrains

from .spiking_examples import random_trains, run

SAMPLES, STEPS, CHANNELS = 2, 40, 5


def trains(seed, events=30):
    return random_trains(seed, samples=SAMPLES, steps=STEPS, channels=CHANNELS, events=events)


def van_rossum(output, target, tau):
    """The definition: filter both with exp(-t / tau), square the difference, sum."""
    kernel = np.exp(-np.arange(STEPS) / tau)
    difference = output.dense().astype(float) - target.dense()
    filtered = np.apply_along_axis(lambda row: np.convolve(row, kernel)[:STEPS], 0, difference)
    return (filtered**2).sum(0) / tau


def chamfer(output, target, cap, tau):
    s, y = output.dense().astype(float), target.dense() > 0
    between = np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS)))
    near = np.minimum(np.where(y[None], between[:, :, None, None], cap).min(1), cap)
    reached = np.exp(-cap / tau) + np.einsum("tu,tbc->ubc", np.exp(-between / tau), s)
    return (s * near).sum(0) - tau * np.where(y, np.log(reached), 0).sum(0)


DEFINITIONS = [(VanRossum(3.0), lambda a, b: van_rossum(a, b, 3.0)), (Chamfer(8.0, 1.5), lambda a, b: chamfer(a, b, 8.0, 1.5))]


@pytest.mark.parametrize("distance, definition", DEFINITIONS)
@pytest.mark.parametrize("seed", range(3))
def test_value_is_the_definition(distance, definition, seed):
    output, target = trains(seed), trains(seed + 10)
    np.testing.assert_allclose(distance.value(output, target), definition(output, target), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("distance, definition", DEFINITIONS)
def test_gradient_is_that_of_amplitudes(distance, definition):
    # A little more amplitude in any bin, with a spike or without, in double precision by the definition.
    output, target = trains(1), trains(2)
    weight = np.random.default_rng(3).normal(size=(SAMPLES, CHANNELS)).astype(np.float32)
    found = np.zeros((SAMPLES, STEPS, CHANNELS), dtype=np.float32)
    distance.add_gradient(output, target, weight, found, 0)
    dense, step = output.dense().astype(np.float64), 1e-4
    expected = np.empty_like(found)
    for t in range(STEPS):
        values = []
        for sign in (1, -1):
            moved = dense.copy()
            moved[t] += sign * step
            values.append(definition(FakeTrains(moved), target))
        expected[:, t] = weight * (values[0] - values[1]) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-4)


class FakeTrains:
    """Amplitudes in double precision."""

    def __init__(self, amplitudes):
        self.amplitudes = amplitudes

    def dense(self):
        return self.amplitudes


def single(time, steps=4000):
    time = np.atleast_1d(time)
    zero = np.zeros(len(time), dtype=int)
    return SpikeTrains.from_arrays(zero, time, zero, samples=1, steps=steps, channels=1)


def test_limits_of_van_rossum():
    distance, nothing = VanRossum(50.0), single(np.array([], dtype=int))
    assert distance.value(single(2000), single(2000)).item() == 0
    assert distance.value(single(2000), nothing).item() == pytest.approx(0.5, rel=0.03)
    for shift in (10, 50, 100):
        expected = 1 - np.exp(-shift / 50)
        assert distance.value(single(2000), single(2000 + shift)).item() == pytest.approx(expected, rel=0.03)


def test_limits_of_chamfer():
    distance, nothing = Chamfer(20.0, 0.5), single(np.array([], dtype=int))
    assert distance.value(single(100), single(100)).item() == pytest.approx(0, abs=1e-6)
    assert distance.value(single(100), nothing).item() == 20
    assert distance.value(nothing, single(100)).item() == pytest.approx(20)
    assert distance.value(single(100), single(104)).item() == pytest.approx(8, rel=1e-5)
    assert distance.value(single(100), single(300)).item() == pytest.approx(40, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_published_timing_gives_each_spike_the_earliest_target_left(seed):
    output, target = trains(seed, 60), trains(seed + 10, 60)
    expected = 0.0
    left = {(s, c, t) for s, c, t in zip(target.sample, target.channel, target.time, strict=True)}
    for s, c, t in zip(output.sample, output.channel, output.time, strict=True):
        same = sorted(hit for hit in left if hit[:2] == (s, c))
        if same:
            expected += float(t - same[0][2]) ** 2 / STEPS**2
            left.remove(same[0])
    assert published_timing(output, target) == pytest.approx(expected)


def test_only_our_timing_has_a_gradient():
    torch.manual_seed(0)
    network, target = published_network((CHANNELS, 8, CHANNELS)), trains(5)
    for name, has in (("published_timing", False), ("van_rossum", True), ("chamfer", True)):
        loss = SpikeLoss(name)
        terms = loss(run(network, trains(4, 150), target, loss.distances), target)
        assert terms["count"].total.requires_grad
        assert terms["timing"].total.requires_grad is has


@pytest.mark.parametrize("name", ["van_rossum", "chamfer"])
def test_timing_teaches_when_to_fire(name):
    # Hits at bins 10 and 16 on two crystals; the neuron fires at the first, the target is at the second.
    hits = SpikeTrains.from_arrays(np.zeros(2, int), np.array([10, 16]), np.array([0, 1]), samples=1, steps=60, channels=2)
    network, target = published_network((2, 1)), single(16, 60)
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.5, 0.5]]))
        network[0].bias.zero_()
    loss = SpikeLoss(name, weight=1.0, tau=3.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    assert run(network, hits).spikes.time.tolist() == [10]
    for step in range(100):
        terms = loss(run(network, hits, target, loss.distances), target)
        if step == 0:
            # The count is right: without its timing nothing would be learned.
            assert not torch.autograd.grad(terms["count"].total, network[0].weight, retain_graph=True)[0].any()
        optimizer.zero_grad()
        sum(term.weight * term.total / term.count for term in terms.values()).backward()
        optimizer.step()
    assert run(network, hits).spikes.time.tolist() == [16]


def test_partners_are_opposite():
    table = opposite_crystals(8, 3, 1)
    # Crystal 2 of ring 0: opposite are crystals 5, 6, 7 of rings 2 and 1; ring 3 does not exist.
    assert set(table[2]) == {-1, *(8 * ring + place for ring in (1, 2) for place in (5, 6, 7))}
    pairs = {(a, b) for a, row in enumerate(table) for b in row if b >= 0}
    assert pairs == {(b, a) for a, b in pairs}
    hits = SpikeTrains.from_arrays(np.zeros(2, int), np.array([4, 4]), np.array([2, 3]), samples=1, steps=9, channels=24)
    dense = with_partners(hits, table).dense()[4, 0]
    assert np.flatnonzero(dense[:24]).tolist() == [2, 3]
    # Crystal 6 of ring 2 may be the partner of both.
    assert dense[24 + 8 * 2 + 6] == pytest.approx(0.2)
    assert dense[24:].sum() == pytest.approx(0.1 * 12)


def test_amplitudes_of_hints_reach_the_network():
    hits = replace(single(3, 9), value=np.array([0.5], dtype=np.float32))
    network = published_network((1, 1))
    with torch.no_grad():
        network[0].weight.fill_(2.5)
        network[0].bias.zero_()
    assert run(network, hits).spikes.time.tolist() == [3]
