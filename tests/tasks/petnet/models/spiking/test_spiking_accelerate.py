"""Networks written with snntorch: what the compiled kernels take, with the same spikes and gradients, and what runs in snntorch instead."""

from __future__ import annotations

import numpy as np
import pytest
import snntorch
import torch
from snntorch import surrogate
from snntorch.functional import quant
from torch import nn

from pphysml.errors import ConfigError, InputError
from pphysml.tasks.petnet.models.spiking.accelerate import Accelerated, accelerate
from pphysml.tasks.petnet.models.spiking.distances import Chamfer, VanRossum
from pphysml.tasks.petnet.models.spiking.losses import SpikeLoss
from pphysml.tasks.petnet.models.spiking.published import published_network
from pphysml.tasks.petnet.models.spiking.spike_network import SpikeNetwork
from pphysml.tasks.petnet.models.spiking.stepping import Stepped
from pphysml.tasks.petnet.models.spiking.trains import SpikeTrains

from .spiking_examples import GRID, network, random_trains, run

K, N, C = 12, 15, 7


def on_grid(module, scale=3.0):
    """Make weights multiples of GRID, so that sums of them have no rounding in any order."""
    with torch.no_grad():
        for name, p in module.named_parameters():
            if name.endswith(("weight", "bias")):
                p.copy_(torch.round(scale * p / GRID) * GRID)
    return module.eval()


def chain(*neurons, between=()):
    torch.manual_seed(1)
    first, last = neurons if len(neurons) == 2 else (neurons[0], snntorch.Leaky(0.9))
    return on_grid(nn.Sequential(nn.Linear(K, N), first, *between, nn.Linear(N, C), last))


def leaves(module):
    return [leaf for part in module for leaf in leaves(part)] if isinstance(module, nn.Sequential) else [module]


def by_hand(module, dense):
    """Spikes of a chain, bin by bin, with all states in this function; those of `init_hidden` stay in the neurons."""
    layers = leaves(module)
    states = {}
    for i, layer in enumerate(layers):
        if isinstance(layer, snntorch.SpikingNeuron):
            state = layer.reset_mem()
            states[i] = () if layer.init_hidden else state if isinstance(state, tuple) else (state,)
    found = []
    for row in dense:
        for i, layer in enumerate(layers):
            out = layer(row, *states.get(i, ()))
            out = out if isinstance(out, tuple) else (out,)
            row = out[0]
            if states.get(i):
                # Recurrent neurons want their spikes again, too.
                states[i] = out[-len(states[i]):]
        found.append(row)
    for layer in layers:
        if isinstance(layer, snntorch.SpikingNeuron):
            layer.reset_mem()
    return torch.stack(found)


def gradients(module, loss):
    module.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def assert_equal_gradients(one, other):
    assert one.keys() == other.keys() and one
    largest = max(g.abs().max() for g in other.values())
    assert largest > 0
    for name, gradient in one.items():
        assert (gradient - other[name]).abs().max() < 1e-5 * largest, name


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def with_hook():
    made = chain(snntorch.Leaky(0.9))
    made[2].register_forward_hook(lambda layer, args, out: 0.5 * out)
    return made


def one_neuron_twice():
    leaky = snntorch.Leaky(0.9)
    torch.manual_seed(1)
    return on_grid(nn.Sequential(nn.Linear(K, N), leaky, nn.Linear(N, N), leaky))


