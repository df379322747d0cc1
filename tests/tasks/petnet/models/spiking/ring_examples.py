"""A small ring of crystals, singles in it by hand, and decays whose photons go to opposite crystals."""

from __future__ import annotations

import numpy as np

from pphysml.config import build
from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.scanner.config import ScannerConfig
from pphysml.tasks.petnet.scanner.scanner import Scanner

RING = {"name": "small", "radius": 40.0, "rsectors": 12, "crystals": [1, 2], "crystal_pitch": [10.0, 4.0], "crystal_size": [9.0, 4.0, 10.0]}


def ring():
    return Scanner.of(build(ScannerConfig, RING, "RING"))


def ring_file(folder):
    path = folder / "ring.yaml"
    path.write_text("".join(f"{name}: {value}\n" for name, value in RING.items()))
    return path


def config(folder, name, model=None, **sections):
    values = {"data": {"scanner": str(ring_file(folder)), "energy_window": None, "window": 100, "max_delay": 100, "slice_singles": 8, **sections.pop("data", {})},
              "model": {"name": name, name: model or {}}, **sections}
    return PetConfig.model_validate(values)


def slices(scanner, rows):
    """Return slices of singles (time in ps, crystal, event, photon), each in the order of time."""
    rows = [sorted(row) for row in rows]
    counts = np.array([len(row) for row in rows])
    time, crystal, event, photon = np.array([single for row in rows for single in row], dtype=float).reshape(-1, 4).T
    crystal, zeros = crystal.astype(np.int64), np.zeros(len(time), np.int32)
    x, y, z = scanner.centre(crystal).T.astype(np.float32)
    columns = {
        "time": time * 1e-12, "energy": np.full(len(time), 0.511, np.float32), "x": x, "y": y, "z": z, **scanner.ids_of(crystal), "event": event.astype(np.int32),
        "photon_id": photon.astype(np.int32), "run": zeros, "source_id": zeros, "single_file": zeros, "single_entry": np.arange(len(time)),
    }
    return {"n_owned": counts.astype(np.int32), **{name: Ragged.from_counts(column, counts) for name, column in columns.items()}}


def decays(scanner, rng, n_slices, n, length, delays, seen=0.7, jitter=0.0):
    """Return slices of n decays in `length` ps; each photon is seen or not, early by the delay of its crystal."""
    around = scanner.crystals_per_ring
    rows, event = [], 0
    for _ in range(n_slices):
        row = []
        for _ in range(n):
            place, when = rng.integers(around), rng.integers(length)
            crystals = [place, (place + around // 2) % around] + around * rng.integers(0, scanner.n_rings, 2)
            row += [(round(when - delays[c] + jitter * rng.normal()), c, event, photon + 1) for photon, c in enumerate(crystals) if rng.random() < seen]
            event += 1
        rows.append(row or [(0, 0, event, 1)])
    return slices(scanner, rows)
