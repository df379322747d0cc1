"""Measure reading and writing ROOT files, in events per CPU-second; prints JSON.

A file of events with jagged four-momenta and pair matrices is written and read back, `repeats`
times; the best is reported. For scale, a small sample is read with one Python iteration per event.
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
from unittest.mock import patch

import numpy as np
import uproot

from pphysml.io.content import Content
from pphysml.io.ragged import Columns, Ragged, length, slice_rows
from pphysml.io.reader import Reader
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import Source
from pphysml.io.validation import validate
from pphysml.io.writer import Writer

MOMENTA = ("px", "py", "pz", "e")
LAYOUT = Layout(
    name="leaves", help="Four-momenta and pair matrices.", trees=("events",),
    fields=(
        Field("event", "event", "int64", "Event number."),
        *(Field(name, "particle", "float64", "Momentum.", "GeV", counter="n_leaves", required=True) for name in MOMENTA),
        Field("lcag", "pair", "uint8", "Matrix.", counter="n_pairs", truth=True),
    ),
)


def events(n: int, mean_leaves: float, seed: int) -> Columns:
    """Return events with a Poisson number of leaves; the momenta carry 20 bits, as measured ones do."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean_leaves, n)
    columns: Columns = {"event": np.arange(n)}
    for name in MOMENTA:
        values = np.round(rng.normal(scale=10, size=int(counts.sum())) * 2**14) / 2**14
        columns[name] = Ragged.from_counts(np.abs(values) if name == "e" else values, counts)
    pairs = rng.integers(0, 8, int((counts**2).sum())).astype(np.uint8)
    columns["lcag"] = Ragged.from_counts(pairs, counts**2)
    return columns


def write(path: Path, columns: Columns, block: int, compression: tuple[str, int] | None) -> None:
    with Writer(path, "events", LAYOUT.fields, metadata={}, force=True, compression=compression) as writer:
        for start in range(0, length(columns), block):
            writer.extend(slice_rows(columns, start, min(start + block, length(columns))))


def read(path: Path, block: int) -> int:
    return sum(length(chunk) for chunk in Reader([Source(str(path))], [LAYOUT], block_size=block))


def read_event_by_event(path: Path, n: int) -> int:
    """Turn every event into arrays in a Python loop, as one would write it first."""
    with uproot.open(path) as file:
        arrays = file["events"].arrays(["event", *MOMENTA, "lcag"], entry_stop=n)
    done = 0
    for event in arrays:
        p4 = np.stack([np.array(event[name]) for name in MOMENTA], -1)
        matrix = np.array(event["lcag"]).reshape(len(p4), len(p4))
        done += len(matrix) == len(p4)
    return done


def rate(action: Callable[[], Any], n: int, repeats: int) -> float:
    """Return events per CPU-second of all threads, the best of several repeats."""
    spent = []
    for _ in range(repeats):
        began = time.process_time()
        action()
        spent.append(time.process_time() - began)
    return n / min(spent)


def cost_of_comparing(action: Callable[[], Any], pairs: int) -> dict[str, float]:
    """Return by how much comparing with checksums lengthens an action, in CPU time: median and quartiles of interleaved pairs."""
    ratios = []
    for _ in range(pairs):
        compared = 1 / rate(action, 1, 1)
        with patch.object(Content, "fault", lambda *_: None), patch.object(Content, "around", lambda self, branch, start, stop: (start, stop)):
            ratios.append(compared * rate(action, 1, 1) - 1)
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    return {"median": middle, "lower_quartile": low, "upper_quartile": high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--events", type=int, default=200_000)
    parser.add_argument("--mean-leaves", type=float, default=6.0)
    parser.add_argument("--block", type=int, default=20_000, help="entries per block")
    parser.add_argument("--sample", type=int, default=2_000, help="events of the loop over events")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=11, help="of readings with and without comparing")
    parser.add_argument("--compression", default="zstd:3", help="ALGORITHM:LEVEL, or none")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    algorithm, _, level = options.compression.partition(":")
    compression = None if algorithm == "none" else (algorithm, int(level or 5))
    n, columns = options.events, events(options.events, options.mean_leaves, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.root"
        written = rate(lambda: write(path, columns, options.block, compression), n, options.repeats)
        found = rate(lambda: read(path, options.block), n, options.repeats)
        checked = rate(lambda: validate([Source(str(path))], [LAYOUT]), n, options.repeats)
        comparing = cost_of_comparing(lambda: read(path, options.block), options.pairs)
        looped = rate(lambda: read_event_by_event(path, options.sample), options.sample, options.repeats)
        size = path.stat().st_size
    print(json.dumps({
        "events": n, "mean_leaves": options.mean_leaves, "block": options.block, "compression": options.compression,
        "bytes_per_event": size / n, "written_per_cpu_second": written, "read_per_cpu_second": found,
        "comparing_share": comparing, "validated_per_cpu_second": checked, "loop_per_cpu_second": looped, "read_over_loop": found / looped,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }, indent=2))


if __name__ == "__main__":
    main()
