"""Simulation against Geant4 in aluminium, with electrons of low production cuts; prints JSON.

    python benchmarks/track_materials.py gate_aluminium_100MeV.root gate_aluminium_200MeV.root [--particles 5000]

The files are GATE `Hits` of about 60 protons each, named after their energy: sensors of 30 um each 3.825 mm, and 3.5 mm of
aluminium between them. Compared are, for the particles of the beam: hits, deposits (keV), and the bends between two links
in the first layers (68 % half-width from the median, mrad) with their correlation from layer to layer; and of electrons: those further
than 30 and 60 um from the hit of their particle, per hit of a particle, and what they leave (keV). Errors are statistical.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from pphysml.io.ragged import Array
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig
from pphysml.tasks.track.simulation.simulate import TrackSimulation

PITCH, LAYERS, FRONT = 3.825, 45, 6
FAR = (0.03, 0.06)
Hits = dict[str, Array]


def calorimeter(energy: float) -> Geometry:
    """Return what the files were made with, as far as their hits show it."""
    bare = {"material": "air", "thickness": 0.0, "support_wet": 0.0, "support_radiation_lengths": 0.0}
    stack = {"material": "aluminium", "thickness": 3.5, "support_wet": 0.5}
    return Geometry.of(GeometryConfig.model_validate({
        "name": "aluminium", "layers": [{"first_z": 0.0, "count": 1, "absorber": bare},
                                        {"first_z": PITCH, "pitch": PITCH, "count": LAYERS - 1, "absorber": stack}],
        "sensor": {"thickness": 0.03}, "beam": {"energy": energy, "sigma": 12.0}, "phantom": {"thickness": 0.0, "distance": 1.0}, "electrons": True,
    }))


def simulated(energy: float, n: int) -> Hits:
    config = TrackConfig.model_validate({"simulation": {"noise": 0.0, "inefficiency": 0.0, "resolution": 0.0}})
    rows = TrackSimulation(config, 1, calorimeter(energy)).rows(SeedSequence(3), n, 0.0)
    hits = {name: np.asarray(rows[name]) for name in ("event", "track_id", "parent_id", "pdg", "x", "y", "edep")}
    return hits | {"layer": np.where(np.asarray(rows["level2_id"]) < 0, rows["level1_id"], np.asarray(rows["level2_id"]) + 2)}


def measured(path: str) -> Hits:
    """Return the hits of a file, steps of one particle in one layer merged."""
    import uproot

    names = {"eventID": "event", "level1ID": "layer", "trackID": "track_id", "parentID": "parent_id", "PDGEncoding": "pdg",
             "posX": "x", "posY": "y", "edep": "edep"}
    tree = uproot.open(path)["Hits"].arrays([*names], library="np")
    rows = {new: tree[old] for old, new in names.items()}
    _, first, place = np.unique(np.stack([rows["event"], rows["layer"], rows["track_id"]], 1), axis=0, return_index=True, return_inverse=True)
    steps = np.bincount(place.ravel())
    sums = {name: np.bincount(place.ravel(), rows[name]) for name in ("x", "y", "edep")}
    return {name: values[first] for name, values in rows.items()} | {"x": sums["x"] / steps, "y": sums["y"] / steps, "edep": sums["edep"]}


def describe(hits: Hits) -> dict[str, Any]:
    own = hits["parent_id"] == 0
    place = np.full((int(hits["event"].max()) + 1, LAYERS, 2), np.nan)
    place[hits["event"][own], hits["layer"][own]] = np.stack([hits["x"][own], hits["y"][own]], 1)
    bend = np.diff(place, 2, axis=1)[:, :FRONT] / PITCH
    first, second = (bend[:, part].ravel() for part in (slice(None, -1), slice(1, None)))
    small = (np.abs(first) < 0.03) & (np.abs(second) < 0.03)
    seen = np.isfinite(bend).sum()
    distance = np.hypot(*np.moveaxis(place[hits["event"], hits["layer"]], 1, 0) - np.stack([hits["x"], hits["y"]]))
    electron = (hits["pdg"] == 11) & (distance < 5.0)
    far = electron & (distance > FAR[0])
    return {
        "hits_per_particle": float(own.sum() / len(np.unique(hits["event"][own]))),
        "deposit_median": 1e3 * float(np.median(hits["edep"][own])),
        "bend_mrad": 1e3 * float(np.nanmedian(np.abs(bend))) / 0.6745, "bend_error": 1e3 * float(np.nanmedian(np.abs(bend))) / 0.6745 / np.sqrt(seen),
        "correlation": float(np.corrcoef(first[small], second[small])[0, 1]),
        "electrons_per_hit": {f"{1e3 * d:.0f} um": float((electron & (distance > d)).sum() / own.sum()) for d in FAR},
        "electrons_error": float(np.sqrt(far.sum()) / own.sum()),
        "electron_deposits": (1e3 * np.quantile(hits["edep"][far], [0.16, 0.5, 0.84])).tolist() if far.any() else [],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--particles", type=int, default=5000)
    options = parser.parse_args()
    found = {}
    for path in options.files:
        energy = re.search(r"(\d+)MeV", path)
        if energy is None:
            parser.error(f"{path}: its name does not say the energy of the protons, as in NAME_200MeV.root")
        found[f"{energy[1]} MeV"] = {"geant4": describe(measured(path)), "simulated": describe(simulated(float(energy[1]), options.particles))}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
