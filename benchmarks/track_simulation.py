"""Simulation of the task `track` beside Geant4 and beside published graph sizes; prints JSON, draws a picture.

    python benchmarks/track_simulation.py [--real HITS.root] [--particles 20000] [--frames 20] [--plot FILE.png]

`real`: a tree `Hits` of GATE with 250 MeV protons behind 250 mm of water (geometry `dtc-3mm`), against
which hits per particle, occupancy, deflections, energy losses and secondaries are set; left out where
the file is absent. Graph sizes: mean hits and edges per frame of `dtc` between neighbouring layers, with
angles to the axis below 0.4 rad (0.2 between the first three layers), against arXiv:2407.13420, Table 5.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pphysml.evaluation.style import BLUE, GREEN, GREY, ORANGE, new_figure, style
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.simulation import SimulationConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.simulation.simulate import TrackSimulation

Array = NDArray[Any]
QUANTILES = (0.5, 0.9, 0.99)
SHOWN = 22
PUBLISHED = {  # hits and edges of the hit graph, by phantom (mm) and particles per frame
    (100, 50): (1337, 4311), (100, 100): (2675, 14837), (100, 150): (4015, 31532),
    (150, 50): (1074, 3079), (150, 100): (2148, 10397), (150, 150): (3224, 21906),
    (200, 50): (815, 2235), (200, 100): (1628, 7514), (200, 150): (2445, 15770),
}


def simulated_hits(geometry: str, n: int) -> tuple[dict[str, Array], float]:
    """Return the hits of n particles without noise, and particles per CPU second."""
    simulation = TrackSimulation(SimulationConfig(geometry=geometry, noise=0.0, inefficiency=0.0, resolution=0.0), 1)
    simulation.block(0, 10)
    began = time.process_time()
    rows = simulation.block(1, n)
    speed = n / (time.process_time() - began)
    columns = {name: np.asarray(rows[name]) for name in ("event", "x", "y", "edep", "track_id", "parent_id")}
    columns["layer"] = np.where(np.asarray(rows["level2_id"]) < 0, rows["level1_id"], np.asarray(rows["level2_id"]) + 2)
    columns["event"] -= n
    return columns, speed


def real_hits(path: str) -> tuple[dict[str, Array], int]:
    """Return the hits of a file, steps of one particle in one layer merged, and its number of particles."""
    import uproot

    names = {"eventID": "event", "posX": "x", "posY": "y", "edep": "edep", "trackID": "track_id", "parentID": "parent_id"}
    tree = uproot.open(path)["Hits"].arrays([*names, "baseID", "level1ID"], library="np")
    rows = {new: tree[old].astype(float) for old, new in names.items()}
    rows["layer"] = np.where(tree["baseID"] == 1, 0, tree["level1ID"] + 1).astype(float)
    _, first, place = np.unique(np.stack([rows["event"], rows["track_id"], rows["layer"]], 1), axis=0, return_index=True, return_inverse=True)
    hits = {name: values[first] for name, values in rows.items()}
    count = np.bincount(place.ravel())
    hits["edep"] = np.bincount(place.ravel(), rows["edep"])
    for name in ("x", "y"):
        hits[name] = np.bincount(place.ravel(), rows[name]) / count
    for name in ("event", "layer", "track_id", "parent_id"):
        hits[name] = hits[name].astype(np.int64)
    return hits, int(hits["event"].max()) + 1


def describe(hits: dict[str, Array], n: int, z: Array) -> dict[str, Any]:
    """Return what is compared; per layer, lists over the first layers, with nan where few primaries come."""
    primary, layer = hits["parent_id"] == 0, hits["layer"]
    table = np.full((3, n, SHOWN), np.nan)
    shown = primary & (layer < SHOWN)
    for i, name in enumerate(("x", "y", "edep")):
        table[i, hits["event"][shown], layer[shown]] = hits[name][shown]
    slope = np.diff(table[:2], axis=2) / np.diff(z[:SHOWN])
    deflection = np.arctan(np.hypot(*np.diff(slope, axis=2)))
    with_hits, primaries = (len(np.unique(hits["event"][chosen])) for chosen in (slice(None), primary))
    return {
        "particles": n,
        "with_hits": with_hits / n,
        "with_primary_hits": primaries / n,
        "hits_per_particle": len(layer) / with_hits,
        "secondary_share": float(1 - primary.mean()),
        "primaries_per_layer": (np.bincount(layer[primary], minlength=SHOWN)[:SHOWN] / n).tolist(),
        "secondaries_per_layer": (np.bincount(layer[~primary], minlength=SHOWN)[:SHOWN] / n).tolist(),
        "deflection": {f"{q:g}": _per_layer(deflection, q) for q in QUANTILES},
        "edep_keV": {f"{q:g}": _per_layer(1e3 * table[2], q) for q in QUANTILES[:2]},
        "front_radius_mm": np.nanquantile(np.hypot(*table[:2, :, 0]), QUANTILES).tolist(),
        "front_angle": np.nanquantile(np.hypot(*slope[:, :, 0]), QUANTILES).tolist(),
        "spectrum": {str(i): np.sort(1e3 * table[2][:, i][~np.isnan(table[2][:, i])]) for i in (0, 15)},
    }


def _per_layer(values: Array, q: float) -> list[float]:
    enough = (~np.isnan(values)).sum(0) >= 100
    return [float(np.nanquantile(values[:, i], q)) if enough[i] else np.nan for i in range(values.shape[1])]


def graph_sizes(phantom: int, size: int, frames: int) -> tuple[float, float]:
    """Return the mean numbers of hits and of edges of simulated frames."""
    config = TrackConfig(simulation={"geometry": "dtc", "phantoms": [phantom]}, data={"protons_per_frame": [size]})  # type: ignore[arg-type]
    examples: Any = TrackSimulation(config, 2).examples(0, frames)
    edges = 0
    for i in range(frames):
        layer, x, y, z = (examples[name][i] for name in ("layer", "x", "y", "z"))
        for deep in range(1, layer.max() + 1):
            a, b = layer == deep, layer == deep - 1
            across = np.hypot(x[a][:, None] - x[b], y[a][:, None] - y[b])
            edges += int((across < np.tan(0.2 if deep < 3 else 0.4) * (z[a][:, None] - z[b])).sum())
    return float(examples["layer"].counts.mean()), edges / frames


def draw(path: str, simulated: dict[str, Any], real: dict[str, Any] | None, sizes: dict[str, Any]) -> None:
    """Draw everything that is compared into one picture."""
    with style():
        fig, axes = new_figure(13.5, 8.0, columns=3, rows=2)
        sources = [("simulation", simulated, "-")] + ([("Geant4 (GATE)", real, "o")] if real else [])
        for name, found, mark in sources:
            look: Any = {"linestyle": "-"} if mark == "-" else {"linestyle": "", "marker": "o", "markersize": 4}
            for key, colour in (("primaries_per_layer", BLUE), ("secondaries_per_layer", ORANGE)):
                axes[0].plot(found[key], color=colour, label=f"{key.split('_')[0]}, {name}", **look)
            for q, colour in zip(found["edep_keV"], (BLUE, ORANGE), strict=True):
                axes[1].plot(found["edep_keV"][q], color=colour, label=f"quantile {q}, {name}", **look)
            for q, colour in zip(found["deflection"], (BLUE, ORANGE, GREEN), strict=True):
                axes[2].plot(1 + np.arange(SHOWN - 2), found["deflection"][q], color=colour, label=f"quantile {q}, {name}", **look)
            for i, colour in (("0", BLUE), ("15", ORANGE)):
                heights, edges = np.histogram(found["spectrum"][i], np.geomspace(4, 300, 40))
                centre, density = np.sqrt(edges[1:] * edges[:-1]), heights / heights.sum() / np.diff(np.log(edges))
                axes[3].plot(centre, density, color=colour, label=f"layer {i}, {name}", **look)
        for phantom, colour in zip((100, 150, 200), (BLUE, ORANGE, GREEN), strict=True):
            own = [sizes[f"{phantom} mm, {n}"] for n in (50, 100, 150)]
            for axis, key in ((axes[4], "hits"), (axes[5], "edges")):
                axis.plot((50, 100, 150), [o[key] for o in own], color=colour, label=f"{phantom} mm")
                axis.plot((50, 100, 150), [o[f"published_{key}"] for o in own], "o", color=colour)
        labels = (("layer", "hits per particle", 0), ("layer", "energy in the sensor (keV)", 0), ("layer", "deflection (rad)", 1),
                  ("energy in the sensor (keV)", "density in its logarithm", 1), ("particles per frame", "hits, dots: published", 0),
                  ("particles per frame", "edges, dots: published", 0))
        for axis, (across, up, log) in zip(axes, labels, strict=True):
            axis.set(xlabel=across, ylabel=up)
            if log:
                axis.set_yscale("log")
            axis.legend(fontsize=8)
        axes[3].set_xscale("log")
        axes[1].set_yscale("log")
        fig.suptitle("250 MeV protons behind 250 mm of water (dtc-3mm); graphs of 230 MeV protons (dtc)", color=GREY, fontsize=11)
        fig.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", help="GATE file; without it, only the simulation is described")
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--plot", help="picture to write")
    options = parser.parse_args()
    z = load_geometry("dtc-3mm").z
    hits, speed = simulated_hits("dtc-3mm", options.particles)
    simulated, real = describe(hits, options.particles, z), None
    if options.real and Path(options.real).exists():
        real = describe(*real_hits(options.real), z)
    sizes = {}
    for (phantom, size), (n_hits, n_edges) in PUBLISHED.items():
        own_hits, own_edges = graph_sizes(phantom, size, options.frames)
        sizes[f"{phantom} mm, {size}"] = {"hits": own_hits, "published_hits": n_hits, "edges": own_edges, "published_edges": n_edges}
    if options.plot:
        draw(options.plot, simulated, real, sizes)
    for found in filter(None, (simulated, real)):
        del found["spectrum"]
    print(json.dumps({"particles_per_cpu_second": speed, "simulated": simulated, "real": real, "graphs": sizes}, indent=1))


if __name__ == "__main__":
    main()