ACCELERATED = {
    "published": lambda: on_grid(published_network((K, N, C), 0.9)),
    "three layers": lambda: on_grid(published_network((K, N, N, C), 0.9)),
    "one layer without bias": lambda: on_grid(nn.Sequential(nn.Linear(K, C, bias=False), snntorch.Leaky(0.8, learn_beta=True))),
    "hidden states": lambda: chain(snntorch.Leaky(0.9, init_hidden=True), snntorch.Leaky(0.7, init_hidden=True, output=True)),
    "nested": lambda: on_grid(nn.Sequential(nn.Sequential(nn.Linear(K, N), nn.Sequential(snntorch.Leaky(0.9))), nn.Sequential(nn.Linear(N, C, bias=False), snntorch.Leaky(0.8, init_hidden=True)))),
    "beta of one element": lambda: chain(snntorch.Leaky(torch.tensor([0.9]), learn_beta=True)),
    "beta above 1": lambda: chain(snntorch.Leaky(1.3, learn_beta=True)),
    "beta as a whole number": lambda: chain(snntorch.Leaky(1)),
    "beta of numpy": lambda: chain(snntorch.Leaky(np.float64(0.9))),
    "arc tangent by name": lambda: chain(snntorch.Leaky(0.9, spike_grad=surrogate.atan(alpha=2.0))),
}

STEPPED = {
    "1 is snntorch.Synaptic,": lambda: chain(snntorch.Synaptic(0.8, 0.9)),
    "1 is snntorch.RLeaky,": lambda: chain(snntorch.RLeaky(0.9, linear_features=N)),
    "3 is snntorch.RSynaptic,": lambda: chain(snntorch.Leaky(0.9), snntorch.RSynaptic(0.8, 0.9, linear_features=C, init_hidden=True)),
    "1 is snntorch.Lapicque,": lambda: chain(snntorch.Lapicque(0.9)),
    "1 is snntorch.Alpha,": lambda: on_grid(chain(snntorch.Alpha(0.9, 0.8))),
    "3 is snntorch.Leaky with another reset": lambda: chain(snntorch.Leaky(0.9), snntorch.Leaky(0.9, reset_mechanism="zero")),
    "1 is snntorch.Leaky with another reset": lambda: chain(snntorch.Leaky(0.9, reset_mechanism="none")),
    "1 is snntorch.Leaky with reset_delay=False": lambda: chain(snntorch.Leaky(0.9, reset_delay=False)),
    "1 is snntorch.Leaky with another threshold": lambda: chain(snntorch.Leaky(0.9, threshold=0.8)),
    "3 is snntorch.Leaky with another threshold": lambda: chain(snntorch.Leaky(0.9), snntorch.Leaky(0.9, learn_threshold=True)),
    "1 is snntorch.Leaky with another graded": lambda: chain(snntorch.Leaky(0.9, graded_spikes_factor=1.5)),
    "3 is snntorch.Leaky with another graded": lambda: chain(snntorch.Leaky(0.9), snntorch.Leaky(0.9, learn_graded_spikes_factor=True)),
    "1 is snntorch.Leaky with state_quant": lambda: chain(snntorch.Leaky(0.9, state_quant=quant.state_quant(num_bits=3))),
    "1 is snntorch.Leaky with a beta for each": lambda: chain(snntorch.Leaky(torch.linspace(0.5, 0.9, N), learn_beta=True)),
    "1 is snntorch.Leaky with beta in double": lambda: chain(snntorch.Leaky(torch.tensor([0.9], dtype=torch.float64), learn_beta=True)),
    "1 is snntorch.Leaky with another surrogate": lambda: chain(snntorch.Leaky(0.9, spike_grad=surrogate.fast_sigmoid())),
    "3 is snntorch.Leaky with another surrogate": lambda: chain(snntorch.Leaky(0.9), snntorch.Leaky(0.9, spike_grad=surrogate.atan(alpha=3.0))),
    "2 is torch.nn.Dropout,": lambda: chain(snntorch.Leaky(0.9), between=[nn.Dropout()]),
    "2 is torch.nn.BatchNorm1d,": lambda: chain(snntorch.Leaky(0.9), between=[nn.BatchNorm1d(N)]),
    "2.1 is torch.nn.ReLU,": lambda: chain(snntorch.Leaky(0.9), between=[nn.Sequential(nn.Linear(N, N), nn.ReLU())]),
    "1 is torch.nn.Linear in the place of Leaky": lambda: on_grid(nn.Sequential(nn.Linear(K, N), nn.Linear(N, C), snntorch.Leaky(0.9))),
    "0 is snntorch.Leaky in the place of Linear": lambda: on_grid(nn.Sequential(snntorch.Leaky(0.9), nn.Linear(K, C), snntorch.Leaky(0.9))),
    "2 is torch.nn.Linear with hooks": with_hook,
    f"0 is {__name__}.Doubled,": lambda: on_grid(nn.Sequential(Doubled(K, C), snntorch.Leaky(0.9))),
}


