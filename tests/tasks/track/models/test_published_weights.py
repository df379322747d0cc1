"""Published weights are read by their keys, from torch and safetensors files."""

from __future__ import annotations

import pickle
import random

import pytest
import torch
from safetensors.torch import save_file

from pphysml.config import load
from pphysml.errors import ModelError
from pphysml.registry import get_task
from pphysml.tasks.track.config.model import ModelConfig
from pphysml.tasks.track.models.build import build_network
from pphysml.tasks.track.models.hit_graph import HitGraph
from pphysml.tasks.track.models.line_graph import LineGraph
from pphysml.tasks.track.models.published_weights import load_published, published_name
from pphysml.training.start import start_from

NETWORKS = {"line-graph": LineGraph, "hit-graph": HitGraph}


def published(name, prefix=""):
    """Return a state dictionary as torch writes it for batch normalisations of its own."""
    torch.manual_seed(3)
    sizes = {"line-graph": {"R1": (144, 16, 16), "O": (24, 16, 16), "R2": (16, 16, 1)},
             "hit-graph": {"R1": (11, 64, 64), "O": (68, 64, 64), "R2": (192, 64, 1)}}[name]
    weights = {}
    for part, (inputs, hidden, outputs) in sizes.items():
        nn = torch.nn
        layers = [nn.BatchNorm1d(inputs), nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.BatchNorm1d(hidden), nn.Linear(hidden, hidden),
                  nn.LeakyReLU(), nn.BatchNorm1d(hidden), nn.Linear(hidden, outputs)]
        layers += [nn.LeakyReLU(), nn.BatchNorm1d(outputs)] if part == "O" else []
        module = nn.Sequential(*layers)
        module(10 * torch.randn(50, inputs))
        weights |= {f"{prefix}{part}.layers.{key}": value.detach().clone() for key, value in module.state_dict().items()}
    return weights


def hits():
    random = torch.Generator().manual_seed(0)
    batch = {k: torch.randn(12, generator=random) for k in ("x", "y", "edep")}
    batch |= {"z": torch.arange(12) * 5.5, "cluster_size": torch.arange(12) + 2.0, "spot_x": torch.zeros(12), "spot_y": torch.zeros(12)}
    return batch | {"deep": torch.arange(1, 12), "shallow": torch.arange(11)}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "network."])
def test_weights_are_read(tmp_path, name, suffix, prefix):
    path, weights = tmp_path / f"weights{suffix}", published(name, prefix)
    save_file(weights, path) if suffix == ".safetensors" else torch.save(weights, path)
    network = NETWORKS[name](ModelConfig(published_defects=True))
    load_published(network, path)
    assert published_name(path) == name
    for key, value in network.state_dict().items():
        assert torch.equal(value, weights[prefix + key])


def test_hit_graph_without_defects_answers_the_same(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": published("hit-graph")}, path)
    networks = [HitGraph(ModelConfig(published_defects=d)).eval() for d in (False, True)]
    for network in networks:
        load_published(network, path)
    with torch.no_grad():
        fixed, defect = (network(hits()) for network in networks)
    assert (torch.sigmoid(fixed) - defect).abs().max() < 1e-2 * defect.std()


def test_what_does_not_fit_is_named(tmp_path):
    path, weights = tmp_path / "weights.pt", published("line-graph")
    del weights["O.layers.4.bias"]
    weights["R1.layers.1.weight"] = torch.zeros(16, 80)
    weights["R2.layers.11.weight"] = torch.zeros(3)
    weights["R2.layers.7.bias"] = torch.tensor([float("nan")])
    torch.save(weights, path)
    with pytest.raises(ModelError) as caught:
        load_published(LineGraph(ModelConfig()), path)
    for part in (str(path), "missing: O.layers.4.bias", "unexpected: R2.layers.11.weight", "R1.layers.1.weight", "(16, 80)", "(16, 144)",
                 "R2.layers.7.bias is not finite"):
        assert part in str(caught.value)
    with pytest.raises(ModelError, match="neither"):
        published_name(path)


def test_the_other_network_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(published("hit-graph"), path)
    network = LineGraph(ModelConfig())
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(ModelError, match="more"):
        load_published(network, path)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


@pytest.mark.parametrize("content", ["pickle", "bomb", "text", "list", "other"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "weights.pt"
    if content == "pickle":
        path.write_bytes(pickle.dumps(Bomb(), protocol=2))
    elif content == "text":
        path.write_text("not weights")
    else:
        torch.save({"bomb": Bomb(), "list": [torch.zeros(1)], "other": {"a": torch.zeros(1)}}[content], path)
    with pytest.raises(ModelError, match=r"weights\.pt"):
        load_published(LineGraph(ModelConfig()), path)


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(ModelError, match="no such"):
        load_published(LineGraph(ModelConfig()), tmp_path / "nothing.pt")
    (tmp_path / "half.safetensors").write_bytes(b"\0\1")
    with pytest.raises(ModelError, match="safetensors"):
        load_published(LineGraph(ModelConfig()), tmp_path / "half.safetensors")


@pytest.mark.parametrize("preset", ["line-graph", "hit-graph"])
def test_training_starts_from_published_weights(tmp_path, preset):
    task = get_task("track")
    config = load(task.config_class, task.presets, preset)
    torch.manual_seed(3)
    published, network = build_network(config), build_network(config)
    torch.save(published.state_dict(), tmp_path / "published.pt")
    start_from(network, str(tmp_path / "published.pt"), task, task.config_class())
    assert torch.equal(network.R1.layers[1].weight, published.R1.layers[1].weight)
    ours = build_network(load(task.config_class, task.presets, "quick"))
    with pytest.raises(ModelError, match=f"need the preset {preset}"):
        start_from(ours, str(tmp_path / "published.pt"), task, task.config_class())


@pytest.mark.parametrize("change", [
    lambda v: v.to(torch.int64), lambda v: v.double(), lambda v: v.bfloat16(), lambda v: v.bool(), lambda v: v.to(torch.complex64), lambda v: v.to("meta"), lambda v: v.to_sparse(),
])
def test_weights_of_another_type_are_refused(tmp_path, change):
    path, weights = tmp_path / "weights.pt", published("line-graph")
    key = "R1.layers.1.weight"
    torch.save({**weights, key: change(weights[key])}, path)
    with pytest.raises(ModelError, match=rf"does not fit the network: {key} is torch\.\w+ torch\.\w+ on \w+ in place of torch.float32"):
        load_published(LineGraph(ModelConfig()), path)


def test_names_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({**published("line-graph"), 3: torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="is not a state dictionary of tensors by name"):
        load_published(LineGraph(ModelConfig()), path)


def test_damaged_files_are_refused_or_read_as_they_were(tmp_path):
    """Flipped bits and cuts, drawn; torch itself reads other weights from half of them."""
    path = tmp_path / "weights.pt"
    torch.save(published("line-graph"), path)
    whole, clean = path.read_bytes(), LineGraph(ModelConfig())
    load_published(clean, path)
    rng = random.Random(1)
    refused = 0
    for _ in range(60):
        place = rng.randrange(len(whole))
        path.write_bytes(whole[:place] + rng.choice([b"", bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :]]))
        network = LineGraph(ModelConfig())
        try:
            load_published(network, path)
        except ModelError as error:
            refused += str(path) in str(error)
            continue
        assert all(torch.equal(value, clean.state_dict()[key]) for key, value in network.state_dict().items())
    assert refused > 40
