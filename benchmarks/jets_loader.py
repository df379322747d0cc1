"""Measure from files of JetClass to batches of a network of constituents, in jets per CPU second of all threads; prints JSON.

    python benchmarks/jets_loader.py [-n 100000] [--constituents 48] [--inputs kin kinpid full] [--batch 512] [--repeats 5]

Two files with the branches of JetClass, constituents by falling transverse momentum and at most 128 in a jet. All jets of an epoch become packed batches in the order of a training: inputs of constituents,
their four-momenta, classes, weights. If weaver-core is installed, its loader makes padded batches of the same 17 inputs and four-momenta of the same files, in turns with ours; the best of several epochs is given,
and the ratio of each pair. Opening and first looks are left out of both.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import torch
import uproot
from jets_reading import epoch, rounded, steps, write

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.io.ragged import Array  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.jets.schema import CLASSES_OF_JETCLASS  # noqa: E402
from pphysml.training.order import BatchOrder  # noqa: E402
from pphysml.training.sources import FileSource, first_blocks  # noqa: E402
from pphysml.verbs.config import configuration  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402

JETS = get_task("jets")
KINDS, SHARES = ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon"), (0.55, 0.12, 0.3, 0.02, 0.01)
MOST = 128
SCALES = {"pt_log": (1.7, 0.7), "e_log": (2.0, 0.7), "logptrel": (-4.7, 0.7), "logerel": (-4.7, 0.7), "deltaR": (0.2, 4.0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--jets", type=int, default=100_000)
    parser.add_argument("--constituents", type=float, default=48.0, help="mean number in a jet")
    parser.add_argument("--inputs", nargs="+", choices=("kin", "kinpid", "full"), default=["kin", "kinpid", "full"])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.root" for name in ("first", "second")]
        for k, path in enumerate(paths):
            write(path, "tree", (jets(n, arguments.constituents, 10_000 * k + i) for i, n in enumerate(steps(arguments.jets // 2))), uproot.LZ4(4))
        loaders: dict[str, Callable[[], int]] = {name: ours(paths, name, arguments.batch) for name in arguments.inputs}
        theirs = weaver(paths, Path(folder), arguments.batch)
        if theirs is not None:
            loaders["weaver-core"] = theirs
        rates: dict[str, list[float]] = {name: [] for name in loaders}
        for _ in range(arguments.repeats):
            for name, all_batches in loaders.items():
                began = time.process_time()
                rates[name].append(all_batches() / (time.process_time() - began))
    found = {name: {"jets_per_cpu_second": max(values), "median": float(np.median(values))} for name, values in rates.items()}
    if theirs is not None and "full" in rates:
        found["full"]["times_weaver_core"] = float(np.median(np.divide(rates["full"], rates["weaver-core"])))
    print(json.dumps({**vars(arguments), "loaders": found, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, indent=2))


def ours(paths: list[Path], inputs: str, batch: int) -> Callable[[], int]:
    """Return what makes the batches of an epoch, and returns the number of jets in them."""
    config = configuration(JETS, ["jetclass", "particles"], [f"model.particle_inputs=[{inputs}]"])
    source = FileSource(Inputs([str(path) for path in paths]).open_for_training(JETS, config), JETS.assemble_training, config, objects=True)
    learner, options = JETS.learner(config), config.training
    learner.prepared = learner.prepare(first_blocks(source, 20_000))
    order = BatchOrder(source.counts, seed=1, batch_size=batch, window_blocks=options.window_blocks, bucket_batches=options.bucket_batches)

    def all_batches() -> int:
        return epoch(source, order, learner)[0]

    all_batches()
    return all_batches


def weaver(paths: list[Path], folder: Path, batch: int) -> Callable[[], int] | None:
    """Return the same of weaver-core (https://github.com/hqucms/weaver-core); None where it is not installed."""
    try:
        from weaver.utils.dataset import SimpleIterDataset
    except ImportError:
        return None
    config = folder / "weaver.yaml"
    config.write_text(json.dumps(weaver_config()))
    data = SimpleIterDataset({"_": [str(path) for path in paths]}, str(config), for_training=True, fetch_step=1.0, infinity_mode=False, in_memory=False)
    loader = torch.utils.data.DataLoader(data, batch_size=batch, num_workers=0)

    def all_batches() -> int:
        return sum(len(next(iter(labels.values()))) for _, labels, _ in loader)

    all_batches()
    return all_batches


def weaver_config() -> dict[str, Any]:
    """Return what its loader is to make: the inputs of JetClass, arXiv:2202.03772."""
    def listed(names: list[Any], pad: str = "wrap") -> dict[str, Any]:
        return {"length": MOST, "pad_mode": pad, "vars": names}

    features = [[f"part_{name}", *scale] for name, scale in SCALES.items()]
    features += [[f"part_{name}", None] for name in ("charge", *(f"is{kind}" for kind in KINDS))]
    features += [["part_d0", None], ["part_d0err", 0, 1, 0, 1], ["part_dz", None], ["part_dzerr", 0, 1, 0, 1], ["part_deta", None], ["part_dphi", None]]
    return {
        "new_variables": {
            "part_mask": "ak.ones_like(part_energy)", "part_pt": "np.hypot(part_px, part_py)", "part_pt_log": "np.log(part_pt)", "part_e_log": "np.log(part_energy)",
            "part_logptrel": "np.log(part_pt/jet_pt)", "part_logerel": "np.log(part_energy/jet_energy)", "part_deltaR": "np.hypot(part_deta, part_dphi)",
            "part_d0": "np.tanh(part_d0val)", "part_dz": "np.tanh(part_dzval)"},
        "preprocess": {"method": "manual"},
        "inputs": {"pf_features": listed(features), "pf_vectors": listed([[f"part_{name}", None] for name in ("px", "py", "pz", "energy")]), "pf_mask": listed([["part_mask", None]], "constant")},
        "labels": {"type": "simple", "value": [f"label_{name}" for name in CLASSES_OF_JETCLASS]}}


def jets(n: int, mean: float, seed: int) -> dict[str, Any]:
    """Return jets under the names of JetClass, the sums of their constituents."""
    rng = np.random.default_rng(seed)
    counts = np.clip(rng.gamma(6, mean / 6, n).astype(int) + 1, 1, MOST)
    total, row = int(counts.sum()), np.repeat(np.arange(n), counts)
    pt = rng.exponential(8, total) + 0.5
    pt = pt[np.lexsort((-pt, row))]
    deta, dphi = rng.normal(0, 0.25, (2, total))
    eta, phi = rng.uniform(-2, 2, n)[row] + deta, rng.uniform(-np.pi, np.pi, n)[row] + dphi
    momenta = [pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)]
    momenta.append(np.sqrt(sum(p**2 for p in momenta) + 0.14**2))
    px, py, pz, energy = (np.add.reduceat(values, np.cumsum(counts) - counts) for values in momenta)
    kind = rng.choice(len(KINDS), total, p=SHARES)
    charge = np.where(np.isin(kind, (0, 3, 4)), rng.choice([-1, 1], total), 0)
    far = np.where(charge != 0, rng.normal(0, 0.1, total), 0)
    parts = dict(zip(("px", "py", "pz", "energy"), momenta, strict=True)) | {"deta": deta, "dphi": dphi, "d0val": far, "dzval": far[::-1], "d0err": np.abs(far) / 9, "dzerr": np.abs(far[::-1]) / 9, "charge": charge}
    parts |= {f"is{name}": kind == k for k, name in enumerate(KINDS)}
    jet_pt, label = np.hypot(px, py), rng.integers(0, len(CLASSES_OF_JETCLASS), n)
    of_jets = {"pt": jet_pt, "eta": np.arcsinh(pz / jet_pt), "phi": np.arctan2(py, px), "energy": energy, "nparticles": counts, "sdmass": rng.uniform(0, 200, n), **{f"tau{k}": rng.random(n) for k in range(1, 5)}}
    return {**{f"part_{name}": ak.unflatten(numbers(values), counts) for name, values in parts.items()}, **{f"jet_{name}": numbers(values) for name, values in of_jets.items()},
            **{f"label_{name}": numbers(label == k) for k, name in enumerate(CLASSES_OF_JETCLASS)}}


def numbers(values: Array) -> Array:
    """Return values as they compress when they are measured, float32."""
    return rounded(np.asarray(values, np.float32))


if __name__ == "__main__":
    main()
