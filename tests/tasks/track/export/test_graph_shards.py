"""Shards of graphs hold each frame's graph once, wherever they are cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pphysml.io.ragged import concatenate, length, slice_rows
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.export import graph_shards
from pphysml.tasks.track.export.graph_shards import GraphShards
from pphysml.tasks.track.models.batches import collate
from pphysml.tasks.track.models.link_data import graph_of

CONFIG = TrackConfig.model_validate({"apply": {"batch_size": 2}})


@pytest.fixture
def examples(toy):
    """Return crowded frames, and in their middle two without links."""
    lonely = toy.frames([toy.Particle(0, [1])], [toy.Particle(0, [3]), toy.Particle(1, [3])])
    crowds = [toy.random_frames(np.random.default_rng(seed), 4) for seed in (1, 2)]
    return concatenate([crowds[0], lonely, crowds[1]])


def frames_of(shards):
    """Return the tensors of every frame."""
    frames = []
    for shard in shards:
        nodes, edges = shard["node_ptr"], shard["edge_ptr"]
        for g in range(len(nodes) - 1):
            node, edge = slice(nodes[g], nodes[g + 1]), slice(edges[g], edges[g + 1])
            frames.append({"x": shard["x"][node], "layer": shard["layer"][node], "hit_entry": shard["hit_entry"][node],
                           "edge_index": shard["edge_index"][:, edge], "edge_attr": shard["edge_attr"][edge], "y": shard["y"][edge],
                           **{name: shard[name][g] for name in graph_shards.OF_FRAMES}})
    return frames


@pytest.mark.parametrize("chunks", [(10,), (1, 9), (3, 0, 4, 3)])
@pytest.mark.parametrize("rows", [1, 60, 1000, 10**6])
def test_every_frame_is_there_once(examples, monkeypatch, chunks, rows):
    monkeypatch.setattr(graph_shards, "ROWS", rows)
    ends = np.cumsum([0, *chunks])
    parts = [slice_rows(examples, a, b) for a, b in pairwise(ends) if a < b]
    shards = list(GraphShards(CONFIG).shards(iter(parts)))
    found = frames_of(shards)
    assert length(examples) == len(found) == 10
    for g, graph in enumerate(found):
        alone = slice_rows(examples, g, g + 1)
        expected = graph_of(collate(alone, CONFIG))
        for name in ("x", "edge_index", "edge_attr", "layer", "y"):
            assert np.array_equal(graph[name], expected[name].numpy()) and graph[name].dtype == expected[name].numpy().dtype, name
        assert np.array_equal(graph["hit_entry"], alone["hit_entry"].flat)
        assert all(graph[name] == alone[name][0] for name in graph_shards.OF_FRAMES)
    # A shard is full as soon as it has so many rows, and no later.
    sizes = [np.diff(shard["node_ptr"] + shard["edge_ptr"]) for shard in shards]
    assert all(size.sum() >= rows > size[:-1].sum() for size in sizes[:-1]) and sizes[-1][:-1].sum() < rows
    assert len(shards) == {1: 10, 10**6: 1}.get(rows, len(shards)) and all(map(len, sizes))
    counts = [GraphShards(CONFIG).count(shard) for shard in shards]
    assert sum(c["graphs"] for c in counts) == 10 and sum(c["edges"] for c in counts) == sum(len(g["y"]) for g in found)
    assert [len(g["y"]) for g in found[4:6]] == [0, 0]


def test_no_frame_makes_one_shard_without_graphs_of_the_same_types(examples):
    export = GraphShards(CONFIG)
    (empty,), (full,) = export.shards([]), export.shards([examples])
    assert export.count(empty) == {"graphs": 0, "nodes": 0, "edges": 0}
    assert set(full) - set(empty) == {"y"} and set(full) == set(export.describe())
    assert all(empty[name].dtype == full[name].dtype and empty[name].ndim == full[name].ndim for name in empty)
