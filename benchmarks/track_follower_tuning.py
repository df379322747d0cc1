"""The track follower tuned for each density, beside the other engines without a network; prints JSON.

    python benchmarks/track_follower_tuning.py FILE [--protons 50 100 150] [--geometry NAME] [--seed N]

FILE: GATE hits with truth. Its protons are split at random into two halves. On frames of the first the
follower's options, and the angle cut of the assignments by deflection, are chosen for the largest
efficiency times purity of complete tracks; on frames of the second all are measured. `complete`: protons
of which a track has all primary hits and no other, over protons with hits, and over tracks of at least
two hits. `perfect` takes the true links within the cuts of the network's candidates, `all_true` nearly
without cuts. CPU milliseconds per frame.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pphysml.io.ragged import Columns, concatenate, take
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.tasks.track.classical.follower import follow_tracks
from pphysml.tasks.track.classical.follower_tuning import complete_product, tune_follower
from pphysml.tasks.track.classical.layer_assignment import deflection_links, straight_links
from pphysml.tasks.track.classical.references import perfect_links
from pphysml.tasks.track.config import DataConfig, TrackConfig
from pphysml.tasks.track.config.engines import DeflectionConfig, FollowerConfig, StraightConfig
from pphysml.tasks.track.judging.track_metrics import tally_tracks
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.tracks import find_tracks
from pphysml.tasks.track.tracks.true_tracks import true_hits

ANGLES = (0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)
Finder = Callable[[Columns], Links]


def halves(rows: Columns, seed: int) -> Iterator[Columns]:
    event = np.asarray(rows["event"])
    numbers = np.random.default_rng(seed).permutation(np.unique(event))
    for part in np.array_split(numbers, 2):
        yield take(rows, np.isin(event, part))


def frames(rows: Columns, protons: int, geometry: str | None, hits: str = "clusters") -> Columns:
    config = TrackConfig.model_validate({"data": {"hits": hits}, "apply": {"protons_per_frame": protons, "geometry": geometry, "last_frame": "drop"}})
    first, carry = assemble(rows, None, config)
    return concatenate([part for part in (first, assemble(None, carry, config)[0]) if part])


def measure(examples: Columns, finder: Finder) -> dict[str, float]:
    began = time.process_time()
    links = finder(examples)
    spent = time.process_time() - began
    tracks = find_tracks(examples, links)
    counts = tally_tracks(true_hits(examples), tracks.keep(tracks.hits.counts >= 2))
    complete = counts["complete"].sum()
    return {
        "complete_efficiency": round(float(complete / counts["protons"].sum()), 4),
        "complete_purity": round(float(complete / max(counts["tracks"].sum(), 1)), 4),
        "ms_per_frame": round(1e3 * spent / len(examples["frame"]), 1),
    }


def by_deflection(direction: str, validation: Columns) -> tuple[DeflectionConfig, Finder]:
    choices = [DeflectionConfig.model_validate({"direction": direction, "max_angle": angle}) for angle in ANGLES]
    best = max(choices, key=lambda options: complete_product(validation, deflection_links(validation, options)))
    return best, lambda examples: deflection_links(examples, best)


def changed(options: FollowerConfig) -> dict[str, Any]:
    return {name: value for name, value in options.model_dump().items() if value != getattr(FollowerConfig(), name)}


def at_density(validation: Columns, test: Columns) -> dict[str, Any]:
    uncut = DataConfig(max_angle=1.49, max_front_angle=1.49, max_step=None)
    tuned, figure = tune_follower(validation, FollowerConfig())
    # Without exchanges other options are best: it is tuned for itself.
    plain, _ = tune_follower(validation, FollowerConfig(exchanges=0))
    deflection = {direction: by_deflection(direction, validation) for direction in ("forward", "backward", "both")}
    finders: dict[str, Finder] = {
        "straight": lambda e: straight_links(e, StraightConfig()),
        **{f"deflection {name}": finder for name, (_, finder) in deflection.items()},
        "follower, default": lambda e: follow_tracks(e, FollowerConfig()),
        "follower, tuned": lambda e: follow_tracks(e, tuned),
        "follower, no exchanges, tuned": lambda e: follow_tracks(e, plain),
        "perfect": lambda e: perfect_links(e, DataConfig()),
        "all_true": lambda e: perfect_links(e, uncut),
    }
    return {
        "frames": [len(validation["frame"]), len(test["frame"])],
        "options": changed(tuned), "options_no_exchanges": changed(plain),
        "deflection_angle": {name: options.max_angle for name, (options, _) in deflection.items()},
        "product_on_validation": round(figure, 4),
        "test": {name: measure(test, finder) for name, finder in finders.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--protons", type=int, nargs="+", default=[50, 100, 150])
    parser.add_argument("--geometry")
    parser.add_argument("--seed", type=int, default=2208)
    args = parser.parse_args()
    rows = concatenate(list(Reader(resolve([args.file], None), LAYOUTS, need_truth=True)))
    one, two = halves(rows, args.seed)
    report = {n: at_density(frames(one, n, args.geometry), frames(two, n, args.geometry)) for n in args.protons}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
