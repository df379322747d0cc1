"""Speed and figures of the simulated jets; prints JSON.

    python benchmarks/jets_simulation.py [--jets N]

Jets per CPU second of one core, median and best of five blocks: `all` makes whole blocks, `shower` ends with the
constituents, `variables` is what is computed from those, and `full_width` the variables of jets of 48
constituents. `figures` are percentiles 16, 50, 84 of masses (GeV), medians of tau21, its area under the ROC curve
for all jets and between 50 and 300 GeV, and its correlation with the mass, of a resonance of 80 GeV and of
quarks and gluons. With the package `fastjet` (and `vector`), `fastjet` holds the largest difference of each variable
of 300 jets, over its value where that is above 0.001.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pphysml.io.ragged import Columns, Ragged
from pphysml.tasks.jets.config.simulation import SimulationConfig
from pphysml.tasks.jets.simulation.hard_process import draw_origins
from pphysml.tasks.jets.simulation.jets_kernel import run_jets
from pphysml.tasks.jets.simulation.simulate import JetsSimulation
from pphysml.tasks.jets.substructure.variables import jet_variables

Array = NDArray[Any]
RADIUS = 1.0


def rate(jets: int, make: Callable[[int], object]) -> dict[str, int]:
    """Return jets per CPU second, after a first call that compiles."""
    make(0)
    times = []
    for i in range(5):
        start = time.process_time()
        make(i)
        times.append(jets / (time.process_time() - start))
    return {"median": int(np.median(times)), "best": int(max(times))}


def flat(columns: Columns, name: str) -> Array:
    column = columns[name]
    assert isinstance(column, Ragged)
    return column.flat


def of_jets(columns: Columns) -> tuple[Ragged, Array, Array, Array]:
    """Return the constituents of entries of one jet."""
    first = columns["part_px"]
    assert isinstance(first, Ragged)
    return first, flat(columns, "part_py"), flat(columns, "part_pz"), flat(columns, "part_energy")


def speed(jets: int) -> dict[str, dict[str, int]]:
    simulation = JetsSimulation(SimulationConfig(), 1)
    parts = of_jets(simulation.block(0, jets))
    wide = of_jets(JetsSimulation(SimulationConfig(underlying=400, max_constituents=48), 1).block(0, jets))

    def shower(index: int) -> object:
        rng = np.random.default_rng(index)
        return run_jets(rng, draw_origins(rng, jets, simulation.options), simulation.coupling, simulation.detector, simulation.species, 128)

    return {
        "all": rate(jets, lambda index: simulation.block(index, jets)),
        "shower": rate(jets, shower),
        "variables": rate(jets, lambda _: jet_variables(*parts, RADIUS)),
        "full_width": rate(jets, lambda _: jet_variables(*wide, RADIUS)),
    }


def area(score: Array, signal: Array) -> float:
    return float((rankdata(score)[signal].mean() - (signal.sum() + 1) / 2) / (~signal).sum())


def figures(jets: int) -> dict[str, Any]:
    columns = JetsSimulation(SimulationConfig(resonance_masses=[80.0]), 2).block(0, jets)
    signal, mass, groomed = flat(columns, "jet_label") == 1, flat(columns, "jet_mass"), flat(columns, "jet_softdrop_mass")
    tau21 = flat(columns, "jet_tau2") / np.maximum(flat(columns, "jet_tau1"), 1e-9)
    inside = (mass > 50) & (mass < 300)
    found = {}
    for name, chosen in (("resonance", signal), ("background", ~signal)):
        found[name] = {
            "mass": np.percentile(mass[chosen], [16, 50, 84]).round(1).tolist(),
            "softdrop_mass": np.percentile(groomed[chosen], [16, 50, 84]).round(1).tolist(),
            "tau21": round(float(np.median(tau21[chosen])), 3),
            "constituents": round(float(flat(columns, "jet_nconstituents")[chosen].mean()), 1),
            "correlation": round(float(np.corrcoef(mass[chosen], tau21[chosen])[0, 1]), 3),
        }
    return {**found, "area": round(area(-tau21, signal), 4), "area_50_300": round(area(-tau21[inside], signal[inside]), 4)}


def beside_fastjet() -> dict[str, float]:
    import awkward as ak
    import fastjet
    import vector

    vector.register_awkward()
    columns = JetsSimulation(SimulationConfig(), 3).block(0, 300)
    px, py, pz, energy = of_jets(columns)
    names = {"px": px.flat, "py": py, "pz": pz, "E": energy}
    jets = ak.unflatten(ak.zip({name: value.astype(float) for name, value in names.items()}, with_name="Momentum4D"), px.counts)
    clusters = fastjet.ClusterSequence(jets, fastjet.JetDefinition(fastjet.cambridge_algorithm, 10.0))
    taus = np.asarray(clusters.njettiness(axes_definition="KT_Axes", R0=RADIUS, njets=[1, 2, 3, 4])).reshape(-1, 4)
    theirs = {f"tau{n + 1}": taus[:, n] for n in range(4)}
    groomed = clusters.exclusive_jets_softdrop_grooming(njets=1, beta=0.0, symmetry_cut=0.1, R0=RADIUS).msoftdrop
    # A mass whose square is negative by rounding is a negative one there.
    theirs["softdrop_mass"] = np.maximum(ak.to_numpy(ak.flatten(groomed, axis=None)), 0)
    for name in ("C2", "D2", "N2"):
        ratio = clusters.exclusive_jets_energy_correlator(njets=1, beta=1, func=name, npoint=2)
        theirs[name.lower()] = ak.to_numpy(ak.flatten(ratio, axis=None))
    return {name: float((abs(value - flat(columns, f"jet_{name}")) / np.maximum(abs(value), 1e-3)).max()) for name, value in theirs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jets", type=int, default=10_000, help="jets of a block")
    jets = parser.parse_args().jets
    found: dict[str, Any] = {"jets_per_cpu_second": speed(jets), "figures": figures(4 * jets)}
    if all(importlib.util.find_spec(name) for name in ("fastjet", "vector")):
        found["fastjet"] = beside_fastjet()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
