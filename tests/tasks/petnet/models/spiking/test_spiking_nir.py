"""The neuromorphic representation: there and back, and what its nodes say by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.errors import InputError
from pphysml.tasks.petnet.models.spiking.nir_export import from_nir, to_nir

from .spiking_examples import network, random_trains, run

nir = pytest.importorskip("nir")


@pytest.mark.parametrize("style", ["exact", "lif"])
def test_round_trip_through_a_file(style, tmp_path):
    ours, trains = network(1, (12, 20, 9)), random_trains(1)
    nir.write(tmp_path / "network.nir", to_nir(ours, style))
    again = from_nir(nir.read(tmp_path / "network.nir"))
    for name, value in ours.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert np.array_equal(run(ours, trains).spikes.dense(), run(again, trains).spikes.dense())


def test_nodes_mean_the_network():
    # Every node by NIR's own equations, Euler steps in double precision; edges of a cycle deliver one step later.
    ours, trains = network(2, (12, 20, 9)), random_trains(2)
    step = 1e-3
    graph = to_nir(ours, "exact", step)
    spikes, dense = [], trains.dense().astype(float)
    v = {name: np.zeros((len(trains), len(node.tau))) for name, node in graph.nodes.items() if isinstance(node, nir.LI)}
    back = {name: np.zeros_like(value) for name, value in v.items()}
    for signal in dense:
        for name in ("0", "1", "2", "3"):
            node = graph.nodes[name]
            if isinstance(node, nir.Affine):
                signal = signal @ node.weight.T.astype(float) + node.bias
            else:
                v[name] = v[name] + step / node.tau * (node.v_leak - v[name] + node.r * (signal + back[name]))
                signal = (v[name] > graph.nodes[f"{name}_fire"].threshold).astype(float)
                back[name] = signal * graph.nodes[f"{name}_reset"].scale
        spikes.append(signal)
    assert np.array_equal(np.stack(spikes), run(ours, trains).spikes.dense())
    assert {(f"{n}_fire", f"{n}_reset") for n in "13"} | {(f"{n}_reset", n) for n in "13"} <= set(graph.edges)


def test_snntorch_reads_lif_nodes_and_needs_to_be_told_the_reset():
    snn = pytest.importorskip("snntorch")
    read = pytest.importorskip("snntorch.import_nir").import_from_nir
    ours, trains = network(3, (12, 20, 9)), random_trains(3)
    theirs = read(to_nir(ours, "lif"))
    neurons = [module for module in theirs.modules() if isinstance(module, snn.Leaky)]

    def spikes():
        for leaky in neurons:
            leaky.reset_mem()
        found, state = [], None
        for row in torch.from_numpy(trains.dense()):
            row, state = theirs(row, state)
            found.append(row.detach().numpy())
        return np.stack(found)

    expected = run(ours, trains).spikes.dense()
    assert not np.array_equal(spikes(), expected)
    for leaky in neurons:
        leaky.float()
        leaky.reset_mechanism, leaky.state_function, leaky.reset_delay = "subtract", leaky._base_sub, True
    assert np.array_equal(spikes(), expected)


def test_other_neurons_are_refused():
    ours = network(0, (12, 9))
    for style, change in (("lif", lambda g: g.nodes["1"].metadata.clear()),
                          ("lif", lambda g: setattr(g.nodes["1"], "v_threshold", 2 * g.nodes["1"].v_threshold)),
                          ("exact", lambda g: g.edges.remove(("1_reset", "1"))),
                          ("exact", lambda g: setattr(g.nodes["1_fire"], "threshold", 2 * g.nodes["1_fire"].threshold))):
        graph = to_nir(ours, style)
        change(graph)
        with pytest.raises(InputError):
            from_nir(graph)
    with torch.no_grad():
        ours[1].beta.fill_(1.0)
    with pytest.raises(InputError, match="do not leak"):
        to_nir(ours)


def test_a_gain_of_the_input_goes_into_the_weights():
    ours, trains = network(4, (12, 9)), random_trains(4)
    graph = to_nir(ours, "lif")
    graph.nodes["1"].r = 0.5 * graph.nodes["1"].r
    with torch.no_grad():
        ours[0].weight *= 0.5
        ours[0].bias *= 0.5
    assert np.array_equal(run(from_nir(graph), trains).spikes.dense(), run(ours, trains).spikes.dense())
