"""F1 of the engine `likelihood` of `petnet` from few singles, which it learns from and is judged on; prints JSON.

    python benchmarks/petnet_few_singles.py [--singles 1000 3000 12000 25000] [--activity 500] [--seeds 12]

SAFIR-I with the mouse phantom of NEMA NU 4. Each measurement is as long as it takes for about so many singles in the energy window. Of each
number: the singles and the pairs to be found in the mean; least, mean and largest F1 over the seeds, and the standard deviation; the same of
the engine `classical` with the policy takeClosestOfGoods, by which pairs are taken where there is too little to learn from, and in how many
measurements there was.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from petnet_samples import Sample, f1_of, simulated

from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.models.pairs.likelihood_engine import ONE_BY_ONE, LikelihoodEngine
from pphysml.tasks.petnet.reading.first_singles import own_singles

OBJECT = "mouse"

PILOT = 200_000
"""Decays from which is known how many singles there are for each."""

FIRST_SEED = 6_000_007


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--singles", nargs="+", type=int, default=[1000, 3000, 12_000, 25_000])
    parser.add_argument("--activity", type=float, default=500.0, help="MBq")
    parser.add_argument("--seeds", type=int, default=12)
    options = parser.parse_args()
    per_decay = simulated(OBJECT, options.activity, FIRST_SEED - 1, PILOT).singles / PILOT
    print(json.dumps({"MBq": options.activity, "seeds": options.seeds,
                      "cells": [measured(n, round(n / per_decay), options.activity, options.seeds) for n in options.singles]}, indent=1))


def measured(n: int, decays: int, activity: float, seeds: int) -> dict[str, Any]:
    """Return the figures of measurements of about `n` singles."""
    rows = [of_measurement(simulated(OBJECT, activity, FIRST_SEED + seed, decays)) for seed in range(seeds)]
    singles, targets, learnt = (np.mean([row[name] for row in rows]) for name in ("singles", "targets", "learnt"))
    return {"wanted": n, "singles": round(float(singles)), "targets": round(float(targets), 1), "not_learnt": round(seeds * (1 - float(learnt))),
            **{name: spread([row[name] for row in rows]) for name in ("likelihood", "classical")}}


def of_measurement(sample: Sample) -> dict[str, float]:
    """Return the F1 of both engines, and whether one learnt."""
    config = PetConfig()
    engine = LikelihoodEngine(config, None, None)
    engine.survey(own_singles(sample.examples))
    found = Pairs.of(engine(sample.examples))
    plain = sort_pairs(sample.examples, ONE_BY_ONE, config.window, 0.0, None)
    return {"singles": sample.singles, "targets": len(sample.targets), "learnt": float(engine.learnt[0].mixture is not None),
            "likelihood": f1_of(sample, found.first, found.second), "classical": f1_of(sample, plain.first, plain.second)}


def spread(values: list[float]) -> dict[str, float]:
    """Return least, mean, largest and standard deviation."""
    found = np.asarray(values)
    return {"least": round(float(found.min()), 4), "mean": round(float(found.mean()), 4), "largest": round(float(found.max()), 4),
            "sd": round(float(found.std(ddof=1)) if len(found) > 1 else 0.0, 4)}


if __name__ == "__main__":
    main()
