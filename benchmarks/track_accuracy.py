"""Tables of tracking engines on the same frames, with paired differences; prints JSON.

    python benchmarks/track_accuracy.py --simulation --model ours=RUN --model line-graph=RUN --markdown FILE
    python benchmarks/track_accuracy.py --simulation --untuned --phantoms 150 --protons 1000 --frames 4 --model ours=mixed
    python benchmarks/track_accuracy.py --real HITS.root --events 0:1250 --tune-events 1250:2500 --model ours=RUN

Simulation: geometry `dtc`, a cell for each phantom and density, frames of a seed that no training has.
Real: GATE hits with truth; complete frames of the protons with hits among the numbers A to B - 1 of
`--events`. Give other events to what was tuned or fine-tuned on the file.

Engines: each `--model NAME=RUN` (shipped weights go by their name, NAME=mixed); `follower` and
`deflection`, tuned in every cell on separate frames (simulation: another seed; real: `--tune-events`);
for a real file also `follower, simulation`, tuned on simulated frames of `--like`; `follower, default`;
`straight`; and `perfect`, all true links. Tuning takes most of the time, about half an hour for the nine
cells of simulation: `--tuned` takes the options of the JSON of an earlier run instead, and `--untuned` leaves
out what is tuned.

Every figure is [value, error down, error up], 68 % over resampled protons (published rates: frames).
`ceiling_*` of a network are its true candidates. Differences are of each network to each follower,
and to the networks named after it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from track_figures import (
    JUDGED,
    Answer,
    Finder,
    all_true_links,
    changed,
    compared,
    figures,
    find,
    judge,
    shown,
    table,
    true_candidates,
)
from track_follower_tuning import by_deflection, frames

from pphysml.io.ragged import Columns, concatenate, length, take
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.registry import get_task
from pphysml.tasks.track.classical.follower import follow_tracks
from pphysml.tasks.track.classical.follower_tuning import complete_product, tune_follower
from pphysml.tasks.track.classical.layer_assignment import deflection_links, straight_links
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.engines import DeflectionConfig, FollowerConfig, StraightConfig
from pphysml.tasks.track.judging.track_metrics import tally_tracks
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.merged_hits import share
from pphysml.tasks.track.tracks.tracks import find_tracks
from pphysml.tasks.track.tracks.true_tracks import true_hits
from pphysml.verbs.engine_choice import Chosen, EngineChoice, choose

TEST_SEED, TUNING_SEED = 5_000_017, 6_000_011
FOLLOWER, FROM_SIMULATION, UNTUNED = "follower", "follower, simulation", "follower, default"
SHOWN = ("complete_efficiency", "complete_efficiency_primary", "matched_efficiency", "track_purity", "fake_rate",
         "published_purity", "published_efficiency", "published_purity_scaled", "published_efficiency_scaled")
IN_MM = ("range_bias_peak", "range_width_peak", "wepl_bias", "wepl_width", "wepl_bias_peak", "wepl_width_peak")


@dataclass(frozen=True)
class Cell:
    """Frames of one phantom (mm) and density: for the test, and by name for tuning a follower."""

    phantom: float
    protons: int
    test: Columns
    tuning: dict[str, Columns]

    @property
    def name(self) -> str:
        return f"{self.phantom:g} mm, {self.protons}"


def simulated(geometry: str, phantom: float, protons: int, seed: int, index: int, n: int, hits: str) -> Columns:
    options = {"simulation": {"geometry": geometry, "phantoms": [phantom]}, "data": {"protons_per_frame": [protons], "hits": hits}}
    return TrackSimulation(TrackConfig.model_validate(options), seed).examples(index, n)


def simulated_cells(arguments: argparse.Namespace) -> Iterator[Cell]:
    for index, (phantom, protons) in enumerate((p, n) for p in arguments.phantoms for n in arguments.protons):
        test, tuning = (simulated("dtc", phantom, protons, seed, index, n, arguments.hits)
                        for seed, n in ((TEST_SEED, arguments.frames), (TUNING_SEED, arguments.tuning_frames)))
        yield Cell(phantom, protons, test, {FOLLOWER: tuning})


def real_cells(arguments: argparse.Namespace) -> Iterator[Cell]:
    rows = concatenate(list(Reader(resolve([arguments.real], None), LAYOUTS, need_truth=True)))
    phantom = arguments.phantoms[0]
    for index, protons in enumerate(arguments.protons):
        tuning = {FROM_SIMULATION: simulated(arguments.like, phantom, protons, TUNING_SEED, index, arguments.tuning_frames, arguments.hits)}
        if arguments.tune_events:
            tuning[FOLLOWER] = real_frames(rows, arguments.tune_events, protons, arguments)
        yield Cell(phantom, protons, real_frames(rows, arguments.events, protons, arguments), tuning)


def real_frames(rows: Columns, events: range, protons: int, arguments: argparse.Namespace) -> Columns:
    event = np.asarray(rows["event"])
    examples = frames(take(rows, (event >= events.start) & (event < events.stop)), protons, arguments.geometry, arguments.hits)
    if not examples or not length(examples):
        raise SystemExit(f"events {events.start}:{events.stop} make no frame of {protons} protons")
    return examples | {"phantom": np.full(length(examples), arguments.phantoms[0], dtype=np.float32)}


def complete_efficiency(examples: Columns, links: Links) -> float:
    tracks = find_tracks(examples, links)
    counts = tally_tracks(true_hits(examples), share(examples, tracks) if "second_proton" in examples else tracks)
    return float(counts["complete"].sum() / counts["protons"].sum())


def tuned(cell: Cell, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the classical engines that do best on the tuning frames."""
    figure = complete_product if arguments.tune_for == "product" else complete_efficiency
    found: dict[str, Any] = {UNTUNED: {}}
    for name, examples in cell.tuning.items():
        best, _ = tune_follower(examples, FollowerConfig(), rounds=arguments.rounds, figure=figure)
        found[name] = changed(best.model_dump(), FollowerConfig().model_dump())
    examples = cell.tuning[FOLLOWER if FOLLOWER in cell.tuning else FROM_SIMULATION]
    for direction in ("forward", "backward", "both"):
        found[f"deflection {direction}"] = by_deflection(direction, examples)[0].model_dump()
    return found


