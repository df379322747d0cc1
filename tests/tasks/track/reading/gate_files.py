"""Rows of the layouts `gate-hits` and `frames`, made by hand for tests."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np

from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.tasks.track.config import TrackConfig

PITCH = 5.5


def gate_rows(n_protons=120, seed=0, positions=None, **others):
    """Return steps of protons that end in some layer, each with up to two secondaries and two steps a layer."""
    rng = np.random.default_rng(seed)
    positions = PITCH * np.arange(20) if positions is None else positions
    rows = []
    for proton in range(n_protons):
        # Some events of the beam leave no hit.
        event = 2 * proton + 1
        for track in range(1, 2 + rng.integers(0, 3)):
            start = 0 if track == 1 else rng.integers(0, 10)
            for layer in range(start, rng.integers(start, len(positions)) + 1):
                rows += [(event, track, layer)] * rng.integers(1, 3)
    event, track, layer = np.array(rows).T
    n = len(layer)
    local = rng.uniform(-0.0125, 0.0125, n)
    # Steps of a particle in one layer are close together.
    hit = np.cumsum(np.any(np.diff(np.array(rows), axis=0, prepend=-1) != 0, axis=1))
    x, y = rng.normal(0, 5, (2, hit[-1] + 1))[:, hit] + rng.normal(0, 1e-5, (2, n))
    return {
        "file": np.zeros(n, np.int32), "entry": np.arange(n), "run": np.zeros(n, np.int64), "event": event,
        "track_id": track, "parent_id": np.where(track == 1, 0, 1), "pdg": np.where(track == 1, 2212, 11),
        "x": x, "y": y, "z": positions[layer] + local, "local_z": local,
        "edep": rng.exponential(0.1, n) + 0.01, "time": 1e-3 * event + 1e-9 * layer, "level1_id": layer,
        "stop_depth": (1.0 * event).astype(np.float32), **others,
    }


def readouts(n_frames=30, seed=0):
    """Return entries of the layout `frames`."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 60, n_frames)
    total = int(counts.sum())
    layer = rng.integers(0, 20, total)
    columns = {
        "hit_x": rng.normal(0, 5, total), "hit_y": rng.normal(0, 5, total), "hit_z": PITCH * layer + 3.0, "hit_layer": layer,
        "hit_edep": rng.exponential(0.1, total) + 0.01, "hit_cluster_size": rng.integers(0, 30, total), "hit_time": rng.uniform(0, 1, total),
        "hit_event": rng.integers(-1, 8, total), "hit_track": rng.integers(0, 3, total), "hit_parent": rng.integers(0, 2, total),
        "hit_pdg": np.full(total, 2212),
    }
    rows = {name: Ragged.from_counts(values, counts) for name, values in columns.items()}
    return {"file": np.zeros(n_frames, np.int32), "entry": np.arange(n_frames), "frame": 100 + np.arange(n_frames),
            "run": np.zeros(n_frames, np.int64), **rows}


def assembled(assemble, rows, step=None, **options):
    """Return the examples of rows that come `step` at a time; options are of `apply` or `data`."""
    config = TrackConfig()
    for name, value in options.items():
        setattr(config.apply if hasattr(config.apply, name) and name != "geometry" else config.data, name, value)
    n = length(rows)
    chunks = [slice_rows(rows, start, min(start + (step or n), n)) for start in range(0, n, step or max(n, 1))]
    carry, parts = None, []
    for chunk in chain(chunks, repeat(None)):
        examples, carry = assemble(chunk, carry, config)
        parts += [examples] if examples else []
        if chunk is None and carry is None:
            break
    return concatenate(parts)


def equal(a, b):
    """Return whether two column sets are the same in every bit."""
    def flat(column):
        return (column.flat, column.offsets) if isinstance(column, Ragged) else (np.asarray(column),)

    return a.keys() == b.keys() and all(
        x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        for name in a for x, y in zip(flat(a[name]), flat(b[name]), strict=True))
