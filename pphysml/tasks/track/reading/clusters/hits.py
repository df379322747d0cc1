"""Steps of the simulation to hits: what one particle leaves in one layer."""

from __future__ import annotations

import numpy as np

from .....errors import InputError
from .....io.problems import place
from .....io.ragged import Array, Columns, Ragged
from ...geometries.geometry import Floats

SCALE, POWER = 4.2267, 0.65
"""Of the law of cluster sizes."""

SUMMED = ("edep",)
AVERAGED = ("x", "y", "z")
FIRST = {"pdg": "int32", "stop_depth": "float32"}


def cluster_size(edep: Array, thickness: float) -> Array:
    """Return the number of pixels of a hit in an ALPIDE sensor, int32.

    n = floor(4.2267 (dE/dx)^0.65 + 0.5) with dE/dx in keV/um, measured with ALPIDE (H. E. S. Pettersen,
    Digital Tracking Calorimeter Toolkit; used by arXiv:2407.13420).

    Args:
        edep: MeV.
        thickness: of the sensor, mm.
    """
    pixels: Array = np.floor(SCALE * (np.asarray(edep, dtype=np.float64) / thickness) ** POWER + 0.5).astype(np.int32)
    return pixels


def cluster_energy(pixels: Array, thickness: float | Array) -> Floats:
    """Return the energy loss that makes a cluster, MeV; inverse of `cluster_size` without its rounding."""
    energy: Floats = thickness * (np.asarray(pixels) / SCALE) ** (1 / POWER)
    return energy


def merge_steps(rows: Columns, proton: Array, layer: Array, thickness: float, min_cluster_size: int) -> Columns:
    """Return the hits of protons, one row per proton with one value per hit, in the order of the file.

    Steps of one particle in one layer are one hit: energies are added, positions averaged, and the
    earliest time is its time. Without truth every row is a hit. Rows with a `track_id` below 1 are noise.

    Args:
        rows: steps of complete protons.
        proton: number of each step's proton, from 0, rising, (R,).
        layer: (R,).
        thickness: of the sensors, mm.
        min_cluster_size: hits of fewer pixels are left out; a proton may be left without hits.

    Returns:
        `layer` `x` `y` `z` `edep` `cluster_size` `hit_entry`, and if the file has them `time` `pdg` `primary`
        `stop_depth` `particle` (numbered in each proton, -1 for noise).

    Raises:
        InputError: a step is there twice.
    """
    key, noise = _keys(rows, proton, layer)
    order = np.argsort(key, kind="stable")
    key, noise = key[order], noise[order]
    edge = np.ones(len(key), dtype=bool)
    edge[1:] = (key[1:] != key[:-1])
    _refuse_repeated(rows, order, edge)
    if not ("event" in rows and "track_id" in rows):
        order, edge = np.arange(len(order)), np.ones(len(order), dtype=bool)
    edge |= noise
    starts = np.flatnonzero(edge)
    hits = _reduce(rows, order, starts)
    first = order[starts]
    hits |= {"layer": layer[first], "cluster_size": cluster_size(hits["edep"], thickness), "hit_entry": np.asarray(rows["entry"])[first]}
    kept = np.flatnonzero(hits["cluster_size"] >= min_cluster_size)
    if "event" in rows and "track_id" in rows:
        hits["particle"] = _particles(key[starts], noise[starts], proton[first], kept)
    # Groups are ordered by particle and layer; the file's order is that of their first steps.
    kept = kept[np.argsort(first[kept], kind="stable")]
    counts = np.bincount(proton[first[kept]], minlength=int(proton[-1]) + 1 if len(proton) else 0)
    return {name: Ragged.from_counts(values[kept], counts) for name, values in hits.items()}


def _keys(rows: Columns, proton: Array, layer: Array) -> tuple[Array, Array]:
    """Return a number per step that is equal for steps of one hit, and which steps are noise."""
    key = proton.astype(np.int64)
    noise = np.zeros(len(key), dtype=bool)
    if "event" not in rows:
        # Without truth only repeated rows are looked for, and these have one time.
        time = np.asarray(rows["time"]).astype(np.float64)
        return time.view(np.int64), noise
    if "track_id" in rows:
        track = np.asarray(rows["track_id"]).astype(np.int64)
        noise = track < 1
        track = np.maximum(track, 0)
        key = key * (track.max(initial=0) + 1) + track
    return key * 256 + layer, noise


def _reduce(rows: Columns, order: Array, starts: Array) -> dict[str, Array]:
    counts = np.diff(np.append(starts, len(order)))
    hits: dict[str, Array] = {}
    for name in (*SUMMED, *AVERAGED):
        values = np.asarray(rows[name])[order].astype(np.float64)
        total = np.add.reduceat(values, starts) if len(starts) else values
        hits[name] = (total if name in SUMMED else total / counts).astype(np.float32)
    if "time" in rows:
        times = np.asarray(rows["time"])[order]
        hits["time"] = np.minimum.reduceat(times, starts) if len(starts) else times
    first = order[starts]
    for name, dtype in FIRST.items():
        if name in rows:
            hits[name] = np.asarray(rows[name])[first].astype(dtype)
    if "parent_id" in rows:
        hits["primary"] = np.asarray(rows["parent_id"])[first] == 0
    elif "track_id" in rows:
        hits["primary"] = np.asarray(rows["track_id"])[first] == 1
    if "track_id" in rows and "primary" in hits:
        hits["primary"] &= np.asarray(rows["track_id"])[first] > 0
    return hits


def _particles(key: Array, noise: Array, proton: Array, kept: Array) -> Array:
    """Number the particles of each proton that have hits left, in the order of their keys; -1 for noise."""
    particle = np.full(len(key), -1, dtype=np.int32)
    real = kept[~noise[kept]]
    if not len(real):
        return particle
    new = np.ones(len(real), dtype=bool)
    new[1:] = (key[real[1:]] >> 8) != (key[real[:-1]] >> 8)
    number = np.cumsum(new) - 1
    first = np.ones(len(real), dtype=bool)
    first[1:] = proton[real[1:]] != proton[real[:-1]]
    particle[real] = number - np.maximum.accumulate(np.where(first, number, 0))
    return particle


def _refuse_repeated(rows: Columns, order: Array, edge: Array) -> None:
    """Refuse steps that are the same in position, energy, time and particle; without energy they do no harm."""
    alone = edge & np.append(edge[1:], True)
    if alone.all():
        return
    several = order[~alone]
    group = np.cumsum(edge)[~alone]
    x = np.asarray(rows["x"])[several]
    again = np.lexsort((x, group))
    several, group = several[again], group[again]
    same = (group[1:] == group[:-1]) & (np.asarray(rows["edep"])[several[1:]] > 0)
    for name in ("x", "y", "z", "edep", "time"):
        if name in rows:
            values = np.asarray(rows[name])[several]
            same &= values[1:] == values[:-1]
    if same.any():
        pair = np.flatnonzero(same)[0]
        one, other = sorted((int(several[pair]), int(several[pair + 1])))
        where, first = place(rows, other), place(rows, one)
        raise InputError(lambda named: (
            f"repeats {first.text(named)}, the same position, energy and time of the same particle ({int(same.sum())} such "
            "rows are near); files were merged that share events: merge them again"),
            file=where.file, branch="x", entry=where.entry)
