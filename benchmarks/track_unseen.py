"""Networks and a follower tuned on each, in calorimeters that no training has drawn; prints JSON.

    python benchmarks/track_unseen.py --model 1=RUN --model 2=RUN --model 3=RUN [--geometries 10] [--seed 900017]
    python benchmarks/track_unseen.py --model 1=mixed --outside

Calorimeter k is `simulation.drawn_geometries` of the seed (of no training) and k, with its beam and phantom: absorbers of
1 to 6 mm of several materials, sensors of 25 to 500 um, protons and helium. In each: `--frames` frames of `--protons`
particles; the follower is tuned on `--tuning-frames` others of the same calorimeter, and the better of that and its defaults on
these counts. `sigma`: of the difference in complete tracks, McNemar's and with frames resampled, the smaller one.
`--outside` draws absorbers of 8 to 12 mm and sensors of 0.8 to 1 mm instead, and says what the domain of each model says of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from typing import Any

import torch
from track_accuracy import complete_efficiency, named
from track_figures import (
    JUDGED,
    all_true_links,
    compared,
    errors,
    find,
    judge,
    true_candidates,
)

from pphysml.io.ragged import Columns
from pphysml.registry import get_task
from pphysml.tasks.track.classical.follower import follow_tracks
from pphysml.tasks.track.classical.follower_tuning import tune_follower
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.engines import FollowerConfig
from pphysml.tasks.track.config.simulation import DrawnGeometriesConfig
from pphysml.tasks.track.geometries.geometry import GeometryConfig
from pphysml.tasks.track.judging.rates import REPLICAS, TRACKS, rate_interval
from pphysml.tasks.track.models.domain import outside
from pphysml.tasks.track.simulation.drawn_geometry import drawn_geometry
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.verbs.engine_choice import Chosen, EngineChoice, choose

OUTSIDE = {"absorber": [8.0, 12.0], "sensor": [0.8, 1.0], "materials": ["aluminium", "tungsten"]}


def frames(seed: int, number: int, ranges: DrawnGeometriesConfig, arguments: argparse.Namespace) -> tuple[GeometryConfig, Columns, Columns]:
    """Return a calorimeter, its frames of the test, and those for tuning."""
    geometry, described = drawn_geometry(seed, number, ranges)
    config = TrackConfig.model_validate({"data": {"protons_per_frame": [arguments.protons]}})
    test, tuning = (TrackSimulation(config, seed + more, geometry).frames(number, n)
                    for more, n in ((arguments.stream, arguments.frames), (2, arguments.tuning_frames)))
    return described, test, tuning


def run(number: int, ranges: DrawnGeometriesConfig, models: dict[str, Chosen], arguments: argparse.Namespace) -> dict[str, Any]:
    described, test, tuning = frames(arguments.seed, number, ranges, arguments)
    config = TrackConfig()
    best, tuned = tune_follower(tuning, FollowerConfig(), rounds=arguments.rounds, figure=complete_efficiency)
    answers = {"follower": judge(test, find(partial(follow_tracks, options=best), test)[0], config),
               "perfect": judge(test, all_true_links(test), config)}
    found: dict[str, Any] = {}
    for name, chosen in models.items():
        answers[name] = judge(test, find(chosen.engine.links, test)[0], config)  # type: ignore[attr-defined]
        compare = compared(answers[name], answers["follower"], answers["perfect"])["complete_efficiency"]
        found[name] = compare | {"sigma": min(compare["sigma_mcnemar"], compare["sigma_frames"], key=abs),
                                 "domain": list(outside(test, chosen.model.prepared)) if chosen.model else []}
    first = next(iter(models.values()))
    reachable = judge(test, true_candidates(test, first.config.data), config)
    stack = described.layers[-1].absorber
    return {
        "geometry": number, "absorber": stack.model_dump() if stack else None, "sensor_mm": described.sensor.thickness,
        "beam": described.beam.model_dump(), "phantom_mm": described.phantom.thickness,
        **{key: {name: errors(rate_interval(answer.counts, TRACKS[key], REPLICAS)) for name, answer in {**answers, "reachable": reachable}.items()}
           for key in JUDGED},
        "tuned_on_tuning_frames": tuned, "paired": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], type=named, help="NAME=RUN")
    parser.add_argument("--geometries", type=int, default=10)
    parser.add_argument("--number", type=int, help="one calorimeter alone")
    parser.add_argument("--seed", type=int, default=900_017)
    parser.add_argument("--stream", type=int, default=1, help="another number makes other frames; 2 are those of the tuning")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--tuning-frames", type=int, default=8)
    parser.add_argument("--protons", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1, help="rounds of the tuning over all options")
    parser.add_argument("--outside", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models = {name: choose(get_task("track"), EngineChoice(model=run)) for name, run in arguments.model}
    ranges = DrawnGeometriesConfig.model_validate(OUTSIDE if arguments.outside else {})
    cells = []
    for number in range(arguments.geometries) if arguments.number is None else [arguments.number]:
        cells.append(run(number, ranges, models, arguments))
        print(number, {name: value[0] for name, value in cells[-1]["complete_efficiency"].items()}, {name: p["sigma"] for name, p in cells[-1]["paired"].items()},
              file=sys.stderr, flush=True)
    ahead = {name: sum(cell["paired"][name]["sigma"] >= 3 for cell in cells) for name in models}
    half = {name: sum((cell["paired"][name]["gap_closed"] or [0])[0] >= 0.5 for cell in cells) for name in models}
    every = sum(all(cell["paired"][name]["sigma"] >= 3 for name in models) for cell in cells)
    json.dump({"seed": arguments.seed, "protons": arguments.protons, "ahead_by_3_sigma": ahead, "ahead_by_3_sigma_in_every_seed": every,
               "half_of_the_gap": half, "geometries": cells}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
