"""Networks on constituents against those on ten numbers of a jet, on jets of Pythia, with equal CPU budgets; prints JSON, and a table to stderr.

    python benchmarks/jets_constituents.py [--seconds 600] [--seeds 1] [--scale 1] [--generator pythia] [--methods NAME ...] [--folder DIR]

X of 80 GeV against jets of quarks and gluons, in events of which 30 % have a resonance: 120,000 to train on, 40,000 to choose weights by and to fit maps to, 60,000 to judge. The samples take half an
hour of CPU time, in parts of 20,000 events that are found again in the folder. Each training has as many steps as its CPU budget allows by the time of its first ones; `jets seen` counts them as
often as they came, and `gained` says by how much the last of four validations is better than the one before, in the mean logarithm of the probability of the true class: far from 0 it is not converged.

For each score, plain and mapped (quantile map in the mass): AUC, rejection at 50 % of signal, 1/JSD of the mass there, expected significance of a fit of the mass at 0, 10 and 50 % uncertainty of the
background (see jets_decorrelation.py), and jets per CPU second from file to scores. Ratios are to the network on ten numbers, on paired jets.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jets_decorrelation import HALF, UNCERTAINTIES, said
from jets_samples import BATCH, seen, simulated, trained

from pphysml.evaluation.roc import auc, rejection
from pphysml.evaluation.seeds import rejection_over_seeds, significance_over_seeds
from pphysml.tasks.jets.judging.separation import Separation, separate

MASS, SIGNAL = 80.0, 0.3
PART = 20_000
"""Events of a file."""

SIZES = {"train": (6, 100), "validation": (2, 200), "test": (3, 300)}
"""Files and first seed of each sample."""

TEN = "ten numbers"
SLOW = ["training.batch_size=256", "training.learning_rate=0.001"]
METHODS = {
    "trees": ["model.name=trees"],
    TEN: [],
    "pfn": ["model.name=pfn", "model.inputs=[]", "training.batch_size=512", "training.learning_rate=0.002"],
    "small-part": ["model.name=small-part", "model.inputs=[]", *SLOW],
    "particlenet": ["model.name=particlenet", "model.inputs=[]", *SLOW],
    "part": ["model.name=part", "model.inputs=[]", *SLOW],
}
LONGER, CLEAR = 4, 3.0
"""A step takes what a training of so many times as many steps takes longer, once that is so many seconds."""

TREES = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="CPU budget of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="events over those of the table")
    parser.add_argument("--generator", default="pythia", help="or toy")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--folder", type=Path, help="where samples and runs are kept, and found again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        files = {name: sample(folder, name, arguments) for name in SIZES}
        found: dict[str, list[Separation]] = {}
        costs: dict[str, list[dict[str, float]]] = {}
        for seed in range(1, arguments.seeds + 1):
            for name in arguments.methods:
                run, cost = within_budget(folder, name, seed, files, arguments.seconds)
                began = time.process_time()
                jets, config = seen(run, files["test"])
                cost["jets per CPU second"] = round(len(jets.label) / (time.process_time() - began), 1)
                costs.setdefault(name, []).append(cost)
                for score, column in ((name, "disc_signal"), (f"{name} + map", "flat_signal")):
                    one = separate(jets, config, column, "signal")
                    assert one is not None
                    found.setdefault(score, []).append(one)
                    print(f"seed {seed} {score:20s} {figures(one)} {cost}", file=sys.stderr, flush=True)
    json.dump({**{name: str(value) for name, value in vars(arguments).items()}, "costs": costs, "scores": {score: [figures(one) for one in of] for score, of in found.items()},
               "over the ten numbers": compared(found)}, sys.stdout, indent=1)
    print()


def sample(folder: Path, name: str, arguments: Any) -> str:
    """Return the files of a sample, as one pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, first = SIZES[name]
    for part in range(parts):
        simulated(folder / f"{name}-{part}.root", round(PART * arguments.scale), first + part, [MASS], SIGNAL, [f"simulation.generator={arguments.generator}"])
    return str(folder / f"{name}-*.root")


def within_budget(folder: Path, name: str, seed: int, files: dict[str, str], seconds: float) -> tuple[Path, dict[str, float]]:
    """Return the run of a training with this CPU budget, and what it took."""
    options = [*METHODS[name], "model.decorrelate=quantile", f"training.seed={seed}"]
    if name == "trees":
        steps, each = TREES, 0.0
    else:
        each = seconds_per_step(folder / "timed", options, files)
        steps = max(int(seconds / each), 8)
    run = folder / f"{name.replace(' ', '-')}-{seed}"
    began = time.process_time()
    trained(run, files["train"], files["validation"], [*options, f"training.validate_every={max(steps // 4, 1)}"], steps)
    took = time.process_time() - began
    with (run / "metrics.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    validated = [float(row["validation_log_likelihood"]) for row in rows if row.get("validation_log_likelihood")]
    return run, {"steps": steps, "jets seen": steps * batch_of(options), "CPU seconds": round(took, 1), "gained": round(validated[-1] - validated[-2], 5) if len(validated) > 1 else 0.0}


def batch_of(options: Sequence[str]) -> int:
    return next((int(option.partition("=")[2]) for option in options if option.startswith("training.batch_size=")), BATCH)


def seconds_per_step(run: Path, options: Sequence[str], files: dict[str, str]) -> float:
    """Return the CPU time of a step, by the difference of two short trainings."""
    steps, before, after = 1, 0.0, 0.0
    while after - before < CLEAR:
        steps, before, began = LONGER * steps, after, time.process_time()
        shutil.rmtree(run, ignore_errors=True)
        trained(run, files["train"], files["validation"], [*options, "training.validation_events=500"], steps)
        # The first one compiles and reads what the others find.
        after = time.process_time() - began if steps > LONGER else 0.0
    shutil.rmtree(run, ignore_errors=True)
    return (after - before) / (steps - steps // LONGER)


def figures(one: Separation) -> dict[str, Any]:
    at_half, area = rejection(one.curve, HALF), auc(one.curve)
    flatness = next(iter(one.flatness.values()), None)
    return {"AUC": round(area.value, 4), "R50": round(at_half.value, 2), "R50_error": round((at_half.high - at_half.low) / 2, 2),
            "1/JSD": None if flatness is None else [round(flatness.inverse, 1), round(flatness.ceiling, 1)],
            "Z": {f"{u.normalisation:g}": [round(one.fits[u].value, 2), round((one.fits[u].high - one.fits[u].low) / 2, 2)] for u in UNCERTAINTIES if u in one.fits}}


def compared(found: dict[str, list[Separation]]) -> dict[str, Any]:
    """Return the ratios of each score to that of the network on ten numbers, plain or mapped alike."""
    result: dict[str, Any] = {}
    for score, of in found.items():
        reference = f"{TEN} + map" if score.endswith("+ map") else TEN
        if score == reference or reference not in found:
            continue
        theirs = found[reference]
        result[score] = {"rejection_50": said(rejection_over_seeds([one.curve for one in of], [one.curve for one in theirs], HALF))}
        result[score] |= {f"significance, {u.normalisation:g}": said(significance_over_seeds([one.fits[u] for one in of], [one.fits[u] for one in theirs]))
                          for u in UNCERTAINTIES if all(u in one.fits for one in (*of, *theirs))}
    return result


if __name__ == "__main__":
    main()
