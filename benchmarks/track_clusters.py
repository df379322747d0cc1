"""Tracks of files with hits as clusters of all particles, and as what one particle leaves; prints JSON.

    python benchmarks/track_clusters.py HITS.root --protons 50 100 150
    python benchmarks/track_clusters.py ALUMINIUM.root ... --protons 1000
    python benchmarks/track_clusters.py --aluminium 500 --protons 65

For every density and kind of hits: how many clusters hold what several particles, or several protons, left;
what making frames takes (CPU ms per frame, least of `--repeat`, taking turns); complete tracks and purity of the shipped
network, the follower with its defaults, and perfect links. With clusters, also the network less the
follower, paired, with its error over protons. `--aluminium N` takes N simulated protons of each of 100, 130, 160 and
200 MeV in the calorimeter of the GATE files of aluminium (`track_materials.calorimeter`), which is not given, as with those.
"""

from __future__ import annotations

import argparse
import json
from time import process_time
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from track_materials import calorimeter

from pphysml.io.ragged import Array, Columns, concatenate, length, ragged
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.registry import get_task
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.judging.track_metrics import tally_tracks
from pphysml.tasks.track.models.batches import portions
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.made_tracks import made_tracks
from pphysml.tasks.track.tracks.true_tracks import true_hits
from pphysml.verbs.engine_choice import EngineChoice, choose

KINDS = ("clusters", "particles")
ENGINES = ("network", "follower", "perfect")
ENERGIES = (100.0, 130.0, 160.0, 200.0)
SEED = 41
"""Of the simulated protons; of no training."""
Made = tuple[Columns, dict[str, Any]]


def read(file: str) -> Columns:
    return concatenate(list(Reader(resolve([file], None), LAYOUTS, need_truth=True)))


def aluminium(energy: float, n: int) -> Columns:
    """Return rows as a file without volume ids has them, of an unknown calorimeter."""
    rows = TrackSimulation(TrackConfig(), SEED, calorimeter(energy)).rows(SeedSequence([SEED, int(energy)]), n, 0.0)
    named = {name: values for name, values in rows.items() if name not in ("beam_energy", "beam_pdg", "base_id", "level1_id", "level2_id")}
    return named | {"file": np.zeros(length(rows), dtype=np.int32), "entry": np.arange(length(rows))}


def frames(rows: Columns, hits: str, protons: int) -> Made:
    """Return frames and what reading says of them."""
    config = TrackConfig.model_validate({"data": {"hits": hits}, "apply": {"protons_per_frame": protons}})
    first, carry = assemble(rows, None, config)
    rest, _ = assemble(None, carry, config)
    return concatenate([part for part in (first, rest) if part]), carry.facts()


def timed(rows: Columns, protons: int, repeat: int) -> tuple[dict[str, Made], dict[str, float]]:
    made: dict[str, Made] = {}
    times: dict[str, list[float]] = {hits: [] for hits in KINDS}
    for _ in range(1 + repeat):
        for hits in KINDS:
            start = process_time()
            made[hits] = frames(rows, hits, protons)
            times[hits].append(process_time() - start)
    return made, {hits: 1e3 * min(seconds[1:]) / length(made[hits][0]) for hits, seconds in times.items()}


def judged(examples: Columns, engines: dict[str, Any]) -> dict[str, dict[str, Array]]:
    """Return complete tracks of each proton and tracks of each owner, by engine."""
    found: dict[str, dict[str, Array]] = {}
    for name, chosen in engines.items():
        counts = []
        for part in portions(examples, 4):
            tracks = made_tracks(part, chosen.engine.links(part), chosen.config)
            counts.append(tally_tracks(true_hits(part), tracks))
        found[name] = {key: np.concatenate([count[key] for count in counts]) for key in ("complete", "protons", "tracks")}
    return found


def figures(answers: list[dict[str, dict[str, Array]]]) -> dict[str, Any]:
    joined = {name: {key: np.concatenate([answer[name][key] for answer in answers]) for key in answers[0][name]} for name in answers[0]}
    rates = {name: {"complete": round(float(found["complete"].sum() / found["protons"].sum()), 4),
                    "purity": round(float(found["complete"].sum() / found["tracks"].sum()), 4)} for name, found in joined.items()}
    protons = joined["network"]["protons"] > 0
    ahead = (joined["network"]["complete"] - joined["follower"]["complete"])[protons]
    return {"protons": int(protons.sum()), "engines": rates,
            "network_less_follower": [round(float(ahead.mean()), 4), round(float(ahead.std() / np.sqrt(len(ahead))), 4)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--aluminium", type=int, metavar="N")
    parser.add_argument("--protons", type=int, nargs="+", default=[100])
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    task = get_task("track")
    engines = {name: choose(task, EngineChoice(engine=name)) for name in ENGINES}
    if not arguments.files and not arguments.aluminium:
        parser.error("give files, or --aluminium")
    simulated = [aluminium(energy, arguments.aluminium) for energy in ENERGIES] if arguments.aluminium else []
    sources = [*map(read, arguments.files), *simulated]
    report: dict[str, Any] = {}
    for protons in arguments.protons:
        every = [timed(rows, protons, arguments.repeat) for rows in sources]
        for hits in KINDS:
            parts = [made[hits] for made, _ in every]
            cell = report[f"{protons}, {hits}"] = figures([judged(examples, engines) for examples, _ in parts])
            cell |= {"frames": sum(length(examples) for examples, _ in parts), "hits": [facts["hits"] for _, facts in parts],
                     "frames_cpu_ms": [round(ms[hits], 3) for _, ms in every]}
            if hits == "clusters":
                cell["clusters_of_two_protons"] = sum(int((ragged(examples, "second_proton").flat >= 0).sum()) for examples, _ in parts)
    print(json.dumps({"files": arguments.files, "aluminium": arguments.aluminium, "cells": report}, indent=1))


if __name__ == "__main__":
    main()