@pytest.mark.parametrize("name", ACCELERATED)
def test_the_kernels_give_the_spikes_and_gradients_of_snntorch(name):
    torch.manual_seed(2)
    made, trains, target = ACCELERATED[name](), random_trains(4), random_trains(5, channels=C)
    assert isinstance(accelerate(made), Accelerated) and SpikeNetwork(made).reason is None
    dense = by_hand(made, torch.from_numpy(trains.dense()))
    found = run(made, trains)
    assert dense.sum() > 50 and np.array_equal(found.spikes.dense(), dense.detach().numpy()) and torch.equal(found.counts, dense.sum(0))
    wrong = torch.from_numpy(target.counts())
    assert_equal_gradients(gradients(made, ((found.counts - wrong) ** 2).sum()), gradients(made, ((dense.sum(0) - wrong) ** 2).sum()))


@pytest.mark.parametrize("name", STEPPED)
def test_what_the_kernels_do_not_compute_runs_in_snntorch_and_says_so(name):
    torch.manual_seed(2)
    made, trains = STEPPED[name](), random_trains(4)
    assert SpikeNetwork(made).reason.startswith(f"layer {name}")
    assert SpikeNetwork(made).reason.endswith("which the compiled kernels do not compute: the network runs in snntorch, step by step")
    dense = by_hand(made, torch.from_numpy(trains.dense()))
    found = run(made, trains)
    assert dense.sum() > 20 and np.array_equal(found.spikes.dense(), dense.detach().numpy()) and torch.equal(found.counts, dense.sum(0))
    assert_equal_gradients(gradients(made, (found.counts**2).sum()), gradients(made, (dense.sum(0) ** 2).sum()))


@pytest.mark.filterwarnings("ignore:Inhibition")
def test_inhibition_and_disabled_gradients_run_in_snntorch():
    trains = random_trains(4)
    made = chain(snntorch.Leaky(0.9, inhibition=True))
    assert "1 is snntorch.Leaky with inhibition" in SpikeNetwork(made).reason
    assert np.array_equal(run(made, trains).spikes.dense(), by_hand(made, torch.from_numpy(trains.dense())).detach().numpy())
    assert "another surrogate" in SpikeNetwork(chain(snntorch.Leaky(0.9, surrogate_disable=True))).reason


def test_one_neuron_in_two_places_keeps_its_one_membrane():
    made, trains = one_neuron_twice(), random_trains(4)
    assert "layer 3 is layer 1 once more" in SpikeNetwork(made).reason
    made[1].reset_mem()
    rows = []
    for row in torch.from_numpy(trains.dense()):
        for layer in made:
            row = layer(row)[0] if layer is made[1] else layer(row)
        rows.append(row)
    assert np.array_equal(run(made, trains).spikes.dense(), torch.stack(rows).detach().numpy())


def test_weights_in_double_precision_are_not_taken_for_single_ones():
    assert SpikeNetwork(chain(snntorch.Leaky(0.9)).double()).reason.startswith("layer 0 is torch.nn.Linear with weights of torch.float64")


def test_a_state_that_is_loaded_later_counts():
    made = published_network((K, C))
    assert SpikeNetwork(made).reason is None
    made.load_state_dict(made.state_dict() | {"1.threshold": torch.tensor(2.0)})
    assert "another threshold" in SpikeNetwork(made).reason


