"""The two published networks against their definition, written out link by link."""

from __future__ import annotations

import copy
import math
from functools import cache

import numpy as np
import pytest
import torch

from pphysml.tasks.track.config.model import ModelConfig
from pphysml.tasks.track.models import triplet_messages
from pphysml.tasks.track.models.angle_encoding import frequencies
from pphysml.tasks.track.models.hit_graph import HitGraph, hit_features, spherical
from pphysml.tasks.track.models.line_graph import LineGraph, link_features

NETWORKS = {"line-graph": LineGraph, "hit-graph": HitGraph}
EVERY = pytest.mark.parametrize("name", NETWORKS)
HITS = ("x", "y", "z", "edep", "cluster_size", "spot_x", "spot_y", "frame")


@cache
def make_frame(seed, per_layer=6, n_layers=6):
    """Return hits of one frame by layers, and its links and triplets found pair by pair."""
    random = np.random.default_rng(seed)
    layer = np.repeat(np.arange(n_layers), per_layer)
    n = len(layer)
    hits = {"x": random.normal(0, 3, n), "y": random.normal(0, 3, n), "z": np.where(layer < 2, 52.4 * layer, 97.3 + 5.5 * layer),
            "edep": random.gamma(3, 0.03, n), "cluster_size": random.integers(2, 30, n).astype(float),
            "spot_x": np.zeros(n), "spot_y": np.zeros(n), "frame": np.zeros(n, dtype=int)}
    return with_links(hits, layer)


def with_links(hits, layer):
    position = np.stack([hits["x"], hits["y"], hits["z"]], 1)
    links = [(d, s) for d in range(len(layer)) for s in range(len(layer))
             if layer[d] == layer[s] + 1 and angle(position[d] - position[s], [0, 0, 1]) < (0.2 if layer[d] < 3 else 0.4)]
    pairs = [(i, o) for i, (b, _) in enumerate(links) for o, (_, shared) in enumerate(links) if shared == b]
    step = [position[d] - position[s] for d, s in links]
    deep, shallow = np.array(links).T
    edge_in, edge_out = np.array(pairs).reshape(-1, 2).T
    return as_tensors({**hits, "deep": deep, "shallow": shallow, "edge_in": edge_in, "edge_out": edge_out,
                       "theta": np.array([angle(step[i], step[o]) for i, o in pairs])})


def angle(a, b):
    return math.atan2(np.linalg.norm(np.cross(a, b)), np.dot(a, b))


def as_tensors(columns):
    return {k: torch.from_numpy(v.astype(np.float32) if v.dtype == np.float64 else v) for k, v in columns.items()}


def join(*frames):
    """Return one batch of several frames."""
    hits = np.cumsum([0] + [len(f["x"]) for f in frames])
    links = np.cumsum([0] + [len(f["deep"]) for f in frames])
    shift = {"frame": range(len(frames)), "deep": hits, "shallow": hits, "edge_in": links, "edge_out": links}
    return {k: torch.cat([f[k] + int(shift[k][i]) if k in shift else f[k] for i, f in enumerate(frames)]) for k in frames[0]}


def double(batch):
    return {k: v.double() if v.is_floating_point() else v for k, v in batch.items()}


def make(name, published_defects=False):
    """Return a network whose normalisations have seen something."""
    network = copy.deepcopy(used(name))
    network.published_defects = published_defects
    return network


@cache
def used(name):
    torch.manual_seed(0)
    network = NETWORKS[name](ModelConfig())
    for module in network.modules():
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    with torch.no_grad():
        for seed in range(100, 110):
            network(make_frame(seed, n_layers=4))
    return network.eval()


def definition(network, batch):
    """Return the logits with every message of every link written out, in the precision of the batch."""
    if isinstance(network, LineGraph):
        return line_graph_definition(network, batch)
    return hit_graph_definition(network, batch)


