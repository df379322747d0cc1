"""Small scans made from a few numbers, and pairs that engines might report."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.config.engines import ClassicalConfig
from pphysml.tasks.petnet.judging.options import options_of
from pphysml.tasks.petnet.judging.targets import find_targets
from pphysml.tasks.petnet.judging.truth import truth_of

RADIUS = 57.0
WINDOW = 500.0
"""ps"""

TYPES = {"time": np.float64, "single_entry": np.int64, "event": np.int32, "run": np.int32, "source_id": np.int32, "photon_id": np.int32,
         "compton_phantom": np.int32, "rayleigh_phantom": np.int32, "single_file": np.int32}


def configured(window=WINDOW, energy=(391.0, 601.0), background=(), radius=None, axis="auto", centre=None):
    """Return what judging reads of a configuration."""
    return SimpleNamespace(judging_window=window, window=window, energy_window=energy, scanner=None, apply=SimpleNamespace(
        axis=axis, centre=centre, offset=0.0, background_sources=background, classical=ClassicalConfig(), judging=SimpleNamespace(object_radius=radius)))


def slices(*rows, owned=None, **options):
    """Return examples of slices, each a list of singles (dicts); what a single does not say is a default."""
    defaults = {"time": 0.0, "energy": 0.511, "x": 0.0, "y": RADIUS, "z": 0.0, "event": 0, "run": 0, "single_file": 0, "source_id": 0,
                "photon_id": 0, "compton_phantom": 0, "rayleigh_phantom": 0}
    names = [name for name in defaults if name not in options.get("without", ())]
    columns = {name: Ragged.from_rows([[single.get(name, defaults[name]) for single in row] for row in rows], TYPES.get(name, np.float32))
               for name in names}
    n = len(rows)
    return columns | {"file": np.zeros(n, np.int32), "entry": np.arange(n), "slice": np.arange(n, dtype=np.int64), "segment": np.zeros(n, np.int64),
                      "n_owned": np.array([len(row) for row in rows] if owned is None else owned, np.int32)}


def cut(singles, window=WINDOW):
    """Return examples of flat singles in order of time, cut at gaps longer than twice the window (ps)."""
    time = singles["time"]
    counts = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(time) > 2e-12 * window) + 1, [len(time)]]))
    n = len(counts)
    columns = {name: Ragged.from_counts(values, counts) for name, values in singles.items()}
    return columns | {"file": np.zeros(n, np.int32), "entry": np.cumsum(counts) - counts, "slice": np.arange(n, dtype=np.int64), "segment": np.zeros(n, np.int64),
                      "n_owned": counts.astype(np.int32)}


def scan(rng, decays=8000, rate=2e8, source=12.5, scatter=0.1, detected=0.5, twice=0.05, noise=0.02):
    """Return flat singles of decays in a long cylinder of the radius `source`, mm, in a ring of crystals."""
    emitted = np.sort(rng.uniform(0, decays / rate, decays))
    r, a = source * np.sqrt(rng.random(decays)), rng.uniform(0, 2 * np.pi, decays)
    x, y, phi = r * np.cos(a), r * np.sin(a), rng.uniform(0, 2 * np.pi, decays)
    parts = []
    for photon in (1, 2):
        scattered = rng.random(decays) < scatter
        angle = phi + np.pi * (photon == 2) + scattered * rng.normal(0, 0.5, decays)
        along = x * np.cos(angle) + y * np.sin(angle)
        path = -along + np.sqrt(along**2 + RADIUS**2 - r**2)
        part = {"event": np.arange(decays), "photon_id": np.full(decays, photon), "compton_phantom": scattered.astype(int),
                "time": emitted + path / 2.998e11 + rng.normal(0, 75e-12, decays), "x": x + path * np.cos(angle), "y": y + path * np.sin(angle),
                "z": rng.uniform(-20, 20, decays), "energy": rng.normal(0.511 - 0.04 * scattered, 0.03, decays)}
        seen = rng.random(decays) < detected
        again = seen & (rng.random(decays) < twice)
        parts += [{name: values[chosen] for name, values in part.items()} for chosen in (seen, again)]
    n = int(noise * 2 * decays)
    angle = rng.uniform(0, 2 * np.pi, n)
    parts.append({"event": np.full(n, -2), "photon_id": np.zeros(n, int), "compton_phantom": np.zeros(n, int), "time": rng.uniform(0, decays / rate, n),
                  "x": RADIUS * np.cos(angle), "y": RADIUS * np.sin(angle), "z": rng.uniform(-20, 20, n), "energy": rng.uniform(0.3, 0.7, n)})
    singles = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(singles["time"], kind="stable")
    singles = {name: values[order].astype(TYPES.get(name, np.float32)) for name, values in singles.items()}
    zeros = np.zeros(len(order), np.int32)
    return singles | {"run": zeros, "single_file": zeros, "source_id": zeros, "rayleigh_phantom": zeros}


def pairs(first, second, score=None, delayed=None):
    """Return the columns of pairs."""
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    return {"first": first, "second": second, "score": np.ones(len(first), np.float32) if score is None else np.asarray(score, np.float32),
            "multiplicity": np.full(len(first), 2, np.int32), "delayed": np.zeros(len(first), bool) if delayed is None else np.asarray(delayed)}


def perfect(examples, config):
    """Return one pair for every target."""
    targets = find_targets(truth_of(examples, options_of(config)), options_of(config))
    return pairs(targets.first, targets.second)


def sorter(examples, window=WINDOW, energy=(0.391, 0.601)):
    """Return all pairs of neighbours in the energy and the coincidence window: a simple engine."""
    time, row = examples["time"].flat, np.repeat(np.arange(len(examples["time"])), examples["time"].counts)
    used = np.flatnonzero((examples["energy"].flat >= energy[0]) & (examples["energy"].flat <= energy[1]))
    a, b = used[:-1], used[1:]
    kept = (row[a] == row[b]) & (time[b] - time[a] <= 1e-12 * window)
    x, y = examples["x"].flat, examples["y"].flat
    kept &= np.hypot(x[a] - x[b], y[a] - y[b]) > 10
    return pairs(a[kept], b[kept])


@pytest.fixture(scope="session")
def toy():
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def sample():
    return cut(scan(np.random.default_rng(7)))