def finders(options: dict[str, Any], models: dict[str, Chosen]) -> dict[str, Finder]:
    found: dict[str, Finder] = {name: chosen.engine.links for name, chosen in models.items()}  # type: ignore[attr-defined]
    for name, values in options.items():
        if name.startswith("deflection"):
            found[name] = partial(deflection_links, options=DeflectionConfig.model_validate(values))
        else:
            found[name] = partial(follow_tracks, options=FollowerConfig.model_validate(values))
    return found | {"straight": partial(straight_links, options=StraightConfig()), "perfect": all_true_links}


def run_cell(cell: Cell, models: dict[str, Chosen], options: dict[str, Any], geometry: str | None) -> dict[str, Any]:
    hits = "clusters" if "second_proton" in cell.test else "particles"
    config = TrackConfig.model_validate({"apply": {"geometry": geometry}, "data": {"hits": hits}})
    answers: dict[str, Answer] = {}
    engines: dict[str, Any] = {}
    for name, finder in finders(options, models).items():
        links, ms = find(finder, cell.test)
        answers[name] = judge(cell.test, links, config)
        engines[name] = figures(answers[name]) | {"cpu_ms_per_frame": round(ms, 1)}
    for name, chosen in models.items():
        ceiling = figures(judge(cell.test, true_candidates(cell.test, chosen.config.data), config))
        engines[name] |= {f"ceiling_{key}": ceiling[key] for key in JUDGED}
    return {
        "phantom": cell.phantom, "protons_per_frame": cell.protons, "frames": length(cell.test),
        "protons_with_hits": int(answers["perfect"].counts["protons"].sum()),
        "protons_with_primary_hits": int(answers["perfect"].counts["with_primary"].sum()),
        "tuning_frames": {name: length(examples) for name, examples in cell.tuning.items()},
        "options": options, "engines": engines, "paired": list(pairs(answers, list(models))),
    }


def pairs(answers: dict[str, Answer], networks: list[str]) -> Iterator[dict[str, Any]]:
    for i, network in enumerate(networks):
        followers = [name for name in answers if name.startswith(FOLLOWER)]
        for other in [*followers, *networks[i + 1:]]:
            yield {"network": network, "other": other, **compared(answers[network], answers[other], answers["perfect"])}