def line_graph_definition(network, batch):
    nodes = link_features(batch)
    rows, receivers = [], []
    for i, o, theta in zip(batch["edge_in"].tolist(), batch["edge_out"].tolist(), batch["theta"], strict=True):
        phase = theta.sqrt() * frequencies().to(theta.dtype)
        code = torch.stack([phase.sin(), phase.cos()], 1).flatten()
        for receiver, sender in ((i, o), (o, i)):
            rows.append(torch.cat([nodes[receiver], nodes[sender], code]))
            receivers.append(receiver)
    messages = strongest(network.R1(torch.stack(rows)), receivers, len(nodes), 16)
    return network.R2(network.O(torch.cat([nodes, messages], 1)))[:, 0]


def hit_graph_definition(network, batch):
    nodes, edges = hit_features(batch), spherical(batch)
    pairs = list(zip(batch["deep"].tolist(), batch["shallow"].tolist(), strict=True))
    messages = network.R1(torch.stack([torch.cat([nodes[s], nodes[d], e]) for (d, s), e in zip(pairs, edges, strict=True)]))
    states = network.O(torch.cat([nodes, strongest(messages, [s for _, s in pairs], len(nodes), 64)], 1))
    return network.R2(torch.stack([torch.cat([states[s], states[d], m]) for (d, s), m in zip(pairs, messages, strict=True)]))[:, 0]


def strongest(messages, receivers, n, width):
    received = [[m for r, m in zip(receivers, messages, strict=True) if r == node] for node in range(n)]
    return torch.stack([torch.stack(some).amax(0) if some else messages.new_zeros(width) for some in received])


@EVERY
def test_parameters_and_keys_are_the_published_ones(name):
    network = NETWORKS[name](ModelConfig())
    assert sum(p.numel() for p in network.parameters()) == {"line-graph": 4961, "hit-graph": 39839}[name]
    norms = {"R1": (0, 3, 6), "O": (0, 3, 6, 9), "R2": (0, 3, 6)}
    expected = {f"{part}.layers.{i}.{v}" for part in norms for i in norms[part] for v in ("weight", "bias", "running_mean", "running_var")}
    expected |= {f"{part}.layers.{i}.{v}" for part in norms for i in (1, 4, 7) for v in ("weight", "bias")}
    assert set(network.state_dict()) == expected


def test_features_by_hand():
    # A shallow hit at (1, 2, 10), a deep one at (4, 6, 22): the step is (3, 4, 12), its length 13.
    batch = as_tensors({"x": np.array([1.0, 4.0]), "y": np.array([2.0, 6.0]), "z": np.array([10.0, 22.0]), "edep": np.array([0.1, 0.3]),
                        "cluster_size": np.array([5.0, 8.0]), "spot_x": np.array([0.5, 0.5]), "spot_y": np.array([-1.0, -1.0]),
                        "deep": np.array([1]), "shallow": np.array([0])})
    assert np.allclose(link_features(batch), [[0.3, 0.1, 4, 6, 22, 1, 2, 10]])
    assert np.allclose(spherical(batch), [[13, math.atan2(4, 3), math.acos(12 / 13)]])
    unit = 4.2267 * 2.4**0.65 + 0.5
    assert np.allclose(hit_features(batch), [[5 / unit, 0.0005, 0.003, 10], [8 / unit, 0.0035, 0.007, 22]])
    # Pixels are 270.8 mm / 9216 wide and 166.3 mm / 6144 high, numbered from the sensor's corner.
    column, row = round((0.5 + 135.4) / 270.8 * 9216), round((-1 + 83.15) / 166.3 * 6144)
    assert np.allclose(hit_features(batch, True)[0], [5 / unit, (1 - column) / 1000, (2 - row) / 1000, 10])


@EVERY
@pytest.mark.parametrize("training", [False, True])
def test_network_is_its_definition(name, training):
    network, batch = make(name).train(training), make_frame(1)
    reference = copy.deepcopy(network).double()
    exact = definition(reference, double(batch)).detach()
    rounded = definition(copy.deepcopy(network), batch).detach()
    found = network(batch).detach()
    # As near to the exact answer as the published order of operations is in float32.
    assert (found - exact).abs().max() < 3 * (rounded - exact).abs().max() + 1e-6 * exact.std()
    assert (found - exact).abs().max() < 1e-3 * exact.std()
    statistics = dict(reference.named_buffers())
    for key, value in network.named_buffers():
        assert torch.allclose(value.double(), statistics[key], rtol=1e-4, atol=1e-5), key


