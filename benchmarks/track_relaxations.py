"""Relaxations of the assignment in the training of a small `relay` at 200 mm and 50 protons; prints JSON.

    python benchmarks/track_relaxations.py --seconds 60 --seeds 3
    python benchmarks/track_relaxations.py --arm sinkhorn --arm none --loss alone

Every training of the preset `quick` gets the same CPU seconds of one thread for its steps. Loss `both`:
cross entropy of links plus the loss through the assignment, each of weight 1; `alone`: the latter only.
Of a relaxation with a strength or a temperature every value is trained with one seed, and that
with the most complete tracks on the validation frames of its training goes on with the other seeds. Each
line holds, for separate test frames, the complete tracks over all protons with hits (mean over seeds and
that of each), the scan, steps per CPU second, and how far the seeds disagree: `disagreement` is the share of
hits for which two seeds choose different previous hits (mean over pairs of seeds), `disagreement_normalised`
the same between the least and the most that the error rates of the two allow, 0 to 1, see
`track_figures.disagreement`. Total time: trainings x `--seconds`, told at the start.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from track_figures import disagreement, find
from track_trainings import curve, seconds_per_step, train

from pphysml.evaluation.comparison import mean_over_seeds
from pphysml.evaluation.uncertainty import wilson
from pphysml.io.ragged import Columns
from pphysml.registry import get_task
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.judging.track_metrics import tally_tracks
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.tracks import find_tracks
from pphysml.tasks.track.tracks.true_tracks import true_hits
from pphysml.verbs.engine_choice import EngineChoice, choose

TEST_SEED, PHANTOM, PROTONS = 5_000_017, 200.0, 50
STRENGTH, TEMPERATURE = "model.blackbox_strength", "model.temperature"


@dataclass(frozen=True)
class Arm:
    """Options of a relaxation, and the one whose values are scanned."""

    options: tuple[str, ...]
    scanned: str | None = None
    values: tuple[float, ...] = ()

    def settings(self) -> list[list[str]]:
        if self.scanned is None:
            return [list(self.options)]
        return [[*self.options, f"{self.scanned}={value:g}"] for value in self.values]


def relaxation(name: str, *others: str) -> tuple[str, ...]:
    return (f"model.relaxation={name}", *others)


ARMS = {
    "none": Arm(relaxation("none")),
    "blackbox, published": Arm(relaxation("blackbox", "model.blackbox_convention=published"), STRENGTH, (5.0, 50.0, 500.0, 5000.0)),
    "blackbox, scale-free": Arm(relaxation("blackbox", "model.blackbox_convention=scale-free"), STRENGTH, (1.0, 5.0, 25.0)),
    "identity": Arm(relaxation("identity")),
    "spo+": Arm(relaxation("spo+")),
    "fenchel-young": Arm(relaxation("fenchel-young"), TEMPERATURE, (0.3, 1.0, 3.0)),
    "imle": Arm(relaxation("imle", "model.blackbox_convention=scale-free"), TEMPERATURE, (0.3, 1.0, 3.0)),
    "sinkhorn": Arm(relaxation("sinkhorn"), TEMPERATURE, (0.3, 1.0, 3.0)),
}
LOSSES = {"both": "model.cross_entropy_weight=1", "alone": "model.cross_entropy_weight=0"}
COMMON = [f"data.protons_per_frame=[{PROTONS}]", f"simulation.phantoms=[{PHANTOM:g}]", "training.validation_events=48"]


def test_frames(n: int) -> Columns:
    config = TrackConfig.model_validate({"simulation": {"phantoms": [PHANTOM]}, "data": {"protons_per_frame": [PROTONS]}})
    return TrackSimulation(config, TEST_SEED).examples(0, n)


def links_of(folder: Path, examples: Columns) -> Links:
    engine: Any = choose(get_task("track"), EngineChoice(model=str(folder))).engine
    return find(engine.links, examples)[0]


def complete(links: Links, examples: Columns) -> list[float]:
    """Return the share of protons with hits that are complete, with its errors."""
    counts = tally_tracks(true_hits(examples), find_tracks(examples, links))
    value, low, high = wilson(counts["complete"].sum(), counts["protons"].sum())
    return [round(float(v), 4) for v in (value, value - low, high - value)]


def run_arm(name: str, loss: str, arguments: argparse.Namespace, examples: Columns, folder: Path) -> dict[str, Any]:
    """Time the arm, scan its values with the first seed, train the best with the others."""
    settings = [[*COMMON, *options, *([LOSSES[loss]] if name != "none" else [])] for options in ARMS[name].settings()]
    per_step = seconds_per_step("quick", settings[0], min(10.0, 0.2 * arguments.seconds), folder)
    steps = max(2, int(arguments.seconds / per_step))
    answers, reached = [], []
    for options in settings:
        train("quick", options, steps, 1, folder)
        reached.append(max(point["complete"] for point in curve(folder)))
        answers.append(links_of(folder, examples))
    best = int(np.argmax(reached))
    seeds = [answers[best]]
    for seed in range(2, arguments.seeds + 1):
        train("quick", settings[best], steps, seed, folder)
        seeds.append(links_of(folder, examples))
    scores = [complete(links, examples) for links in seeds]
    average = mean_over_seeds([score[0] for score in scores])
    scan = [{"value": value, "validation": reached[i], "test": complete(answers[i], examples)}
            for i, value in enumerate(ARMS[name].values)]
    return {
        "arm": name, "loss": loss if name != "none" else "cross entropy", "options": settings[best][len(COMMON):], "steps": steps,
        "steps_per_cpu_second": round(1 / per_step, 2), "complete_efficiency": round(average.value, 4), "error_over_seeds": _known(average.high - average.value),
        "of_each_seed": scores, **disagreements(seeds, examples), "scan": scan}


def disagreements(answers: list[Links], examples: Columns) -> dict[str, float]:
    """Return means over all pairs of seeds; nothing for one seed."""
    found = [disagreement(a, b, true_hits(examples)) for a, b in combinations(answers, 2)]
    if not found:
        return {}
    plain, normalised = np.mean(found, axis=0)
    return {"disagreement": round(float(plain), 5), "disagreement_normalised": round(float(normalised), 4)}


def _known(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="CPU seconds of the steps of each training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="default: all")
    parser.add_argument("--loss", action="append", choices=list(LOSSES), help="default: both, then alone")
    parser.add_argument("--frames", type=int, default=60, help="test frames")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arms, losses = arguments.arm or list(ARMS), arguments.loss or list(LOSSES)
    runs = [(name, loss) for loss in losses for name in arms if name != "none" or loss == losses[0]]
    total = sum(len(ARMS[name].settings()) + arguments.seeds - 1 for name, _ in runs)
    print(f"{total} trainings of {arguments.seconds:g} s", file=sys.stderr)
    examples = test_frames(arguments.frames)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        for name, loss in runs:
            print(json.dumps(run_arm(name, loss, arguments, examples, folder)), flush=True)


if __name__ == "__main__":
    main()
