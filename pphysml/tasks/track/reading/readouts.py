"""Frames of a detector, as they are in a file, to examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import FileName, InputError
from ....io.carry import Carry
from ....io.problems import of_first_file, refuse
from ....io.ragged import Array, Columns, Ragged, concatenate, length, ragged
from .beams import Beams
from .examples import finished, usual
from .hits import cluster_energy, cluster_size
from .layers import Layers, learn_layers, learn_numbered

LEARNING = 20_000
"""Hits at the start of the input from which layers are learnt."""

HITS = {"hit_x": "x", "hit_y": "y", "hit_z": "z", "hit_time": "time", "hit_pdg": "pdg"}
FRAME = ("file", "entry", "run", "spot_x", "spot_y", "spot_tx", "spot_ty", "rotation_angle", "frame", "phantom", "beam_energy", "beam_pdg")


class ReadoutFrames(Carry):
    """Turns entries of the layout `frames` into examples, one each.

    Args:
        layers: those of a given geometry, or None to learn them.
        beams: where the beam is known from.
        min_cluster_size: fewest pixels of a hit.
    """

    def __init__(self, layers: Layers | None, beams: Beams, min_cluster_size: int) -> None:
        self.layers = layers
        self.beams = beams
        self.min_cluster_size = min_cluster_size
        self._given = layers is not None
        self._early: list[Columns] = []

    def add(self, chunk: Columns | None) -> Columns:
        """Take entries, or None at the end; return the examples that are ready, in the same order.

        Raises:
            InputError: entries that cannot be used; names file, entry and branch.
        """
        if chunk is not None:
            self._early.append(chunk)
        n_hits = sum(len(ragged(c, "hit_x").flat) for c in self._early)
        if self.layers is None and chunk is not None and n_hits < LEARNING:
            return {}
        if not any(map(length, self._early)):
            return {}
        ready, self._early = concatenate(self._early), []
        if self.layers is None and n_hits:
            with of_first_file(ready):
                self.layers = _learn(ready)
        if self.layers is None:
            raise InputError("no frame of the input has a hit", branch="hit_x")
        return self._examples(ready, self.layers)

    def facts(self) -> dict[str, Any]:
        """Return what was taken for the input, for a person."""
        return {} if self.layers is None else {**self.layers.facts(), **self.beams.facts()}

    def warnings(self, named: FileName) -> list[str]:
        """Return what to warn of."""
        return list(self.beams.warnings())

    def _examples(self, chunk: Columns, layers: Layers) -> Columns:
        n, rows = length(chunk), ragged(chunk, "hit_x")
        frames: Columns = {**usual(chunk, n), **{k: v for k, v in chunk.items() if k in FRAME or k.startswith("keep:")}}
        frames.setdefault("frame", frames["entry"])
        hits = {new: ragged(chunk, name).flat for name, new in HITS.items() if name in chunk}
        hits["layer"] = _layer(chunk, layers, self._given)
        hits.setdefault("z", layers.z[hits["layer"]])
        hits |= _energies(chunk, layers.thickness)
        hits["hit_entry"] = np.arange(len(rows.flat)) - np.repeat(rows.offsets[:-1], rows.counts)
        kept = np.flatnonzero(hits["cluster_size"] >= self.min_cluster_size)
        frame = np.repeat(np.arange(n), rows.counts)
        hits |= _truth(chunk, frame, kept)
        counts = np.bincount(frame[kept], minlength=n)
        frames |= {name: Ragged.from_counts(values[kept], counts) for name, values in hits.items()}
        if "proton" in hits:
            largest = np.full(n, -1)
            np.maximum.at(largest, frame[kept], hits["proton"][kept])
            frames["n_protons"] = largest + 1
        return finished(frames, layers, self.beams)


def _learn(chunk: Columns) -> Layers:
    if "hit_z" not in chunk:
        raise InputError("is not there; give the positions of the layers with --geometry", branch="hit_z")
    z = ragged(chunk, "hit_z").flat[:LEARNING].astype(np.float64)
    if "hit_layer" in chunk:
        return learn_numbered(ragged(chunk, "hit_layer").flat[:LEARNING], z)
    return learn_layers(z, branch="hit_z")


def _layer(chunk: Columns, layers: Layers, given: bool) -> Array:
    """Return the layer of each hit, as the file has it, compared with its position, or else by that."""
    rows = ragged(chunk, "hit_x")
    known = "of the geometry" if given else f"learnt from the first {LEARNING} hits"
    if "hit_layer" in chunk:
        layer = ragged(chunk, "hit_layer").flat
        _refuse(chunk, rows, layer >= len(layers.z), "hit_layer", lambda i: (
            f"layer {layer[i]} is beyond {len(layers.z) - 1}, the last of the layers {known}: give another --geometry"))
        if "hit_z" in chunk:
            z = ragged(chunk, "hit_z").flat
            _refuse(chunk, rows, np.abs(z - layers.z[layer]) > layers.reach, "hit_z", lambda i: (
                f"z = {z[i]:.6g} mm, but of the layers {known} number {layer[i]} is at {layers.z[layer[i]]:.6g} mm: give another --geometry"))
        return layer.astype(np.int16)
    if "hit_z" not in chunk:
        raise InputError("is not there, nor is 'hit_z'; one of them is needed: name it with --map hit_z=BRANCH", branch="hit_layer")
    z = ragged(chunk, "hit_z").flat
    found = layers.number(z)
    _refuse(chunk, rows, found < 0, "hit_z", lambda i: (
        f"z = {z[i]:.6g} mm lies in none of the layers {known}; the nearest is layer {layers.nearest(z[i])} at "
        f"{layers.z[layers.nearest(z[i])]:.6g} mm: give another --geometry"))
    return found


def _refuse(chunk: Columns, rows: Ragged, bad: Array, branch: str, reason: Callable[[int], str]) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        row = np.zeros(len(rows), dtype=bool)
        row[np.searchsorted(rows.offsets, first, side="right") - 1] = True
        refuse(chunk, row, branch, lambda _: reason(first))


def _energies(chunk: Columns, thickness: float) -> dict[str, Array]:
    """Return energy and cluster size, one from the other where the file has one only."""
    if "hit_edep" in chunk:
        edep = ragged(chunk, "hit_edep").flat
    elif "hit_cluster_size" in chunk:
        edep = cluster_energy(ragged(chunk, "hit_cluster_size").flat, thickness)
    else:
        raise InputError("is not there, nor is 'hit_cluster_size', from which it follows; "
                         "name one with --map hit_edep=BRANCH", branch="hit_edep")
    size = ragged(chunk, "hit_cluster_size").flat if "hit_cluster_size" in chunk else cluster_size(edep, thickness)
    return {"edep": edep, "cluster_size": size}


def _truth(chunk: Columns, frame: Array, kept: Array) -> dict[str, Array]:
    """Return `proton`, `particle` and `primary` of each hit as far as they are known, numbered over the hits kept."""
    truth: dict[str, Array] = {}
    if "hit_event" not in chunk:
        return truth
    event = ragged(chunk, "hit_event").flat
    track = ragged(chunk, "hit_track").flat if "hit_track" in chunk else None
    noise = (event < 0) if track is None else (event < 0) | (track < 1)
    real = kept[~noise[kept]]
    truth["proton"] = _numbered(frame, [event], real)
    if track is not None:
        truth["particle"] = _numbered(frame, [event, track], real)
    if "hit_parent" in chunk:
        truth["primary"] = (ragged(chunk, "hit_parent").flat == 0) & ~noise
    elif track is not None:
        truth["primary"] = (track == 1) & ~noise
    return truth


def _numbered(frame: Array, ids: list[Array], real: Array) -> Array:
    """Number the distinct ids of each frame in rising order, int32; -1 for hits that are not `real`."""
    number = np.full(len(frame), -1, dtype=np.int32)
    if len(real):
        order = real[np.lexsort([*[values[real] for values in reversed(ids)], frame[real]])]
        new = np.zeros(len(order), dtype=bool)
        first = np.diff(frame[order], prepend=-1) != 0
        for values in ids:
            new |= np.diff(values[order], prepend=values[order[0]]) != 0
        count = np.cumsum(new | first)
        number[order] = count - np.maximum.accumulate(np.where(first, count, 0))
    return number
