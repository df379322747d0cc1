"""Whether mapped scores are flat in mass, momentum and both on jets that the map was not fitted to; prints JSON.

    python benchmarks/jets_flatness.py [--samples 5] [--scale 1] [--steps 3000] [--mass 80] [--folder DIR]

The network of jets_decorrelation.py, with a quantile map in (mass, pT) that is fitted to the background of 1,500,000 jets, a tenth of them signal; judged on samples of 160,000 others, a quarter
of them signal. Of the plain and of the mapped score: 1/JSD of background that passes and that fails at half of the signal, its limit, and p-values by shuffling, corrected for the number of the
three variables (Holm); each for every sample.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from jets_samples import seen, simulated, trained

from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.tasks.jets.judging.separation import separate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=5, help="that are judged")
    parser.add_argument("--scale", type=float, default=1.0, help="jets over those of the table")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--mass", type=float, default=80.0, help="of the resonance, GeV")
    parser.add_argument("--folder", type=Path, help="where samples and runs are kept, and found again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        def sample(name: str, jets: int, seed: int, signal: float) -> Path:
            return simulated(folder / f"{name}.root", round(jets * arguments.scale), seed, [arguments.mass], signal)

        run = trained(folder / "flat", sample("train", 400_000, 11, 0.25), sample("map", 1_500_000, 21, 0.1),
                      ["model.decorrelate=quantile", "model.against=[jet_mass, jet_pt]"], arguments.steps)
        result: dict[str, list[Any]] = {"disc_signal": [], "flat_signal": []}
        for seed in range(51, 51 + arguments.samples):
            jets, config = seen(run, sample(f"judged-{seed}", 160_000, seed, 0.25))
            for column, found in result.items():
                found.append(flatness(jets, config, column))
    json.dump({**{name: str(value) for name, value in vars(arguments).items()}, "scores": result}, sys.stdout, indent=1)
    print()


def flatness(jets: JetsSeen, config: JetsConfig, column: str) -> dict[str, dict[str, float]]:
    """Return by variable what a cut on a score at half of the signal does to background."""
    one = separate(jets, config, column, "signal")
    assert one is not None
    return {variable: {"1/JSD": found.inverse, "limit": found.ceiling, "p": found.p_value, "corrected": one.corrected[variable], "background that passes": found.passing}
            for variable, found in one.flatness.items()}


if __name__ == "__main__":
    main()