@EVERY
@pytest.mark.parametrize("training", [False, True])
def test_gradients_are_those_of_the_definition(name, training):
    network, batch = make(name).train(training), make_frame(2)
    reference = copy.deepcopy(network).double()
    weights = torch.randn(len(batch["deep"]), generator=torch.Generator().manual_seed(0))
    (network(batch) * weights).sum().backward()
    (definition(reference, double(batch)) * weights).sum().backward()
    scale = max(p.grad.norm() for p in reference.parameters())
    for (key, found), expected in zip(network.named_parameters(), reference.parameters(), strict=True):
        assert (found.grad - expected.grad).norm() < 1e-4 * (expected.grad.norm() + 1e-3 * scale), key


@pytest.mark.parametrize("training", [False, True])
def test_chunks_do_not_matter(monkeypatch, training):
    batch = make_frame(3)
    answers = []
    for size in (7, 1 << 14):
        monkeypatch.setitem(triplet_messages.CHUNK, "cpu", size)
        network = make("line-graph").train(training)
        logits = network(batch)
        logits.square().sum().backward()
        answers.append([logits.detach(), *(p.grad for p in network.parameters())])
    assert len(batch["theta"]) > 30
    for a, b in zip(*answers, strict=True):
        assert (a - b).norm() <= 1e-4 * (b.norm() + 0.1)


@EVERY
def test_a_batch_is_its_frames(name):
    network, frames = make(name), [make_frame(5), make_frame(6, per_layer=2), make_frame(7, n_layers=4)]
    with torch.no_grad():
        alone = torch.cat([network(f) for f in frames])
        together = network(join(*frames))
    assert (alone - together).abs().max() < 1e-5 * together.std()


@EVERY
def test_published_statistics_are_those_of_single_frames(name):
    frames = [make_frame(5), make_frame(6, per_layer=2), make_frame(7, n_layers=4)]
    for defects in (True, False):
        network = make(name, published_defects=defects).train()
        single = copy.deepcopy(network)
        alone = torch.cat([single(f) for f in frames])
        together = network(join(*frames))
        same = all(torch.allclose(a, b, rtol=1e-4) for a, b in zip(single.buffers(), network.buffers(), strict=True))
        assert same == defects
        assert bool((alone - together).abs().max() < 1e-4 * together.std()) == defects


@EVERY
def test_order_of_the_hits_does_not_matter(name):
    network, batch = make(name), make_frame(8)
    order = torch.randperm(len(batch["x"]), generator=torch.Generator().manual_seed(1))
    place = torch.argsort(order)
    by_deep = torch.argsort(place[batch["deep"]], stable=True)
    new_link = torch.argsort(by_deep)
    shuffled = {k: batch[k][order] for k in HITS} | {k: place[batch[k]][by_deep] for k in ("deep", "shallow")}
    shuffled |= {k: new_link[batch[k]] for k in ("edge_in", "edge_out")} | {"theta": batch["theta"]}
    with torch.no_grad():
        before, after = network(batch), network(shuffled)
    assert (before[by_deep] - after).abs().max() < 1e-5 * before.std()


