"""Frames to tensors: hits, candidate links, and which of them are true."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ....contract import Batch
from ....io.ragged import Array, Columns, ragged, slice_rows
from ....own_network import is_own
from ..config import DataConfig, TrackConfig
from ..tracks.links import frame_of_hit, true_links
from ..tracks.spot_clusters import spot_of_hit
from .continuations import all_triplets, directions, smallest_deflections
from .graph import candidate_links
from .materials import link_scales, of_hits

HIT_COLUMNS = ("x", "y", "z", "dedx", "edep", "layer", "cluster_size")

FRONT = 3
"""Layers in front whose hits show where the beam is."""

TOGETHER = 20_000
"""Hits of the frames that are treated together, unless it is one frame."""


def collate(examples: Columns, config: TrackConfig) -> Batch:
    """Return H hits and E candidate links of all frames together, with what the network needs besides.

    What `collate_links` returns; for `relay` the deflections `before_angle after_angle` (E, 2) of the
    straightest continuations of links (rad); with `model.materials` also `materials` (H, MATERIALS), and the `before_scale after_scale` (E,) by which deflections are multiplied, those two already
    are; for `line-graph` `edge_in edge_out theta` (T,).
    """
    columns = _hits_and_links(examples, config.data)
    columns |= _continuations(examples, config.model.name, columns["deep"], columns["shallow"])
    if config.model.name == "relay" and config.model.materials:
        columns |= _materials(examples, columns)
    return _tensors(columns)


def collate_links(examples: Columns, options: DataConfig) -> Batch:
    """Return H hits and E candidate links of all frames together.

    `x y z` (mm), `dedx` (keV/um), `edep` (MeV), `layer`, `cluster_size`, `centre_x centre_y spot_x
    spot_y` (mm, of the beam: centres are those of the hit's spot) float32 (H,); `frame` (H,); `deep shallow` (E,), frame after frame; with truth `truth` bool (E,).
    """
    return _tensors(_hits_and_links(examples, options))


def portions(examples: Columns, size: int) -> Iterator[Columns]:
    """Yield `size` frames at a time, but crowded ones, whose links grow with the square of their hits, alone."""
    counts = ragged(examples, "layer").counts
    for start in range(0, len(counts), size):
        stop = min(start + size, len(counts))
        step = size if counts[start:stop].sum() <= TOGETHER else 1
        for first in range(start, stop, step):
            yield slice_rows(examples, first, min(first + step, stop))


def beam_centre(position: Array, layer: Array, spot: Array) -> Array:
    """Return the mean position of each beam spot's hits in the first layers, float64 (spots,)."""
    front = (layer < FRONT).astype(np.float64)
    counts = np.bincount(spot, front)
    return np.bincount(spot, front * position) / np.maximum(counts, 1)


def _hits_and_links(examples: Columns, options: DataConfig) -> dict[str, Array]:
    hits = {name: ragged(examples, name).flat for name in HIT_COLUMNS}
    frame, layer = frame_of_hit(examples), ragged(examples, "layer")
    columns: dict[str, Array] = {name: values.astype(np.float32) for name, values in hits.items()}
    columns["frame"] = frame
    spot = spot_of_hit(examples)
    for name in "xy":
        columns[f"centre_{name}"] = beam_centre(hits[name], hits["layer"], spot).astype(np.float32)[spot]
        columns[f"spot_{name}"] = np.asarray(examples.get(f"spot_{name}", np.zeros(len(layer))), dtype=np.float32)[frame]
    columns["deep"], columns["shallow"] = candidate_links(examples, options)
    if "particle" in examples:
        columns["truth"] = true_links(examples, options.skip_layers)[columns["deep"]] == columns["shallow"]
    return columns


def _continuations(examples: Columns, network: str, deep: Array, shallow: Array) -> dict[str, Array]:
    if network == "hit-graph" or is_own(network):
        return {}
    position = np.stack([ragged(examples, name).flat.astype(np.float64) for name in "xyz"], 1)
    direction = directions(position, deep, shallow)
    if network == "relay":
        before, after = smallest_deflections(direction, deep, shallow, len(position))
        return {"before_angle": before, "after_angle": after}
    triplets = all_triplets(direction, deep, shallow, len(position))
    return {"edge_in": triplets.before, "edge_out": triplets.after, "theta": triplets.angle}


def _materials(examples: Columns, columns: dict[str, Array]) -> dict[str, Array]:
    scales = dict(zip(("before", "after"), link_scales(examples, columns["deep"], columns["shallow"]), strict=True))
    found = {"materials": of_hits(examples)}
    for side, scale in scales.items():
        found |= {f"{side}_scale": scale, f"{side}_angle": columns[f"{side}_angle"] * scale[:, None]}
    return found


def _tensors(columns: dict[str, Array]) -> Batch:
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in columns.items()}
