"""WEPL at other beam energies: bias and yield with a stated beam, none without one, and how well a beam is estimated.

    python benchmarks/track_beam.py [stated] [estimated] [slabs]

Protons are simulated in `dtc` with beams of several energies, and read as a file that says nothing of its beam.
Printed as JSON: the peak of WEPL less the phantom with the beam stated; tracks that can be used, and those within
`NEAR` mm of the phantom, of the network over those of perfect links; pulls of the estimated energy with half of the
protons beside a phantom; how often a slab in front of all protons is refused (perfect links), and which would not be noticed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import yaml
from numpy.random import SeedSequence

from pphysml import named_yaml
from pphysml.evaluation.peak import gaussian_peak
from pphysml.io.ragged import concatenate, ragged
from pphysml.registry import get_task
from pphysml.tasks.track import geometries
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.imaging.wepl_list import UNUSABLE
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.simulation.slabs import slabs_of
from pphysml.verbs.engine_choice import EngineChoice, choose

TASK = get_task("track")
NEAR = 10.5
"""Three widths of WEPL behind 150 mm at 230 MeV, mm."""


def steps(energy, parts, seed):
    """Return the rows of a file of protons (MeV) behind slabs of water, each as (mm, number), in random order, without the beam."""
    with tempfile.TemporaryDirectory() as folder:
        settings = yaml.safe_load(named_yaml.text(geometries.__name__, "dtc"))
        settings["beam"]["energy"] = energy
        path = Path(folder) / "dtc.yaml"
        path.write_text(yaml.safe_dump(settings))
        simulation = TrackSimulation(TrackConfig.model_validate({"simulation": {"geometry": str(path), "phantoms": [parts[0][0]]}}), seed)
    rows, total = [], 0
    for number, (phantom, n) in enumerate(parts):
        simulation.slabs[phantom] = slabs_of(simulation.geometry, phantom)
        new = simulation.rows(SeedSequence([seed, number]), n, phantom)
        rows.append({name: values for name, values in new.items() if name not in ("beam_energy", "beam_pdg", "beam_spread", "phantom")})
        rows[-1]["event"] = np.asarray(new["event"]) + total
        total += n
    joined = concatenate(rows)
    order = np.argsort(np.random.default_rng(seed).permutation(total)[joined["event"]], kind="stable")
    joined = {name: values[order] for name, values in joined.items()}
    return joined | {"file": np.zeros(len(order), np.int32), "entry": np.arange(len(order))}


def reconstructed(rows, engine, **apply):
    """Return the engine and the columns of its tracks of frames of 100 protons."""
    overrides = [f"apply.{name}={json.dumps(value)}" for name, value in apply.items()]
    chosen = choose(TASK, EngineChoice(engine=engine, overrides=overrides))
    first, carry = assemble(rows, None, chosen.config)
    last, _ = assemble(None, carry, chosen.config)
    frames = concatenate([part for part in (first, last) if part])
    if chosen.engine.surveys:
        chosen.engine.survey(frames)
    return chosen.engine, chosen.engine(frames)


def usable(columns):
    """Return the WEPL of the tracks of the list for imaging, mm."""
    wepl, flags = (ragged(columns, name).flat for name in ("wepl", "flags"))
    return wepl[np.isfinite(wepl) & ((flags & UNUSABLE) == 0)]


def stated(energies, phantoms, protons):
    """Return peak less phantom, and the yield against perfect links, with the beam stated; and what is given with nothing stated."""
    found = []
    for energy in energies:
        for phantom in phantoms:
            rows = steps(energy, [(phantom, protons)], 1)
            beam = f"proton:{energy}MeV"
            ours, best = (usable(reconstructed(rows, engine, beam=beam)[1]) for engine in ("network", "perfect"))
            engine, blind = reconstructed(rows, "network")
            peak, ceiling = gaussian_peak(ours - phantom), gaussian_peak(best - phantom)
            near = [int((np.abs(wepl - phantom) < NEAR).sum()) for wepl in (ours, best)]
            found.append({
                "energy": energy, "phantom": phantom, "peak less phantom": peak.middle, "error": peak.middle_error, "width": peak.width,
                "median less phantom": float(np.median(ours) - phantom), "of perfect links": ceiling.middle,
                "usable": len(ours), "of perfect links, usable": len(best), "yield": len(ours) / len(best), "yield within 10.5 mm": near[0] / near[1],
                "with nothing stated": {"WEPL given": len(usable(blind)), "ranges": int(np.isfinite(ragged(blind, "range").flat).sum()), "said": engine.warnings}})
    return found


def estimates(energies, files, protons):
    """Return the pulls of the estimated energy, of files half of whose protons pass beside 100 mm of water."""
    found = []
    for energy in energies:
        pulls, errors, refused = [], [], 0
        for seed in range(files):
            engine, _ = reconstructed(steps(energy, [(0.0, protons // 2), (100.0, protons // 2)], 100 + seed), "network", beam="estimate")
            beam = engine.estimated_beam
            refused += bool(beam.refused)
            if not beam.refused:
                pulls.append((beam.energy - energy) / beam.energy_error)
                errors.append(beam.energy_error)
        found.append({"energy": energy, "files": files, "protons": protons, "refused": refused, "mean pull": float(np.mean(pulls)),
                      "sd of pulls": float(np.std(pulls)), "largest": float(np.abs(pulls).max()), "error MeV": float(np.mean(errors))})
    return found


def slabs(energy, thicknesses, files, protons):
    """Return how often a slab in front of all protons is refused."""
    found = []
    for thickness in thicknesses:
        beams = [reconstructed(steps(energy, [(thickness, protons)], 500 + seed), "perfect", beam="estimate")[0].estimated_beam for seed in range(files)]
        taken = [beam for beam in beams if not beam.refused]
        found.append({"energy": energy, "slab": thickness, "protons": protons, "files": files, "refused": len(beams) - len(taken),
                      "said not to be noticed": [beam.unseen for beam in taken]})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--protons", type=int, default=2000, help="of each simulated file")
    parser.add_argument("--files", type=int, default=20, help="of which the beam is estimated")
    parser.add_argument("parts", nargs="*", help="stated, estimated, slabs; default: all")
    options = parser.parse_args()
    parts = {
        "stated": lambda: stated([180, 200, 230], [50.0, 100.0, 150.0], options.protons),
        "estimated": lambda: estimates([200], options.files, options.protons),
        "slabs": lambda: [row for energy, protons in ((200, options.protons), (230, 5 * options.protons))
                          for row in slabs(energy, [0.0, 10.0, 20.0, 30.0, 50.0, 100.0, 150.0, 200.0], 3, protons)],
    }
    print(json.dumps({name: parts[name]() for name in options.parts or parts}, indent=1))


if __name__ == "__main__":
    main()