@EVERY
def test_low_precision_of_the_training_does_not_reach_positions(name):
    network, batch = make(name), make_frame(1)
    with torch.no_grad():
        expected = network(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(network(batch), expected)


@EVERY
def test_links_alone_and_no_links(name):
    network, batch = make(name), make_frame(9, per_layer=1, n_layers=2)
    empty = {k: v if k in HITS else v[:0] for k, v in batch.items()}
    for training in (False, True):
        network.train(training)
        assert network(empty).shape == (0,)
    for batch in (join(make_frame(9, n_layers=2), make_frame(10, n_layers=2)), make_frame(1)):
        lonely = batch | {k: batch[k][:0] for k in ("edge_in", "edge_out", "theta")}
        if name == "line-graph":
            nodes = link_features(lonely)
            expected = network.eval().R2(network.O(torch.cat([nodes, torch.zeros(len(nodes), 16)], 1)))[:, 0]
            assert torch.allclose(network(lonely), expected, rtol=1e-4, atol=1e-6)
        assert network.train()(lonely).isfinite().all()


def test_doubled_sigmoid_is_kept_on_request():
    batch = make_frame(1)
    fixed, defect = make("hit-graph"), make("hit-graph", published_defects=True)
    # At the same inputs: the spot lies where the published pixel number puts it.
    moved = batch | {"spot_x": batch["spot_x"] + 4608, "spot_y": batch["spot_y"] + 3072}
    with torch.no_grad():
        probability = torch.sigmoid(defect(batch))
        expected = torch.sigmoid(torch.sigmoid(fixed(moved)))
    assert torch.allclose(probability, expected, atol=1e-6)
    assert probability.min() >= 0.5 and probability.max() <= 0.7311


def random_graph(seed, hits=12, links=60, triplets=300):
    """Return links between any hits, and triplets of any links, many of them twice; some hits and links have none."""
    random = np.random.default_rng(seed)
    columns = {name: random.normal(0, 20, hits) for name in ("x", "y", "z")}
    columns |= {"edep": random.gamma(3, 0.03, hits), "cluster_size": random.integers(2, 30, hits).astype(float),
                "spot_x": np.zeros(hits), "spot_y": np.zeros(hits), "frame": np.zeros(hits, dtype=int)}
    first, last = random.integers(0, hits - 2, links), random.integers(0, hits - 2, links)
    columns |= {"deep": first, "shallow": np.where(first == last, (first + 1) % (hits - 2), last)}
    columns |= {name: random.integers(0, links - 5, triplets) for name in ("edge_in", "edge_out")}
    return as_tensors(columns | {"theta": random.uniform(0, 3, triplets)})


def dense_hit_graph(network, batch):
    """Return the logits from a table of all pairs of hit and link."""
    nodes, deep, shallow = hit_features(batch), batch["deep"], batch["shallow"]
    messages = network.R1(torch.cat([nodes[shallow], nodes[deep], spherical(batch)], 1))
    reached = shallow == torch.arange(len(nodes))[:, None]
    largest = torch.where(reached[..., None], messages, -torch.inf).amax(1)
    states = network.O(torch.cat([nodes, torch.where(reached.any(1, keepdim=True), largest, 0.0)], 1))
    return network.R2(torch.cat([states[shallow], states[deep], messages], 1))[:, 0]


def learnt(network, logits):
    """Return logits, gradients and batch statistics."""
    (logits * torch.arange(1.0, len(logits) + 1, dtype=logits.dtype)).mean().backward()
    return [logits.detach(), *(torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()), *network.buffers()]


def difference(found, expected):
    return max(float((a - b).norm() / (1e-2 + b.norm())) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("training", [False, True])
def test_message_passing_on_hits_is_the_dense_table(training):
    for seed in range(3):
        one, other, batch = make("hit-graph").train(training), make("hit-graph").train(training), random_graph(seed)
        found, expected = one(batch), dense_hit_graph(other, batch)
        assert torch.equal(found, expected)
        assert difference(learnt(one, found), learnt(other, expected)) < 1e-5


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("defects", [False, True])
def test_the_kernel_gives_what_message_passing_on_triplets_gives(training, defects):
    for batch in (random_graph(0), random_graph(1, triplets=0), join(random_graph(2), random_graph(3))):
        one, other = (make("line-graph", defects).double().train(training) for _ in range(2))
        found, expected = one(double(batch)), other.by_propagation(double(batch))
        # The kernel's table of sines is in float32.
        assert (found - expected).abs().max() < 1e-6 * expected.abs().max()
        assert difference(learnt(one, found), learnt(other, expected)) < 1e-6


def test_message_passing_on_no_triplets_and_no_links():
    network, batch = make("line-graph"), random_graph(0)
    empty = {k: v if k in HITS else v[:0] for k, v in batch.items()}
    nothing = {k: v[:0] for k, v in batch.items()}
    for training in (False, True):
        network.train(training)
        assert network.by_propagation(empty).shape == network.by_propagation(nothing).shape == (0,)
        assert make("hit-graph").train(training)(nothing).shape == (0,)
