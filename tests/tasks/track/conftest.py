"""Small frames made by hand, and what an engine would make of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.reading.beams import Beams
from pphysml.tasks.track.reading.calorimeters.layers import Layers
from pphysml.tasks.track.reading.examples import MATERIALS, finished
from pphysml.tasks.track.tracks.links import Links, frame_of_hit

PITCH = 10.0


@dataclass
class Particle:
    """Hits of one particle; proton -1 is noise."""

    proton: int
    layers: object
    primary: bool = True
    x: float | None = None
    slope: float = 0.0
    edep: float = 0.1
    stop: float = -1.0


def frames(*rows, phantom=None):
    """Return examples, one frame for each list of particles; these are numbered in their order."""
    columns: dict[str, list] = {name: [] for name in ("layer", "x", "y", "z", "edep", "proton", "particle", "primary", "stop_depth")}
    for particles in rows:
        hits = [(layer, number, p) for number, p in enumerate(particles) for layer in p.layers]
        hits.sort(key=lambda hit: hit[0])
        values = {
            "layer": [layer for layer, _, _ in hits],
            "x": [(8.0 * k if p.x is None else p.x) + p.slope * layer * PITCH for layer, k, p in hits],
            "y": [0.1 * k for _, k, _ in hits], "z": [PITCH * layer for layer, _, _ in hits],
            "edep": [p.edep for _, _, p in hits], "proton": [p.proton for _, _, p in hits],
            "particle": [k if p.proton >= 0 else -1 for _, k, p in hits],
            "primary": [p.primary and p.proton >= 0 for _, _, p in hits], "stop_depth": [p.stop for _, _, p in hits],
        }
        for name, column in columns.items():
            column.append(values[name])
    types = {"layer": np.int16, "proton": np.int32, "particle": np.int32, "primary": bool}
    examples = {name: Ragged.from_rows(column, types.get(name, np.float32)) for name, column in columns.items()}
    n, counts = len(rows), examples["layer"].counts
    total = int(counts.sum())
    per_hit = {"dedx": examples["edep"].flat / np.float32(0.025), "cluster_size": np.full(total, 4, np.int32),
               "hit_entry": np.arange(total), "time": np.zeros(total), "pdg": np.full(total, 2212, np.int32),
               **{name: np.full(total, np.nan, np.float32) for name in MATERIALS}}
    examples |= {name: Ragged.from_counts(values, counts) for name, values in per_hit.items()}
    number = [len({p.proton for p in particles if p.proton >= 0}) for particles in rows]
    return examples | {
        "file": np.zeros(n, np.int32), "entry": np.arange(n), "run": np.zeros(n, np.int64), "job": np.zeros(n, np.int32), "frame": np.arange(n),
        "spot_x": np.zeros(n, np.float32), "spot_y": np.zeros(n, np.float32), "spot_given": np.zeros(n, bool),
        "beam_range": np.full(n, np.nan, np.float32), "beam_energy": np.full(n, np.nan, np.float32),
        "beam_spread": np.zeros(n, np.float32), "beam_charge": np.ones(n, np.float32),
        "sensor_thickness": np.full(n, 0.025, np.float32), "pitch_x": np.full(n, 0.029, np.float32), "pitch_y": np.full(n, 0.027, np.float32),
        "turns_at_sensors": np.zeros(n, bool), "n_protons": np.array(number, np.int32),
        "phantom": np.full(n, np.nan if phantom is None else phantom, np.float32),
    }


def in_geometry(examples, geometry, beam=None):
    """Return examples with the materials of a geometry at their layers, and a beam (of the geometry by default)."""
    beams = Beams(described=beam or geometry.beam)
    layers = Layers.of(geometry)
    known = finished({**examples, "layer": examples["layer"]}, layers, beams)
    return examples | {name: known[name] for name in (*MATERIALS, "beam_range", "beam_energy", "beam_spread", "beam_charge",
                                                      "sensor_thickness", "pitch_x", "pitch_y", "turns_at_sensors")}


def chains(examples, *tracks, probability=0.9):
    """Return links along tracks, each a row and its hits (particle, layer) from the beam inwards."""
    frame, particle, layer = frame_of_hit(examples), examples["particle"].flat, examples["layer"].flat
    previous = np.full(len(frame), -1)
    for row, *hits in tracks:
        index = [int(np.flatnonzero((frame == row) & (particle == k) & (layer == at))[0]) for k, at in hits]
        previous[index[1:]] = index[:-1]
    return Links(previous, np.where(previous >= 0, probability, 1).astype(np.float32))


def predicted(examples, links, **filters):
    """Return the output columns of links."""
    return output_columns(examples, links, configured(**filters))


def configured(**filters):
    return TrackConfig.model_validate({"apply": {"filters": filters}})


def random_frames(rng, n=6):
    """Return crowded frames with noise, secondaries, gaps and protons without primary hits."""
    rows = []
    for _ in range(n):
        particles = []
        for proton in range(int(rng.integers(2, 9))):
            stop = int(rng.integers(1, 12))
            seen = [layer for layer in range(stop) if rng.random() < 0.9] or [0]
            primary = bool(rng.random() < 0.9)
            particles.append(Particle(proton, seen, primary, rng.normal(0, 6), rng.normal(0, 0.03), rng.uniform(0.02, 0.12)))
            if rng.random() < 0.3:
                particles.append(Particle(proton, range(stop, stop + 3), False, rng.normal(0, 6), 0.05))
        particles += [Particle(-1, [int(rng.integers(0, 12))], False, rng.normal(0, 6)) for _ in range(3)]
        rows.append(particles)
    return frames(*rows)


def random_links(rng, examples, true, wrong=0.3):
    """Return true links of which some are cut, or exchanged with those of other hits of the layer."""
    frame, layer = frame_of_hit(examples), examples["layer"].flat
    previous = true.copy()
    for h in rng.permutation(np.flatnonzero(true >= 0)):
        others = np.flatnonzero((frame == frame[h]) & (layer == layer[h]) & (previous >= 0))
        action = rng.random()
        if action < wrong / 3:
            previous[h] = -1
        elif action < wrong and previous[h] >= 0:
            other = rng.choice(others)
            previous[[h, other]] = previous[[other, h]]
    return Links(previous, rng.uniform(0.2, 1, len(previous)).astype(np.float32))


@pytest.fixture
def toy():
    """What this file defines."""
    return sys.modules[__name__]
