"""Layers of spiking neurons on lists of events against snntorch, bin by bin, and what follows from the equations."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from pphysml.errors import InputError
from pphysml.tasks.petnet.models.spiking.accelerate import accelerate
from pphysml.tasks.petnet.models.spiking.distances import VanRossum
from pphysml.tasks.petnet.models.spiking.lif import lif_stack
from pphysml.tasks.petnet.models.spiking.published import published_network
from pphysml.tasks.petnet.models.spiking.trains import SpikeTrains

from .spiking_examples import dense_spikes, network, random_trains, run


def trains_of(time, channel, *, steps=40, channels=1):
    zero = np.zeros(len(time), dtype=int)
    return SpikeTrains.from_arrays(zero, np.array(time, int), np.array(channel, int), samples=1, steps=steps, channels=channels)


def neuron(weight, beta=0.95, bias=None):
    b = None if bias is None else torch.tensor([bias])
    return [(torch.tensor([[weight]]), b, torch.tensor(beta))]


@pytest.mark.parametrize("sizes", [(12, 9), (12, 20, 9), (12, 20, 17, 9), (400, 30, 12)])
@pytest.mark.parametrize("seed", range(3))
def test_spikes_and_gradients_are_those_of_snntorch(sizes, seed):
    ours, trains = network(seed, sizes), random_trains(seed, channels=sizes[0], events=40 * sizes[0])
    theirs = deepcopy(ours)
    expected = dense_spikes(theirs, trains)
    found = lif_stack(trains, accelerate(ours).layers(), dense=True)
    assert expected.sum() > 50
    assert torch.equal(found.dense, expected)
    assert torch.equal(found.counts, expected.sum(0))
    # Any function of the spikes: its gradient differs in every bin.
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(seed))
    ((expected * weight).sum() + (expected.sum(0) ** 2).sum()).backward()
    ((found.dense * weight).sum() + (found.counts**2).sum()).backward()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.linalg.norm(mine.grad - other.grad) < 1e-5 * torch.linalg.norm(other.grad), name


def test_gradients_where_most_counts_are_right():
    # Outputs without a gradient are left out, which must not show.
    ours, trains = network(3, (12, 20, 30)), random_trains(3)
    theirs = deepcopy(ours)
    expected = dense_spikes(theirs, trains).sum(0)
    target = expected.detach().clone()
    target[1, 4] += 2
    target[2, 7] -= 1
    ((expected - target) ** 2).sum().backward()
    ((run(ours, trains).counts - target) ** 2).sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.linalg.norm(mine.grad - other.grad) < 1e-5 * torch.linalg.norm(other.grad)


def test_a_batch_is_its_samples_and_threads_change_nothing():
    ours, trains, target = network(1, (12, 20, 9)), random_trains(1, samples=7), random_trains(2, samples=7, channels=9)
    distance = (VanRossum(4.0),)

    def of_samples(samples, threads):
        ours.zero_grad()
        found = run(ours, trains.take(samples), target.take(samples), distance, threads)
        (found.distances[0].sum() + (found.counts**2).sum()).backward()
        return found.spikes.dense(), [p.grad for p in ours.parameters()]

    every = np.arange(7)
    spikes, gradients = of_samples(every, 1)
    parts = [of_samples(every[i : i + 1], 1) for i in every]
    assert np.array_equal(spikes, np.concatenate([part[0] for part in parts], axis=1))
    for threads in (2, 3):
        again = of_samples(every, threads)
        assert np.array_equal(spikes, again[0])
        for one, other, single in zip(gradients, again[1], zip(*(part[1] for part in parts), strict=True), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(one, sum(single), rtol=1e-4, atol=1e-4)


def test_chunks_of_the_backward_pass_change_nothing(monkeypatch):
    ours, trains = network(5, (12, 20, 9)), random_trains(5, samples=9)
    found = []
    for size in (1, 1 << 30):
        monkeypatch.setattr("pphysml.tasks.petnet.models.spiking.lif_backward.CHUNK_BYTES", size)
        ours.zero_grad()
        (run(ours, trains).counts ** 2).sum().backward()
        found.append([p.grad for p in ours.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_silence():
    silent = trains_of([], [])
    assert len(lif_stack(silent, neuron(5.0)).spikes.time) == 0
    # A bias alone: m_t = b (1 - beta^(t + 1)) / (1 - beta) until it passes 1.
    driven = lif_stack(silent, neuron(5.0, 0.9, 0.15)).spikes.time
    t = np.arange(40)
    assert driven[0] == t[0.15 * (1 - 0.9 ** (t + 1)) / 0.1 > 1][0]
    ours = network(0, (12, 9))
    nothing = random_trains(0, events=0)
    run(ours, nothing).counts.sum().backward()
    assert torch.count_nonzero(ours[0].weight.grad) == 0
    assert torch.count_nonzero(ours[0].bias.grad) > 0


@pytest.mark.parametrize("weight, spikes", [(1.0, []), (1.01, [7]), (2.5, [7, 8]), (-3.0, [])])
def test_one_event(weight, spikes):
    # After 2.5: 0.95 * 2.5 - 1 = 1.375 fires again, 0.95 * 1.375 - 1 = 0.306 does not. The threshold itself is not passed.
    assert lif_stack(trains_of([7], [0]), neuron(weight)).spikes.time.tolist() == spikes


def test_gradient_of_one_event_is_the_surrogate():
    # One event of weight w at bin 7 and the loss S_7: dS/dw = 1 / (1 + (pi (w - 1))^2), beta has no effect yet.
    layers = neuron(0.7)
    parameters = [layers[0][0].requires_grad_(), layers[0][2].requires_grad_()]
    lif_stack(trains_of([7], [0]), layers, dense=True).dense[7].sum().backward()
    assert parameters[0].grad.item() == pytest.approx(1 / (1 + (np.pi * 0.3) ** 2), rel=1e-6)
    assert parameters[1].grad.item() == 0


def test_saturated_input_fires_in_every_bin():
    steps, channels = 30, 5
    time, channel = (index.ravel() for index in np.indices((steps, channels)))
    trains = trains_of(time, channel, steps=steps, channels=channels)
    found = lif_stack(trains, [(torch.ones(4, channels), None, torch.tensor(0.9))])
    assert torch.equal(found.counts, torch.full((1, 4), float(steps)))


def test_events_of_one_bin_add_up():
    twice = trains_of([3, 3, 9], [0, 0, 0])
    assert twice.value.tolist() == [2, 1]
    assert np.array_equal(SpikeTrains.from_dense(twice.dense()).dense(), twice.dense())
    assert twice.counts().tolist() == [[3]]
    assert lif_stack(twice, neuron(0.6)).spikes.time.tolist() == [3]


def test_refused():
    with pytest.raises(InputError, match="time outside"):
        trains_of([40], [0])
    with pytest.raises(InputError, match="1 channels"):
        run(published_network((3, 2)), trains_of([1], [0]))
