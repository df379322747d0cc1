"""Singles and hits in the branches of GATE 9 and GATE 10, as files for tests of `petnet`."""

from __future__ import annotations

import awkward as ak
import numpy as np
import uproot

IDS = ("rsectorID", "moduleID", "submoduleID", "crystalID", "layerID")
COUNTERS = {"comptonPhantom": "nPhantomCompton", "RayleighPhantom": "nPhantomRayleigh"}


def write(path, columns, tree="Singles"):
    """Write columns of numbers, or lists of texts; or the columns of several trees by name."""
    trees = columns if isinstance(next(iter(columns.values())), dict) else {tree: columns}
    with uproot.recreate(path) as file:
        for name, values in trees.items():
            _write_tree(file, name, {branch: ak.Array(column) if isinstance(column, list) else column for branch, column in values.items()})
    return path


def _write_tree(file, name, columns):
    types = {branch: np.dtype((values.dtype, values.shape[1:])) if isinstance(values, np.ndarray) else "string" for branch, values in columns.items()}
    tree = file.mktree(name, types)
    if len(next(iter(columns.values()))):
        tree.extend(columns)


def read(path, tree="Coincidences"):
    """Return the branches of a tree as arrays."""
    with uproot.open(path) as file:
        return file[tree].arrays(library="np")


def selected(columns, rows):
    return {name: values[rows] for name, values in columns.items()}


def one_per_crystal(singles):
    """Return the singles but those of an event that has more than one in a crystal, and noise."""
    crystal = np.zeros(len(singles["time"]), dtype=np.int64)
    for name in IDS:
        crystal = 1000 * crystal + singles[name]
    _, place, count = np.unique(np.stack([singles["eventID"], crystal]), axis=1, return_inverse=True, return_counts=True)
    return selected(singles, (count[place.ravel()] == 1) & (singles["eventID"] >= 0))


def hits_of(singles, seed=5):
    """Return one to four hits for each single, which add up to it, sorted by event."""
    rng = np.random.default_rng(seed)
    n = len(singles["time"])
    count = rng.integers(1, 5, n)
    owner = np.repeat(np.arange(n), count)
    first = np.cumsum(count) - count
    share = rng.uniform(0.1, 1.0, len(owner))
    share /= np.bincount(owner, share)[owner]
    late = rng.exponential(1e-9, len(owner))
    late[first] = 0.0
    hits = {name: singles[name][owner] for name in ("runID", "eventID", "sourceID", *IDS)}
    hits |= {f"pos{axis}": singles[f"globalPos{axis}"][owner] for axis in "XYZ"}
    hits |= {"time": singles["time"][owner] + late, "edep": (singles["energy"][owner] * share).astype(np.float32)}
    for name, of_hits in COUNTERS.items():
        before = singles[name][owner] - rng.integers(0, 2, len(owner)).astype(np.int32)
        before[first] = singles[name]
        hits[of_hits] = before
    return selected(hits, np.lexsort((owner, hits["eventID"])))


def in_gate10(columns, energy, position):
    """Return the branches that GATE 10 has for a tree of GATE 9, with the scanner's volumes as names of crystals."""
    ids = np.stack([columns[name] for name in IDS[:4]], axis=1)
    return {
        "EventID": columns["eventID"], "RunID": columns["runID"], "GlobalTime": columns["time"] * 1e9, "TotalEnergyDeposit": columns[energy].astype(np.float64),
        **{f"PostPosition_{axis}": columns[f"{position}{axis}"].astype(np.float64) for axis in "XYZ"},
        "PreStepUniqueVolumeID": ["crystal_rep-0_" + "_".join(map(str, row)) for row in ids.tolist()],
    }
