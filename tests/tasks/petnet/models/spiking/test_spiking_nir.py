"""The neuromorphic representation: there and back, and what its nodes say by themselves."""

from __future__ import annotations

import numpy as np
import pytest
import snntorch
import torch

from pphysml.errors import InputError
from pphysml.registry import get_task
from pphysml.tasks.petnet.models.spiking.nir_export import from_nir, to_nir

from .spiking_examples import network, random_trains, readme_code, run

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


def in_snntorch(theirs, trains):
    found, state = [], None
    for row in torch.from_numpy(trains.dense()):
        row, state = theirs(row, state)
        found.append(row.detach().numpy())
    return np.stack(found)


@pytest.mark.parametrize("seed", range(3))
def test_the_importer_of_snntorch_finds_the_spikes_with_what_the_readme_gives_it_only(seed, tmp_path, monkeypatch):
    ours, trains = network(seed, (12, 20, 9)), random_trains(seed)
    expected = run(ours, trains).spikes.dense()
    nir.write(tmp_path / "network.nir", to_nir(ours, "lif"))
    monkeypatch.chdir(tmp_path)
    names = {"hits": torch.from_numpy(trains.dense())}
    exec(readme_code("import_from_nir"), names)
    assert expected.sum() > 50 and np.array_equal(torch.stack(names["spikes"]).detach().numpy(), expected)
    # Every part of it is needed; the importer by itself finds other spikes.
    read = pytest.importorskip("snntorch.import_nir").import_from_nir
    assert not np.array_equal(in_snntorch(read(nir.read("network.nir")), trains), expected)
    for option in ("reset", "delay"):
        theirs = read(nir.read("network.nir"))
        for leaky in theirs.modules():
            if isinstance(leaky, snntorch.Leaky) and option == "reset":
                leaky.reset_mechanism, leaky.state_function = "subtract", leaky._base_sub
            elif isinstance(leaky, snntorch.Leaky):
                leaky.reset_delay = True
        assert not np.array_equal(in_snntorch(theirs, trains), expected), option


def test_files_say_what_a_program_must_do(tmp_path):
    ours = network(3, (12, 9))
    for style, words in (("lif", ("import_from_nir", "reset_mechanism", "state_function", "reset_delay", "step / tau")), ("exact", ("step / tau", "Scale(-1)", "cycles"))):
        nir.write(tmp_path / "network.nir", to_nir(ours, style))
        graph = nir.read(tmp_path / "network.nir")
        said = graph.metadata["importing"]
        assert all(word in said for word in words) and said == get_task("petnet").exports["nir" if style == "lif" else "nir-exact"].note
        assert graph.nodes["1"].tau == pytest.approx(graph.metadata["step"] / (1 - ours[1].beta.item()))
    lif = to_nir(ours, "lif").nodes["1"]
    assert lif.metadata == {"reset": "subtract", "reset_delay": True}
    with pytest.raises(ValueError, match="LI"):
        pytest.importorskip("snntorch.import_nir").import_from_nir(to_nir(ours, "exact"))


def test_the_own_defaults_of_nirtorch_lose_biases():
    nirtorch, ours, trains = pytest.importorskip("nirtorch"), network(3, (12, 20, 9)), random_trains(3)
    maps = {nir.LIF: lambda node: snntorch.Leaky(float(1 - 1e-4 / node.tau[0]), init_hidden=True)}
    expected = run(ours, trains).spikes.dense()
    assert not np.array_equal(in_snntorch(nirtorch.nir_to_torch(to_nir(ours, "lif"), maps), trains), expected)

    def linear(node):
        made = torch.nn.Linear(*node.weight.T.shape)
        made.weight.data, made.bias.data = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
        return made

    assert np.array_equal(in_snntorch(nirtorch.nir_to_torch(to_nir(ours, "lif"), {**maps, nir.Affine: linear}), trains), expected)


def test_networks_without_nodes_are_refused():
    with pytest.raises(InputError, match=r"no nodes in NIR: layer 1 is snntorch\.Leaky with reset_delay=False"):
        to_nir(torch.nn.Sequential(torch.nn.Linear(3, 2), snntorch.Leaky(0.9, reset_delay=False)))


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
