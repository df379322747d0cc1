"""The list of protons for imaging with and without its outliers, and the tracking of two spots in a frame; prints JSON.

    python benchmarks/track_imaging.py FILE --beam proton:250MeV --wepl 250.15
    python benchmarks/track_imaging.py --spots 0 20 40 80 120 160 200 [--protons 1200] [--phantom 100]
    python benchmarks/track_imaging.py --front 1 10 30 100 [--protons 3000] [--phantom 100] [--planes -250 -200] [--sigma 6]

Of a file of hits behind a phantom whose WEPL is known: the share of the list that is more than 10.5 mm off, of all protons and
of those that are not marked, and the share of the others that is marked, by engine. Of simulated protons in turn from
two spots at these distances (mm), which no position in the file tells apart: the share of complete tracks in frames
of 100; at 0 mm, that of the same protons in frames of 50 from one spot. Of simulated protons of one spot through a
front tracker, in frames of so many: the share of the tracks of a proton that are matched to it in front, the purity, and the share
where the track in front is taken that, straight on, comes nearest to the first hit.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from pphysml.io.ragged import Columns, concatenate, length, ragged, take
from pphysml.registry import get_task
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.front_tracker import FrontTracker, FrontTrackerConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.judging.track_metrics import MATCH
from pphysml.tasks.track.reading.assemble import frames_of
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.front_tracks import find_front_tracks
from pphysml.tasks.track.tracks.true_tracks import matches, tracks_of, true_hits
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice, choose
from pphysml.verbs.inputs import Inputs

OFF = 10.5
"""Three widths of the range straggling of 230 MeV protons, mm."""

ENGINES = ("network", "perfect")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--beam", default="proton:250MeV")
    parser.add_argument("--wepl", type=float, help="true one of all protons, mm")
    parser.add_argument("--spots", type=float, nargs="*", default=[])
    parser.add_argument("--front", type=int, nargs="*", default=[])
    parser.add_argument("--planes", type=float, nargs="*", default=[-250.0, -200.0], help="of the front tracker, mm")
    parser.add_argument("--sigma", type=float, default=6.0, help="width of the beam spot in front, mm")
    parser.add_argument("--protons", type=int, default=1200)
    parser.add_argument("--phantom", type=float, default=100.0)
    arguments = parser.parse_args()
    report: dict[str, Any] = {}
    if arguments.file:
        report["list"] = {engine: shares(arguments.file, engine, arguments.beam, arguments.wepl) for engine in ENGINES}
    if arguments.spots:
        report["two spots"] = two_spots(arguments.spots, arguments.protons, arguments.phantom)
    if arguments.front:
        report["front tracker"] = fronts(arguments.front, arguments.protons, arguments.phantom, arguments.planes, arguments.sigma)
    json.dump(report, sys.stdout, indent=1)
    print()


def shares(file: str, engine: str, beam: str, wepl: float) -> dict[str, float]:
    """Return what the outliers take away of what is off, and of the rest."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "tracks.root"
        apply(get_task("track"), Inputs([file]), EngineChoice(engine=engine, overrides=[f"apply.beam={beam}"]), output=output)
        with uproot.open(output) as written:
            rows = written["wepl"].arrays(["wepl", "outlier"], library="np")
    off, kept = np.abs(rows["wepl"] - wepl) > OFF, rows["outlier"] == 0
    marked = {name: float(((rows["outlier"][~off] & bit) > 0).mean()) for name, bit in (("by WEPL", 1), ("by angle", 2), ("by either", 3))}
    return {"protons": len(off), "off": float(off.mean()), "off of those not marked": float(off[kept].mean()),
            **{f"others marked {name}": share for name, share in marked.items()}}


def two_spots(distances: list[float], protons: int, phantom: float) -> dict[str, dict[str, float]]:
    """Return the share of complete tracks by distance and engine; at 0 mm, frames hold the protons of one spot."""
    config = TrackConfig.model_validate({"simulation": {"phantoms": [phantom]}})
    rows = TrackSimulation(config, 17).block(0, protons)
    task, geometry, spot = get_task("track"), load_geometry("dtc"), np.asarray(rows["event"]) % 2
    report: dict[str, dict[str, float]] = {}
    for distance in distances:
        moved = {**rows, "x": np.asarray(rows["x"]) + (spot - 0.5) * distance}
        parts = [moved] if distance else [take(moved, spot == number) for number in (0, 1)]
        frames = concatenate([frames_of(part, geometry, config, 100 // len(parts)) for part in parts])
        frames["spot_given"] = np.full(length(frames), distance == 0)
        found = report[f"{distance:g} mm"] = {}
        for engine in ("network", "follower"):
            chosen = choose(task, EngineChoice(engine=engine))
            evaluator = task.evaluator(chosen.config, engine)
            evaluator.update(frames, chosen.engine(frames))
            found[engine] = next(metric.value for metric in evaluator.result().metrics if metric.name == "complete_efficiency")
    return report


def fronts(sizes: list[int], protons: int, phantom: float, planes: list[float], sigma: float) -> dict[str, dict[str, Any]]:
    """Return how many tracks get their own track in front, by protons per frame and engine."""
    task, geometry = get_task("track"), load_geometry("dtc")
    thickness = geometry.sensor.thickness
    geometry = replace(geometry, beam=geometry.beam.model_copy(update={"sigma": sigma}), name="dtc with a front tracker",
                       front=FrontTracker.of(FrontTrackerConfig(layers=planes), thickness, float(geometry.z[0])))
    rows = TrackSimulation(TrackConfig.model_validate({"simulation": {"phantoms": [phantom]}}), 23, geometry).block(0, protons)
    report: dict[str, dict[str, Any]] = {}
    for size in sizes:
        frames = frames_of(rows, geometry, TrackConfig(), size)
        found = report[f"{size} per frame"] = {}
        for engine in ENGINES:
            chosen = choose(task, EngineChoice(engine=engine))
            evaluator = task.evaluator(chosen.config, engine)
            columns = chosen.engine(frames)
            evaluator.update(frames, columns)
            shares = {metric.name: [round(value, 4) for value in (metric.value, metric.low, metric.high)] for metric in evaluator.result().metrics if metric.name.startswith("front_")}
            found[engine] = {**shares, "nearest": round(nearest_share(frames, columns), 4)}
    return report


def nearest_share(frames: Columns, columns: Columns) -> float:
    """Return the share of tracks of a proton whose nearest track in front, straight on to the first hit, is that of the proton."""
    hits, tracks, front = true_hits(frames), tracks_of(frames, columns), find_front_tracks(frames)
    proton = matches(hits, tracks, MATCH)
    right = []
    for track in np.flatnonzero(proton >= 0):
        own = np.flatnonzero(front.frame == tracks.frame[track])
        first = [ragged(frames, name).flat[tracks.first[track]] for name in "xyz"]
        reached = front.place[own, :2] + front.slope[own] * (first[2] - front.place[own, 2:])
        nearest = own[np.argmin(((reached - first[:2]) ** 2).sum(1))] if len(own) else -1
        right.append(len(own) > 0 and front.proton is not None and front.proton[nearest] >= 0
                     and front.proton[nearest] + hits.first_proton[tracks.frame[track]] == proton[track])
    return float(np.mean(right))


if __name__ == "__main__":
    main()
