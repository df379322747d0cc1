"""The graph of candidate links, as PyTorch Geometric has graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ....contract import Batch

if TYPE_CHECKING:
    from torch_geometric.data import Data

NODE_COLUMNS = {"x": "mm", "y": "mm", "z": "mm", "dedx": "keV/um", "edep": "MeV", "cluster_size": "pixels"}
"""What the columns of `x` are, and their units: position, energy loss per length, energy loss, size of the cluster."""
EDGE_COLUMNS = {"dx": "mm", "dy": "mm", "dz": "mm"}
"""The same of `edge_attr`: the deep hit's position less the shallow one's."""


def graph_tensors(batch: Batch) -> dict[str, Tensor]:
    """Return the graph whose nodes are the H hits of a batch and whose edges are its E candidate links.

    `x` float32 (H, 6), see NODE_COLUMNS; `edge_index` int64 (2, E), in row 0 the deep hit, farther from
    the source of the beam, and in row 1 the shallow one; `edge_attr` float32 (E, 3), see EDGE_COLUMNS;
    `layer`, `batch` int64 (H,), the latter the frame of every hit; with truth `y` float32 (E,), 1 for links
    of one particle.

    Args:
        batch: see `batches.collate_links`.
    """
    position = torch.stack([batch[name] for name in "xyz"], 1)
    deep, shallow = batch["deep"], batch["shallow"]
    graph = {
        "x": torch.stack([batch[name] for name in NODE_COLUMNS], 1),
        "edge_index": torch.stack([deep, shallow]),
        "edge_attr": position[deep] - position[shallow],
        "layer": batch["layer"].long(),
        "batch": batch["frame"],
    }
    return graph | ({"y": batch["truth"].float()} if "truth" in batch else {})


def graph_of(batch: Batch) -> Data:
    """Return the same as an object of PyTorch Geometric; see `graph_tensors`."""
    # Here, since it takes seconds, which an export of the tensors does not need.
    from torch_geometric.data import Data

    return Data(**graph_tensors(batch))
