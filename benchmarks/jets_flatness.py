"""Whether mapped scores are flat in mass, momentum and both on jets that the map was not fitted to; prints JSON.

    python benchmarks/jets_flatness.py [--scale 1] [--steps 3000] [--mass 80] [--folder DIR]

The network of jets_decorrelation.py, with a quantile map in (mass, pT) that is fitted to the background of 1,500,000 jets, a tenth of them signal; judged on 160,000 others, a quarter of them
signal. Of the plain and of the mapped score: 1/JSD of background that passes and that fails at half of the signal, its limit, and p-values by shuffling, corrected for their number (Holm).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from jets_samples import seen, simulated, trained

from pphysml.tasks.jets.judging.separation import separate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="jets over those of the table")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--mass", type=float, default=80.0, help="of the resonance, GeV")
    parser.add_argument("--folder", type=Path, help="where samples and runs are kept, and found again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = {"train": (400_000, 11, 0.25), "map": (1_500_000, 21, 0.1), "judged": (160_000, 41, 0.25)}
        files = {name: simulated(folder / f"{name}.root", round(jets * arguments.scale), seed, [arguments.mass], signal) for name, (jets, seed, signal) in sizes.items()}
        run = trained(folder / "flat", files["train"], files["map"], ["model.decorrelate=quantile", "model.against=[jet_mass, jet_pt]"], arguments.steps)
        jets, config = seen(run, files["judged"])
    result = {}
    for column in ("disc_signal", "flat_signal"):
        one = separate(jets, config, column, "signal")
        assert one is not None
        result[column] = {variable: {"1/JSD": found.inverse, "limit": found.ceiling, "p": found.p_value, "corrected": one.corrected[variable], "background that passes": found.passing}
                          for variable, found in one.flatness.items()}
    json.dump({"background jets judged": int((jets.label == 0).sum()), **result}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
