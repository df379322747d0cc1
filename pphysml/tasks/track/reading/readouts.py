"""Frames of a detector, as they are in a file, to examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....errors import FileName, InputError
from ....io.carry import Carry
from ....io.problems import of_first_file, place, refuse
from ....io.ragged import Array, Columns, Ragged, concatenate, length, ragged
from .beams import Beams
from .calorimeters.axes import USUAL, turned
from .calorimeters.layers import Layers
from .calorimeters.placing import Described, Placing
from .calorimeters.recognition import Sample
from .clusters.hits import cluster_energy, cluster_size
from .examples import finished, usual
from .front_hits import front_set_aside
from .spots import OF_SPOTS

HITS = {"hit_x": "x", "hit_y": "y", "hit_z": "z", "hit_time": "time", "hit_pdg": "pdg"}
POSITIONS = ("hit_x", "hit_y", "hit_z")
FRAME = (*OF_SPOTS, "file", "job", "entry", "run", "spot_x", "spot_y", "spot_tx", "spot_ty", "rotation_angle", "frame", "phantom", "beam_energy", "beam_pdg")


class ReadoutFrames(Carry):
    """Turns entries of the layout `frames` into examples, one each.

    Args:
        described: what is known of the calorimeter.
        beams: where the beam is known from.
        min_cluster_size: fewest pixels of a hit.

    Attributes:
        done: whether nothing is to come any more.
    """

    def __init__(self, described: Described, beams: Beams, min_cluster_size: int) -> None:
        self.described = described
        self.beams = beams
        self.min_cluster_size = min_cluster_size
        self.done = False
        self._placing = Placing(described, "hit_z")
        self._early: list[Columns] = []
        self._any = False

    def add(self, chunk: Columns | None) -> Columns:
        """Take entries, or None at the end; return the examples that are ready, in the same order.

        Raises:
            InputError: entries that cannot be used; names file, entry and branch.
        """
        last = self.done = chunk is None
        if chunk is not None:
            self._early.append(chunk)
        n_hits = sum(len(ragged(c, "hit_x").flat) for c in self._early)
        self._any |= n_hits > 0
        if not last and self._placing.waits(n_hits):
            return {}
        ready, self._early = concatenate(self._early), []
        if n_hits and self._placing.layers is None:
            self._recognise(ready, n_hits, last)
        layers = self._placing.layers
        if layers is None and not last:
            self._early = [ready]
            return {}
        if not self._any and length(ready):
            raise InputError("no frame of the input has a hit", file=place(ready, 0).file, branch="hit_x")
        examples = {} if layers is None or not length(ready) else self._examples(turned(ready, self._placing.axis, POSITIONS), layers)
        if last:
            self._placing.end()
        return examples

    def facts(self) -> dict[str, Any]:
        """Return what was taken for the input, for a person."""
        return {**self._placing.facts(), **self.beams.facts()}

    def warnings(self, named: FileName) -> list[str]:
        """Return what the user should know of the calorimeter, of hits outside of it, and of the beam."""
        return [*self._placing.warnings(named), *self.beams.warnings()]

    def _recognise(self, chunk: Columns, hits: int, last: bool) -> None:
        with of_first_file(chunk):
            if "hit_z" in chunk:
                self._placing.look(hits, last, lambda first, stop: _sample(chunk, first, stop))
                return
            if self.described.geometry is None:
                raise InputError("is not there; give the positions of the layers with --geometry", branch="hit_z")
            if self.described.axis not in (None, USUAL):
                raise InputError("is not there, but --beam-axis needs it; name it with --map hit_z=BRANCH", branch="hit_z")
            self._placing.trust(ragged(chunk, "hit_layer").flat if "hit_layer" in chunk else np.zeros(0, dtype=np.int64))

    def _examples(self, chunk: Columns, layers: Layers) -> Columns:
        n, rows = length(chunk), ragged(chunk, "hit_x")
        frames: Columns = {**usual(chunk, n), **{k: v for k, v in chunk.items() if k in FRAME or k.startswith("keep:")}}
        frames.setdefault("frame", frames["entry"])
        frames |= _spots(chunk, n)
        hits = {new: ragged(chunk, name).flat for name, new in HITS.items() if name in chunk}
        frame = np.repeat(np.arange(n), rows.counts)
        hits["layer"] = _layer(chunk, layers)
        hits.setdefault("z", layers.places[hits["layer"]])
        where = "z = {:.6g} mm" if "hit_z" in chunk else "layer {}"
        self._placing.count(hits["layer"] < 0, ragged(chunk, "hit_z" if "hit_z" in chunk else "hit_layer").flat, frames, frame, where)
        hits |= _energies(chunk, layers.thickness)
        hits["hit_entry"] = np.arange(len(rows.flat)) - np.repeat(rows.offsets[:-1], rows.counts)
        kept = np.flatnonzero((hits["cluster_size"] >= self.min_cluster_size) & (hits["layer"] >= 0))
        hits |= _truth(chunk, frame, kept)
        counts = np.bincount(frame[kept], minlength=n)
        frames |= {name: Ragged.from_counts(values[kept], counts) for name, values in hits.items()}
        if "proton" in hits:
            largest = np.full(n, -1)
            np.maximum.at(largest, frame[kept], hits["proton"][kept])
            frames["n_protons"] = largest + 1
        if len(layers.front):
            frames = front_set_aside(frames, len(layers.z))
        return finished(frames, layers, self.beams)


def _sample(chunk: Columns, first: int, stop: int) -> Sample:
    """Return the hits first:stop of all."""
    positions = np.stack([ragged(chunk, name).flat[first:stop].astype(np.float64) for name in POSITIONS], 1)
    number = ragged(chunk, "hit_layer").flat[first:stop] if "hit_layer" in chunk else None
    return Sample(positions, {}, number, "hit_z")


def _spots(chunk: Columns, n: int) -> Columns:
    """Return the first spot of frames that have several in the file, and that it is known.

    Raises:
        InputError: a frame without any.
    """
    if "spots_x" not in chunk or "spots_y" not in chunk:
        return {}
    spots = {name: ragged(chunk, name) for name in OF_SPOTS if name in chunk}
    refuse(chunk, spots["spots_x"].counts == 0, "spots_x", lambda _: "is empty; every frame has a beam spot: leave spots_x and spots_y out if they are not known")
    return {"spot_given": np.ones(n, dtype=bool), **{OF_SPOTS[name]: column.flat[column.offsets[:-1]] for name, column in spots.items()}}


def _layer(chunk: Columns, layers: Layers) -> Array:
    """Return the layer of each hit, as the file has it if it lies there, or else by its position; -1 for none.

    Planes of a front tracker are known by their positions, or without these by the numbers that follow those of the layers.
    """
    if "hit_layer" not in chunk and "hit_z" not in chunk:
        raise InputError("is not there, nor is 'hit_z'; one of them is needed: name it with --map hit_z=BRANCH", branch="hit_layer")
    layer = ragged(chunk, "hit_layer").flat if "hit_layer" in chunk else None
    if "hit_z" not in chunk:
        assert layer is not None
        return np.where(layer < len(layers.places), layer, -1).astype(np.int16)
    z = ragged(chunk, "hit_z").flat
    return layers.numbered(layers.number(z) if layer is None else layers.checked(layer, z), z)


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