@pytest.mark.parametrize("name", ["count", "published_timing", "van_rossum", "chamfer"])
@pytest.mark.parametrize("sizes", [(K, N, C), (K, N, N, C)])
def test_every_loss_is_the_same_in_the_kernels_and_in_snntorch(name, sizes):
    made, trains, target = network(2, sizes), random_trains(2, events=150), random_trains(7, channels=C, events=40)
    loss = SpikeLoss(name, 0.5, 4.0, 9.0)
    values, slopes = [], []
    for form in (accelerate(made), Stepped(made, "to compare")):
        terms = loss(form(trains, target, loss.distances), target)
        values.append([term.total.item() for term in terms.values()])
        slopes.append(gradients(made, sum(term.weight * term.total / term.count for term in terms.values())))
    assert values[0] == pytest.approx(values[1], rel=1e-5) and min(values[0]) > 0
    assert_equal_gradients(*slopes)


class Recurrent(nn.Module):
    """Hidden neurons that also see the outputs of the bin before, as a user may write it."""

    def __init__(self):
        super().__init__()
        self.inward, self.back, self.outward = nn.Linear(K, N), nn.Linear(C, N), nn.Linear(N, C)
        self.hidden, self.output = snntorch.Leaky(0.9), snntorch.Leaky(0.8, init_hidden=True)

    def forward(self, spikes):
        membrane, found = self.hidden.reset_mem(), [spikes.new_zeros(spikes.shape[1], C)]
        for row in spikes:
            row, membrane = self.hidden(self.inward(row) + self.back(found[-1]), membrane)
            found.append(self.output(self.outward(row)))
        return torch.stack(found[1:])


def test_a_network_of_the_users_own_is_called_with_all_spikes():
    torch.manual_seed(3)
    made, trains, target, tau = on_grid(Recurrent()), random_trains(3), random_trains(8, channels=C, events=30), 4.0
    assert SpikeNetwork(made).reason == f"the network is {__name__}.Recurrent, a module of its own, which the compiled kernels do not compute: the network runs in snntorch, step by step"
    first, again = (run(made, trains, target, (VanRossum(tau), Chamfer(9.0, 2.0))) for _ in range(2))
    assert made.output.mem.grad_fn is None and not made.output.mem.any(), "what was computed is kept"
    dense = made(torch.from_numpy(trains.dense()))
    assert made.output.mem.any() and np.array_equal(first.spikes.dense(), run(made, trains).spikes.dense()), "neurons begin where somebody left them"
    assert dense.sum() > 50 and np.array_equal(first.spikes.dense(), dense.detach().numpy())
    assert np.array_equal(first.spikes.dense(), again.spikes.dense()), "the output neurons remember the call before"
    # The distance by its definition, in operations that torch differentiates.
    residual, total = torch.zeros(dense.shape[1:]), torch.zeros(dense.shape[1:])
    for difference in dense - torch.from_numpy(target.dense()):
        residual = np.exp(-1 / tau) * residual + difference
        total = total + residual**2 / tau
    assert torch.allclose(first.distances[0], total, rtol=1e-5)
    weight = torch.rand(total.shape, generator=torch.Generator().manual_seed(1))
    assert_equal_gradients(gradients(made, (first.distances[0] * weight).sum()), gradients(made, (total * weight).sum()))


class Backwards(nn.Sequential):
    def forward(self, spikes):
        return spikes.flip(0)


def test_a_chain_with_a_forward_of_its_own_is_no_chain():
    made, trains = Backwards(nn.Linear(K, K), snntorch.Leaky(0.9)), random_trains(3)
    assert SpikeNetwork(made).reason.startswith(f"the network is {__name__}.Backwards, a module of its own")
    assert np.array_equal(run(made, trains).spikes.dense(), trains.dense()[::-1])


class Forgotten(nn.Module):
    """Neurons whose state nobody can reset."""

    def forward(self, x):
        return (x > 1).float()


class WithReset(Forgotten):
    def reset_mem(self):
        self.calls = 0


