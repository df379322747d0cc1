"""The graphs of candidate links, many in one file of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ....contract import DataExport
from ....io.ragged import Array, Columns, Ragged, concatenate, length, ragged, slice_rows
from ..config import TrackConfig
from ..models.batches import collate_links, portions
from ..models.link_data import EDGE_COLUMNS, NODE_COLUMNS, graph_tensors
from ..tracks.links import frame_of_hit

ROWS = 2_000_000
"""Nodes and edges together from which on a shard is full: below 80 MB."""

OF_FRAMES = {"file": "int32", "entry": "int64", "run": "int64", "frame": "int64", "spot_x": "float32", "spot_y": "float32"}
"""Ids of the frames, as the output of `track` has them."""

HELP: dict[str, Any] = {
    "x": {"columns": NODE_COLUMNS},
    "layer": "Layer of every hit along the beam, from 0.",
    "hit_entry": "Entry of the hit's first step in its file; of a frame read as such, the hit's number.",
    "edge_index": "In row 0 the deep hit of every link, farther from the source of the beam, in row 1 the shallow one, numbered in the frame.",
    "edge_attr": {"columns": EDGE_COLUMNS, "help": "The deep hit's position less the shallow one's."},
    "y": "1 for links of one particle, else 0; only if the input has truth.",
    "file": "Number of the file among the inputs.",
    "entry": "Its first entry of the frame.",
    "run": "Run number.",
    "frame": "Number of the frame.",
    "spot_x": "Position of the beam spot, mm.",
    "spot_y": "Position of the beam spot, mm.",
    "node_ptr": "Frame g has the nodes from node_ptr[g] to node_ptr[g + 1].",
    "edge_ptr": "Frame g has the edges from edge_ptr[g] to edge_ptr[g + 1].",
}


class GraphShards(DataExport):
    """Graphs of frames, whose tensors follow one another; see `models.link_data` and HELP.

    Shards are cut between frames, at the same ones however the files were read.

    Shapes of F frames: `x` (H, 6), `layer hit_entry` (H,), `edge_index` (2, E), `edge_attr` (E, 3), `y`
    (E,), `node_ptr edge_ptr` int64 (F + 1,), the ids of frames (F,).
    """

    stem = "graphs"

    def __init__(self, config: TrackConfig) -> None:
        self.config = config

    def shards(self, examples: Iterable[Columns]) -> Iterator[dict[str, Array]]:
        """Yield the tensors of each shard."""
        waiting: list[Columns] = []
        rows, cut = 0, False
        for frames in (part for chunk in examples for part in portions(chunk, self.config.apply.batch_size)):
            waiting.append(self._graphs(frames))
            rows += int(_ends(waiting[-1])[-1])
            while rows >= ROWS:
                full, rest = _cut(concatenate(waiting))
                yield _as_tensors(full)
                waiting, rows, cut = [rest] if length(rest) else [], rows - int(_ends(full)[-1]), True
        if waiting or not cut:
            yield _as_tensors(concatenate(waiting or [_no_graphs()]))

    def describe(self) -> dict[str, Any]:
        """Return the meaning of every tensor."""
        return HELP

    def count(self, shard: Mapping[str, Array]) -> dict[str, int]:
        """Return the numbers of graphs, nodes and edges."""
        return {"graphs": len(shard["node_ptr"]) - 1, "nodes": len(shard["x"]), "edges": len(shard["edge_attr"])}

    def _graphs(self, frames: Columns) -> Columns:
        """Return the graphs of some frames, one row per frame."""
        graph = {name: tensor.numpy() for name, tensor in graph_tensors(collate_links(frames, self.config.data)).items()}
        first, hits = ragged(frames, "layer").offsets, ragged(frames, "hit_entry")
        frame = frame_of_hit(frames)[graph["edge_index"][0]]
        edges = np.bincount(frame, minlength=length(frames))
        columns: Columns = {name: frames[name] for name in OF_FRAMES if name in frames}
        columns |= {name: Ragged(graph[name], first) for name in ("x", "layer")} | {"hit_entry": hits}
        columns["edge_index"] = Ragged.from_counts(graph["edge_index"].T - first[frame][:, None], edges)
        return columns | {name: Ragged.from_counts(graph[name], edges) for name in ("edge_attr", "y") if name in graph}


def _ends(graphs: Columns) -> Array:
    """Return the nodes and edges up to the end of every graph."""
    ends: Array = ragged(graphs, "x").offsets[1:] + ragged(graphs, "edge_attr").offsets[1:]
    return ends


def _cut(graphs: Columns) -> tuple[Columns, Columns]:
    """Return the graphs that fill a shard, and the others."""
    n = int(np.searchsorted(_ends(graphs), ROWS)) + 1
    return slice_rows(graphs, 0, n), slice_rows(graphs, n, length(graphs))


def _no_graphs() -> Columns:
    flat: Columns = {name: np.zeros(0, dtype) for name, dtype in OF_FRAMES.items()}
    empty = {"x": ((6,), "float32"), "layer": ((), "int64"), "hit_entry": ((), "int64"),
             "edge_index": ((2,), "int64"), "edge_attr": ((3,), "float32")}
    offsets = np.zeros(1, dtype=np.int64)
    return flat | {name: Ragged(np.zeros((0, *shape), dtype), offsets) for name, (shape, dtype) in empty.items()}


def _as_tensors(graphs: Columns) -> dict[str, Array]:
    """Return the tensors of a shard."""
    tensors = {name: column.flat if isinstance(column, Ragged) else np.asarray(column) for name, column in graphs.items()}
    pointers = {"node_ptr": ragged(graphs, "x").offsets, "edge_ptr": ragged(graphs, "edge_attr").offsets}
    return tensors | pointers | {"edge_index": tensors["edge_index"].T}
