"""The graph of candidate links, against the hits and links that it is made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.io.ragged import ragged
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.models.batches import collate, collate_links
from pphysml.tasks.track.models.link_data import EDGE_COLUMNS, NODE_COLUMNS, graph_of

NETWORKS = pytest.mark.parametrize("name", ["relay", "line-graph", "hit-graph"])


def options(name):
    return TrackConfig.model_validate({"model": {"name": name}, "data": {"skip_layers": 1 if name == "relay" else 0}})


@pytest.fixture
def examples(toy):
    """Return frames of crossing particles and noise, one of them with a single hit."""
    some = [toy.Particle(0, range(5)), toy.Particle(1, range(4), slope=0.1), toy.Particle(-1, [2], x=3.0)]
    return toy.frames(some, [toy.Particle(0, [1])], some[:2])


@NETWORKS
def test_nodes_are_hits_and_edges_links_from_deep_to_shallow_hits(examples, name):
    batch = collate(examples, options(name))
    graph = graph_of(batch)
    assert list(NODE_COLUMNS) == ["x", "y", "z", "dedx", "edep", "cluster_size"]
    for column, values in enumerate(NODE_COLUMNS):
        assert np.array_equal(graph.x[:, column], ragged(examples, values).flat)
    deep, shallow = graph.edge_index
    assert graph.num_edges > 8 and graph.validate()
    assert (graph.layer[deep] > graph.layer[shallow]).all() and (graph.batch[deep] == graph.batch[shallow]).all()
    assert torch.equal(graph.edge_attr, graph.x[deep, :3] - graph.x[shallow, :3]) and len(EDGE_COLUMNS) == 3
    assert (graph.edge_attr[:, 2] > 0).all()
    assert graph.batch.bincount().tolist() == [10, 1, 9]
    particle = torch.from_numpy(ragged(examples, "particle").flat)
    assert 0 < graph.y.mean() < 1
    assert (particle[deep] == particle[shallow])[graph.y == 1].all()
    assert [graph[k].dtype for k in ("x", "edge_attr", "y", "edge_index", "layer", "batch")] == 3 * [torch.float32] + 3 * [torch.int64]


@NETWORKS
def test_the_links_are_those_of_every_network_without_what_it_needs_besides(examples, name):
    config = options(name)
    whole, links = collate(examples, config), collate_links(examples, config.data)
    assert all(torch.equal(whole[key], links[key]) for key in links)
    assert set(graph_of(links).to_dict()) == set(graph_of(whole).to_dict())


def test_without_truth_and_without_links(toy):
    examples = toy.frames([toy.Particle(0, [1]), toy.Particle(1, [1])], [toy.Particle(0, [2])])
    del examples["particle"]
    graph = graph_of(collate(examples, TrackConfig()))
    assert "y" not in graph and graph.x.shape == (3, 6)
    assert graph.edge_index.shape == (2, 0) and graph.edge_attr.shape == (0, 3)
