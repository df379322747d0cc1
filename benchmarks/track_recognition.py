"""WEPL and rows of the list for imaging with dead layers and foreign hits, where the calorimeter is recognised; prints JSON.

    python benchmarks/track_recognition.py [--energies 180 200 230] [--protons 4000] [--phantom 100] [--engines network perfect] [--near-stop]

Protons of `dtc`, with the beam stated and the calorimeter not given. Layers are dead (all their hits are taken out), or 1 % of hits
that lie anywhere along the beam is added: spread over the file, or all of them before or behind its other hits. `rows_lost` is the share
of the list without them; what `perfect` loses is what the dead layer takes. WEPL is compared with the phantom, by its median and its mean within 15 mm.
With `--near-stop` the dead layers are those about the one in which most protons end (0): the one before it, it itself, the one behind, and pairs of these.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pphysml.io.ragged import Columns, concatenate, length, slice_rows, take
from pphysml.registry import get_task
from pphysml.tasks.track.imaging.wepl_list import wepl_list
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.verbs.engine_choice import EngineChoice, choose

TASK = get_task("track")
GEOMETRIES = Path(__file__).parents[1] / "pphysml" / "tasks" / "track" / "geometries"
DEAD: tuple[list[int], ...] = ([], [0], [1], [5], [5, 6])
NEAR_STOP: tuple[list[int], ...] = ([], [-1], [0], [1], [-2, -1], [-1, 0], [0, 1])
FOREIGN = ("anywhere", "early", "late")
NEAR = 15.0
"""Difference to the phantom, mm, up to which WEPL counts in its mean."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--energies", type=float, nargs="+", default=[180.0, 200.0, 230.0])
    parser.add_argument("--protons", type=int, default=4000)
    parser.add_argument("--phantom", type=float, default=100.0)
    parser.add_argument("--engines", nargs="+", default=["network", "perfect"])
    parser.add_argument("--near-stop", action="store_true")
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [found for energy in arguments.energies for engine in arguments.engines for found in _cases(energy, engine, arguments)]
    json.dump(rows, sys.stdout, indent=1)
    print()


def _cases(energy: float, engine: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return what becomes of each case, for one energy and engine; the first has nothing dead or foreign."""
    rows = _simulated(energy, arguments)
    end = _most_end(rows)
    layers_of_cases = [[end + layer for layer in layers] for layers in NEAR_STOP] if arguments.near_stop else DEAD
    dead = [(f"dead {layers}" if layers else "all", take(rows, np.flatnonzero(~np.isin(rows["layer"], layers)))) for layers in layers_of_cases]
    cases = [*dead, *((f"1 % foreign, {when}", _with_foreign(rows, when)) for when in FOREIGN if not arguments.near_stop)]
    found = [{"energy": energy, "engine": engine, "case": name, **_listed(case, energy, engine, arguments)} for name, case in cases]
    return [{**case, "rows_lost": round(1 - case["rows"] / found[0]["rows"], 4)} for case in found]


def _simulated(energy: float, arguments: argparse.Namespace) -> Columns:
    """Return the rows of protons of an energy through `dtc`, with the number of the layer of each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dtc.yaml"
        path.write_text((GEOMETRIES / "dtc.yaml").read_text().replace("energy: 230.0", f"energy: {energy}"))
        config = TASK.config_class().model_validate({"simulation": {"geometry": str(path), "phantoms": [arguments.phantom]}})
        simulation = TASK.simulation(config, 11)
        rows = simulation.block(0, arguments.protons)
        z = simulation.geometry.z  # type: ignore[attr-defined]
    return {**rows, "layer": np.argmin(np.abs(np.asarray(rows["z"])[:, None] - z), 1)}


def _most_end(rows: Columns) -> int:
    """Return the layer in which most protons have their last own hit."""
    own = np.asarray(rows["parent_id"]) == 0
    starts = np.flatnonzero(np.diff(np.asarray(rows["event"])[own], prepend=-1))
    return int(np.bincount(np.maximum.reduceat(np.asarray(rows["layer"])[own], starts)).argmax())


def _with_foreign(rows: Columns, when: str) -> Columns:
    """Return rows and 1 % of noise that lies anywhere along the beam."""
    rng, n = np.random.default_rng(5), length(rows)
    number = n // 100
    noise = take(rows, rng.integers(0, n, number))
    noise |= {"z": rng.uniform(-60, 420, number), "track_id": np.zeros(number, int), "parent_id": np.full(number, -1)}
    if when != "anywhere":
        noise["event"] = np.full(number, -1 if when == "early" else 10**9)
    joined = concatenate([rows, noise])
    return take(joined, np.argsort(np.asarray(joined["event"]), kind="stable"))


def _listed(rows: Columns, energy: float, engine: str, arguments: argparse.Namespace) -> dict[str, Any]:
    model = arguments.model if engine == "network" else None
    chosen = choose(TASK, EngineChoice(engine=engine, model=model, overrides=(f"apply.beam=proton:{energy:g}MeV",)))
    n = length(rows)
    rows = {**{k: v for k, v in rows.items() if k not in ("layer", "phantom", "beam_energy", "beam_pdg")}, "entry": np.arange(n), "file": np.zeros(n, np.int32)}
    carry, parts = None, []
    for start in range(0, n, 50_000):
        examples, carry = assemble(slice_rows(rows, start, min(start + 50_000, n)), carry, chosen.config)
        parts.append(examples)
    last = carry
    parts.append(assemble(None, carry, chosen.config)[0])
    examples = concatenate([part for part in parts if part])
    columns = chosen.engine(examples)
    listed = wepl_list({name: examples[name] for name in ("file", "entry", "spot_given")} | columns, chosen.config)
    off = np.asarray(listed["wepl"], dtype=np.float64) - arguments.phantom
    near = off[np.abs(off) < NEAR]
    return {"rows": len(off), "median_bias_mm": round(float(np.median(off)), 3), "mean_bias_mm": round(float(near.mean()), 3),
            "error_mm": round(float(near.std() / np.sqrt(len(near))), 3), **last.facts(), "warnings": chosen.engine.warnings}


if __name__ == "__main__":
    main()
