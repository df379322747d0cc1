"""A network that takes the resonance mass, at masses it was not trained on, against networks dedicated to these; prints JSON.

    python benchmarks/jets_parametrised.py [--seeds 5] [--scale 1] [--steps 12000] [--held-out 80 125] [--folder DIR]

The parametrised network is trained on a grid of masses without those that are held out, 800,000 jets, a quarter of them signal; a dedicated one on as many jets of one mass. Both have the
same layers, inputs and steps (with 6000 the one that must learn all masses is not converged), and a quantile map against the mass, fitted to 600,000 jets; both are judged on the same 400,000 jets of the held-out mass. Ratios are parametrised over
dedicated, of means over seeds on paired jets: rejection at 50 % of signal, and significance of a fit of the mass of plain and mapped scores at 0, 10 and 50 % uncertainty, where each training has one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jets_decorrelation import HALF, UNCERTAINTIES, said
from jets_samples import seen, simulated, trained

from pphysml.evaluation.roc import rejection
from pphysml.evaluation.seeds import rejection_over_seeds, significance_over_seeds
from pphysml.tasks.jets.judging.separation import Separation, separate

GRID = (50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 125.0, 150.0, 175.0, 200.0)
SIZES = {"train": (800_000, 31), "validation": (600_000, 32), "test": (400_000, 33)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="jets over those of the table")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--held-out", type=float, nargs="+", default=[80.0, 125.0], help="GeV")
    parser.add_argument("--folder", type=Path, help="where samples and runs are kept, and found again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        result = {f"{mass:g} GeV": compared(folder, mass, arguments) for mass in arguments.held_out}
    json.dump({**{name: str(value) for name, value in vars(arguments).items()}, "masses": result}, sys.stdout, indent=1)
    print()


def compared(folder: Path, mass: float, arguments: Any) -> dict[str, Any]:
    """Return the figures of one held-out mass."""
    grid = [other for other in GRID if other not in arguments.held_out]
    test = sample(folder, "test", [mass], arguments)
    found: dict[str, list[tuple[Separation, Separation]]] = {"parametrised": [], "dedicated": []}
    for seed in range(1, arguments.seeds + 1):
        for kind, masses, options in (("parametrised", grid, ["model.parametrise=true"]), ("dedicated", [mass], [])):
            name = f"{kind}-{seed}" if kind == "parametrised" else f"{kind}-{mass:g}-{seed}"
            training, validation = (sample(folder, part, masses, arguments) for part in ("train", "validation"))
            run = trained(folder / name, training, validation, ["model.decorrelate=quantile", *options, f"training.seed={seed}"], arguments.steps)
            found[kind].append(judged(run, test, mass if options else None))
            print(f"{mass:g} GeV, seed {seed}, {kind}: R50 {[round(rejection(one.curve, HALF).value, 2) for one in found[kind][-1]]}", file=sys.stderr, flush=True)
    ours, theirs = found["parametrised"], found["dedicated"]
    result: dict[str, Any] = {kind: [[round(rejection(one.curve, HALF).value, 3) for one in pair] for pair in of] for kind, of in found.items()}
    for k, score in enumerate(("plain", "mapped")):
        result[f"rejection_50, {score}"] = said(rejection_over_seeds([pair[k].curve for pair in ours], [pair[k].curve for pair in theirs], HALF))
        for u in UNCERTAINTIES:
            fits = [[pair[k].fits[u] for pair in of if u in pair[k].fits] for of in (ours, theirs)]
            # A plain score may be best where too few background jets pass for a fit.
            with suppress(ValueError):
                result[f"significance, {u.normalisation:g}, {score}"] = said(significance_over_seeds(*fits))
    return result


def sample(folder: Path, part: str, masses: Sequence[float], arguments: Any) -> Path:
    """Return a file of jets with these resonance masses."""
    number, seed = SIZES[part]
    return simulated(folder / f"{part}-{'-'.join(f'{mass:g}' for mass in masses)}.root", round(number * arguments.scale), seed, masses)


def judged(run: Path, test: Path, mass: float | None) -> tuple[Separation, Separation]:
    """Return the plain and the mapped scores of the test jets, at a stated mass."""
    jets, config = seen(run, test, [] if mass is None else [f"apply.resonance_mass={mass}"])
    plain, mapped = (separate(jets, config, column, "signal") for column in ("disc_signal", "flat_signal"))
    assert plain is not None and mapped is not None
    return plain, mapped


if __name__ == "__main__":
    main()