def markdown(report: dict[str, Any]) -> str:
    """Return the judged rates of all cells, the paired differences, and all figures cell by cell."""
    cells: dict[str, Any] = report["cells"]
    names = list(next(iter(cells.values()))["engines"])
    parts = [f"# {report['data']}\n"]
    for key in JUDGED:
        rows = [[name, *(shown(c["engines"].get(name, {}).get(key)) for c in cells.values())] for name in names]
        ceilings = [[f"true candidates of {name}", *(shown(c["engines"][name][f"ceiling_{key}"]) for c in cells.values())]
                    for name in report["models"]]
        parts += [f"## {_words(key)}\n", table([_words(key), *cells], rows + ceilings)]
    parts += ["## Paired differences\n"]
    for key in JUDGED:
        rows = [[name, p["network"], p["other"], shown(p[key]["difference"], 4), f"{p[key].get('sigma_mcnemar', p[key]['sigma_protons']):.1f}",
                 f"{p[key]['sigma_frames']:.1f}", shown(p[key]["gap_closed"], 2)] for name, c in cells.items() for p in c["paired"]]
        header = ["cell", "network", "other", _words(key), "sigma", "sigma, frames resampled", "share of the gap to perfect links"]
        parts += [table(header, rows)]
    for name, cell in cells.items():
        parts += [f"## {name} protons: {cell['frames']} frames, {cell['protons_with_hits']} protons with hits, {cell['protons_with_primary_hits']} with primary hits\n",
                  table(["engine", *map(_words, SHOWN)], [[n, *(shown(f.get(k)) for k in SHOWN)] for n, f in cell["engines"].items()]),
                  table(["mm", *map(_words, IN_MM), "CPU ms per frame"], [
                      [n, *(shown(f.get(k), 2) for k in IN_MM), f"{f['cpu_ms_per_frame']:.0f}"] for n, f in cell["engines"].items()])]
    return "\n".join(parts)


def _words(name: str) -> str:
    return name.replace("_", " ")


def named(text: str) -> tuple[str, str]:
    name, equals, run = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("must be NAME=RUN")
    return name, run


def numbers(text: str) -> range:
    start, stop = map(int, text.split(":"))
    return range(start, stop)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--simulation", action="store_true")
    source.add_argument("--real", metavar="FILE")
    parser.add_argument("--model", action="append", default=[], type=named, help="NAME=RUN; the first ones are ours")
    parser.add_argument("--phantoms", type=float, nargs="+", help="mm; of a real file the one it has, default: 250")
    parser.add_argument("--protons", type=int, nargs="+", default=[50, 100, 150])
    parser.add_argument("--frames", type=int, default=60, help="test frames of a cell of simulation")
    parser.add_argument("--tuning-frames", type=int, default=15, help="simulated frames for tuning in a cell")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of the tuning over all options")
    parser.add_argument("--tune-for", choices=("product", "efficiency"), default="product", help="product: of efficiency and purity")
    parser.add_argument("--tuned", type=Path, help="JSON of an earlier run with the same cells")
    parser.add_argument("--untuned", action="store_true", help="of the followers the one with its defaults alone, and no deflection")
    parser.add_argument("--events", type=numbers, default=range(2**62), help="A:B, real events of the test")
    parser.add_argument("--tune-events", type=numbers, help="A:B, real events for tuning")
    parser.add_argument("--geometry", help="of the real file; default: learned")
    parser.add_argument("--like", default="dtc-3mm", help="geometry whose simulation is like the real file")
    parser.add_argument("--hits", choices=("clusters", "particles"), default="clusters", help="what a hit is")
    parser.add_argument("--markdown", type=Path, help="write tables to this file too")
    arguments = parser.parse_args()
    arguments.phantoms = arguments.phantoms or ([250.0] if arguments.real else [100.0, 150.0, 200.0])
    test, tuning = arguments.events, arguments.tune_events
    if tuning and test.start < tuning.stop and tuning.start < test.stop:
        parser.error("--events and --tune-events overlap")
    return arguments


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(1)
    models = {name: choose(get_task("track"), EngineChoice(model=run)) for name, run in arguments.model}
    before = json.loads(arguments.tuned.read_text())["cells"] if arguments.tuned else {}
    report: dict[str, Any] = {
        "data": f"{arguments.real}, events {arguments.events.start}:{arguments.events.stop}" if arguments.real else "simulation of dtc",
        "tuned_for": arguments.tune_for, "models": dict(arguments.model), "cells": {},
    }
    for cell in real_cells(arguments) if arguments.real else simulated_cells(arguments):
        options = {UNTUNED: {}} if arguments.untuned else before[cell.name]["options"] if cell.name in before else tuned(cell, arguments)
        report["cells"][cell.name] = result = run_cell(cell, models, options, arguments.geometry)
        print(cell.name, {name: f["complete_efficiency"][0] for name, f in result["engines"].items()}, file=sys.stderr, flush=True)
        if arguments.markdown:
            arguments.markdown.write_text(markdown(report))
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
