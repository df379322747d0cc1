"""Measure from files of jets to batches of the network on high-level variables, in jets per CPU second of all threads; prints JSON.

    python benchmarks/jets_reading.py [-n 100000] [--constituents 48] [--repeats 5]

Three files: one with the branches of JetClass, constituents too; one with those of CMS NanoAOD, with events of no or several jets; and one of this program. With the preset for such files,
batches of inputs, classes and weights are made in the order of a training; the best of several epochs is given; before the first one a training opens files, counts jets and fits scales,
the best of as many times.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.contract import Learner  # noqa: E402
from pphysml.io.ragged import Array, concatenate, take  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.jets.config import JetsConfig  # noqa: E402
from pphysml.tasks.jets.schema import CLASSES_OF_JETCLASS  # noqa: E402
from pphysml.training.order import BatchOrder  # noqa: E402
from pphysml.training.sources import FileSource, first_blocks  # noqa: E402
from pphysml.verbs.config import configuration  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402
from pphysml.verbs.simulate import simulate  # noqa: E402

JETS = get_task("jets")
MOMENTA = ("px", "py", "pz", "energy", "deta", "dphi", "d0val", "d0err", "dzval", "dzerr")
KINDS = ("charge", "isChargedHadron", "isNeutralHadron", "isPhoton", "isElectron", "isMuon")
STEP = 8_000
"""Entries that are written at a time: baskets of 32 kB, as ROOT makes them, of what has one number for each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--jets", type=int, default=100_000)
    parser.add_argument("--constituents", type=float, default=48.0, help="mean number in a jet of JetClass")
    parser.add_argument("--compression", choices=("LZ4", "ZLIB", "ZSTD", "LZMA"), default="LZ4", help="of the files with others' branches")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.root" for name in ("jetclass", "nanoaod", "own")}
        pack = getattr(uproot, arguments.compression)(4)
        write(paths["jetclass"], "tree", (jetclass(k, arguments.constituents) for k in steps(arguments.jets)), pack)
        write(paths["nanoaod"], "Events", (nanoaod(k) for k in steps(arguments.jets)), pack)
        simulate(JETS, configuration(JETS, None, ["simulation.constituents=false"]), paths["own"], arguments.jets, seed=1)
        presets = {"jetclass": "jetclass", "nanoaod": "nano-fatjet", "own": None}
        found = {name: measured(paths[name], configuration(JETS, preset), arguments) for name, preset in presets.items()}
    print(json.dumps({**vars(arguments), "files": found}, indent=2))


def measured(path: Path, config: JetsConfig, arguments: Any) -> dict[str, float]:
    """Return jets per CPU second of an epoch, from the file to batches, the share of reading and making examples in it, and CPU seconds before the first one."""
    before = []
    for _ in range(arguments.repeats):
        began = time.process_time()
        source = FileSource(Inputs([str(path)]).open_for_training(JETS, config), JETS.assemble_training, config, objects=True)
        learner = JETS.learner(config)
        learner.prepared = learner.prepare(first_blocks(source, learner.prepare_examples))
        before.append(time.process_time() - began)
    options = config.training
    order = BatchOrder(source.counts, seed=1, batch_size=arguments.batch, window_blocks=options.window_blocks, bucket_batches=options.bucket_batches)
    jets, times = min((epoch(source, order, learner) for _ in range(arguments.repeats)), key=lambda each: each[1])
    return {"jets": jets, "jets_per_cpu_second": jets / times[0], "reading_share": times[1] / times[0], "cpu_seconds_of_opening": min(before)}


def epoch(source: FileSource, order: BatchOrder, learner: Learner) -> tuple[int, tuple[float, float]]:
    """Make the batches of an epoch; return the number of jets in them, and CPU seconds of all, and of reading and making examples."""
    jets, reading, began = 0, 0.0, time.process_time()
    for window in takewhile(lambda window: window.epoch == 0, order.windows()):
        start = time.process_time()
        examples = concatenate([source.read(block) for block in window.blocks])
        reading += time.process_time() - start
        for rows in order.batches(window, learner.lengths(examples)):
            jets += len(learner.collate(take(examples, rows))["class"])
    return jets, (time.process_time() - began, reading)


def steps(n: int) -> Iterator[int]:
    """Yield how many entries are written each time."""
    return iter([min(STEP, n - start) for start in range(0, n, STEP)])


def write(path: Path, tree: str, parts: Iterator[Mapping[str, Any]], compression: Any) -> None:
    """Write a tree part by part."""
    with uproot.recreate(path, compression=compression) as file:
        for part in parts:
            if tree not in file:
                # An assignment would write an RNTuple.
                file.mktree(tree, {name: values.type.content if isinstance(values, ak.Array) else values.dtype for name, values in part.items()})
            file[tree].extend(part)


def jetclass(n: int, mean: float) -> dict[str, Any]:
    """Return jets under the names of JetClass; numbers carry 12 bits, so that they compress as measured ones do."""
    rng = np.random.default_rng(n)
    counts = rng.poisson(mean, n)
    total = int(counts.sum())
    columns = {f"part_{name}": ak.unflatten(rounded(rng.normal(size=total)), counts) for name in MOMENTA}
    columns |= {f"part_{name}": ak.unflatten(rng.integers(0, 2, total).astype(np.float32), counts) for name in KINDS}
    pt, eta, mass = rng.uniform(500, 1000, n), rng.uniform(-2, 2, n), rng.gamma(3, 30, n)
    label = rng.integers(0, len(CLASSES_OF_JETCLASS), n)
    tau = np.sort(rng.uniform(0.01, 1, (4, n)), 0)[::-1]
    return {**columns, **{f"label_{name}": (label == k).astype(np.float32) for k, name in enumerate(CLASSES_OF_JETCLASS)},
            **{f"jet_{name}": rounded(values) for name, values in {
                "pt": pt, "eta": eta, "phi": rng.uniform(-3, 3, n), "energy": np.hypot(pt * np.cosh(eta), mass), "nparticles": counts, "sdmass": 0.9 * mass,
                **{f"tau{k + 1}": tau[k] for k in range(4)}}.items()}}


def nanoaod(n: int) -> dict[str, Any]:
    """Return events with one large-radius jet in the mean under the names of NanoAOD."""
    rng = np.random.default_rng(n)
    counts = rng.poisson(1.0, n)
    total = int(counts.sum())
    names = ("eta", "phi", "mass", "msoftdrop", "tau1", "tau2", "tau3", "tau4", "n2b1", "n3b1")
    jets = {**{name: rounded(rng.uniform(0.1, 2, total)) for name in names}, "pt": rounded(rng.uniform(200, 900, total)),
            **{name: rng.integers(0, 3, total).astype(np.uint8) for name in ("nConstituents", "nBHadrons", "nCHadrons")}}
    jets["nBHadrons"][:] = 2 * (jets["nBHadrons"] > 0)
    events = np.arange(n)
    return {"run": np.ones(n, np.uint32), "luminosityBlock": np.ones(n, np.uint32), "event": events.astype(np.uint64), "genWeight": np.ones(n, np.float32),
            "FatJet": ak.zip({name: ak.unflatten(values, counts) for name, values in jets.items()}),
            "Jet_pt": ak.unflatten(rounded(rng.exponential(50, 6 * n)), np.full(n, 6))}


def rounded(values: Array) -> Array:
    """Return values with 12 bits behind the first."""
    fraction, exponent = np.frexp(np.asarray(values, np.float32))
    return np.ldexp(np.round(fraction * 4096) / 4096, exponent).astype(np.float32)


if __name__ == "__main__":
    main()
