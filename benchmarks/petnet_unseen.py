"""The network of pairs against the likelihood below it, on objects that it has not seen; prints JSON.

    python benchmarks/petnet_unseen.py --model RUN [--decays 5000000] [--seeds 1] [--objects "10 mm" ...]

Cylinders of radii and offsets and rods that the preset `pairs` has not, see petnet_samples.py. Both engines survey another
sample of the same measurement: as many singles as they take by default, and few. `difference`: F1 of `pairs` less that of
`likelihood` on the same slices, its error by resampling them, and the ratio; `mean`: over all objects. These objects and seeds serve to
choose features and options; petnet_pairs.py has others for the figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np
import torch

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from petnet_pairs import by_engine, compared  # noqa: E402
from petnet_samples import UNSEEN, Sample, figures_of, judged, simulated  # noqa: E402

SEED, SURVEY_SEED = 5_000_011, 6_000_101
SURVEY_DECAYS = 8_000_000
FEW = 100_000
"""Singles of a short survey."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="run folder or weights file for the engine `pairs`")
    parser.add_argument("--objects", nargs="+", choices=list(UNSEEN), default=list(UNSEEN))
    parser.add_argument("--decays", type=int, default=5_000_000, help="in each sample")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began, objects = time.process_time(), {}
    for name in arguments.objects:
        objects[name] = measured(name, arguments)
        print(name, objects[name], file=sys.stderr, flush=True)
    means = {survey: mean([found[survey]["difference"] for found in objects.values()]) for survey in ("likelihood", f"likelihood, {FEW}")}
    json.dump({**vars(arguments), "cpu_seconds": round(time.process_time() - began), "mean": means, "objects": objects}, sys.stdout, indent=1)
    print()


def measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return F1 of the likelihood and what the network adds, for both surveys."""
    activity, number = UNSEEN[name]["activity"], list(UNSEEN).index(name)
    survey = simulated(name, activity, SURVEY_SEED + number, SURVEY_DECAYS)
    samples = [simulated(name, activity, SEED + number + len(UNSEEN) * k, arguments.decays) for k in range(arguments.seeds)]
    return {"likelihood": difference(samples, survey, [], arguments.model),
            f"likelihood, {FEW}": difference(samples, survey, [f"apply.survey_singles={FEW}"], arguments.model)}


def difference(samples: list[Sample], survey: Sample, settings: list[str], model: str) -> dict[str, Any]:
    """Return F1 of the likelihood, and that of the network less it."""
    pairs, likelihood = (np.concatenate([judged(s, by_engine(engine, weights, settings, s, survey)).counts for s in samples])
                         for engine, weights in (("pairs", model), ("likelihood", None)))
    return {"f1": round(float(figures_of(likelihood.sum(0))["f1"]), 5), "difference": compared(pairs, likelihood)["f1"]}


def mean(differences: list[list[float]]) -> list[float]:
    """Return the mean over objects, its error and the ratio."""
    values, errors, _ = np.array(differences).T
    error = float(np.sqrt((errors**2).sum())) / len(errors)
    return [round(float(values.mean()), 6), round(error, 6), round(float(values.mean()) / error, 2)]


if __name__ == "__main__":
    main()