class Returns(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, spikes):
        return self.change(spikes)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: nn.Sequential(nn.Linear(K, C), Forgotten()), rf"^Layer 1 of the network, {__name__}\.Forgotten, .*reset_mem"),
    (lambda: nn.Sequential(nn.Linear(K, C), snntorch.StateLeaky(0.9, C)), r"^Layer 1 of the network, snntorch\.StateLeaky, .*reset_mem"),
    (lambda: nn.Sequential(nn.Linear(K, C), snntorch.Leaky(0.9), nn.RNN(C, C), snntorch.Leaky(0.9)), r"^Layer 2 of the network, torch\.nn\.RNN, .* returned a tuple"),
    (lambda: nn.Sequential(nn.Linear(K, C), snntorch.Leaky(0.9), nn.Linear(C, C)), r"^Layer 2 of the network, torch\.nn\.Linear, is its last one and does not spike"),
    (lambda: chain(snntorch.Leaky(0.9)).double(), r"Layer 0 of the network, torch.nn.Linear, cannot take spikes .*same dtype"),
    (lambda: nn.Sequential(), r"^The network has no layers"),
    (lambda: nn.Sequential(nn.Linear(K + 1, C), nn.ReLU(), snntorch.Leaky(0.9)), rf"Layer 0 of the network, torch\.nn\.Linear, cannot take spikes \(\d+, {K}\)"),
    (lambda: Returns(lambda s: (s, s)), rf"^{__name__}\.Returns .* returned a tuple"),
    (lambda: Returns(lambda s: s[0]), r"\(bins, samples, channels\), here \(60, 3, any\), and returned one of \(3, 12\)"),
    (lambda: Returns(lambda s: s.sum(2)), r"returned one of \(60, 3\)"),
    (lambda: Returns(lambda s: s[1:]), r"returned one of \(59, 3, 12\)"),
])
def test_what_cannot_be_run_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        run(make(), random_trains(0))


def test_a_neuron_of_the_users_own_with_a_reset_is_taken():
    found = run(on_grid(nn.Sequential(nn.Linear(K, C), WithReset())), random_trains(0))
    assert len(found.spikes.time) > 20


@pytest.mark.parametrize("form", [accelerate, lambda module: Stepped(module, "to compare")])
def test_a_target_of_another_shape_is_refused(form):
    made, trains, distance = network(1, (K, C)), random_trains(1), (VanRossum(4.0),)
    with pytest.raises(InputError, match="need a target"):
        form(made)(trains, None, distance)
    for others in ({"channels": C + 1}, {"channels": C, "samples": 2}, {"channels": C, "steps": 59}):
        with pytest.raises(InputError, match="the target"):
            form(made)(trains, random_trains(1, **others), distance)


@pytest.mark.parametrize("form", [accelerate, lambda module: Stepped(module, "to compare")])
def test_trains_without_events_without_samples_and_of_one_bin(form):
    made = form(network(1, (K, N, C)))
    with torch.no_grad():
        leaves(made.network if isinstance(made, Stepped) else nn.Sequential(*(part for pair in made.chain for part in pair)))[2].bias.fill_(0.3)
    # Without events it is the biases that charge the outputs: 0.3 (1 + beta + ...) > 1 in the fourth bin.
    silent = made(random_trains(1, events=0))
    assert silent.spikes.time.min() == 3
    assert made(random_trains(1, samples=3, events=0).take(np.arange(0))).counts.shape == (0, C)
    target = SpikeTrains.from_arrays(np.array([1]), np.array([0]), np.array([2]), samples=3, steps=1, channels=C)
    found = made(random_trains(1, steps=1, events=60), target, (VanRossum(2.0),))
    # In one bin it is (S - Y)^2 / tau.
    assert torch.allclose(found.distances[0], (torch.from_numpy(found.spikes.dense() - target.dense())[0] ** 2) / 2.0) and found.counts.sum() > 0
