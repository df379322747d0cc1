"""Hits of a made-up scanner, and what GATE's loops over pulses make of them."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Columns, slice_rows


def random_hits(n_events: int, seed: int = 1, per_event: float = 4.0) -> Columns:
    """Return hits of events one after the other, some of no energy, in few volumes."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(per_event, n_events)
    event = np.repeat(np.arange(n_events), counts)
    n = len(event)
    hits = {name: rng.normal(0, 50, n).astype(np.float32) for name in ("x", "y", "z")}
    ids = {f"{name}_id": rng.integers(0, size, n).astype(np.int32) for name, size in
           (("rsector", 2), ("module", 1), ("submodule", 2), ("crystal", 6), ("layer", 1))}
    counters = {name: rng.integers(0, 4, n).astype(np.int32) for name in ("n_phantom_compton", "n_crystal_compton", "n_phantom_rayleigh")}
    return {
        "file": (event >= n_events // 2).astype(np.int32), "entry": np.arange(n, dtype=np.int64),
        "run": (event % 3 == 0).astype(np.int32), "event": (event % (n_events // 2)).astype(np.int32),
        "time": np.repeat(np.sort(rng.uniform(0, 1e-3, n_events)), counts) + rng.exponential(1e-9, n),
        "edep": (rng.uniform(0, 0.4, n) * (rng.uniform(size=n) > 0.2)).astype(np.float32),
        "photon_id": rng.integers(0, 3, n).astype(np.int32), "source_id": np.full(n, 7, dtype=np.int32),
        **hits, **ids, **counters,
    }


def in_chunks(columns: Columns, size: int) -> list[Columns]:
    n = len(columns["time"])
    return [slice_rows(columns, start, min(start + size, n)) for start in range(0, n, size)]


def pulses_by_loop(hits: Columns, names: tuple[str, ...]) -> list[dict[str, float]]:
    """GateAdder's loop: hits are merged one after the other into the pulse of their volume, if there is one."""
    pulses: dict[tuple[int, ...], dict[str, float]] = {}
    for i in range(len(hits["edep"])):
        hit = {name: np.asarray(column)[i].item() for name, column in hits.items()}
        if hit["edep"] == 0:
            continue
        key = tuple(hit[name] for name in ("file", "run", "event", *names))
        if key not in pulses:
            pulses[key] = {**hit, "energy": hit["edep"], "most": hit["edep"]}
            continue
        pulse = pulses[key]
        total = pulse["energy"] + hit["edep"]
        for name in ("x", "y", "z"):
            pulse[name] = (pulse[name] * pulse["energy"] + hit[name] * hit["edep"]) / total
        pulse["energy"], pulse["time"] = total, min(pulse["time"], hit["time"])
        for name in ("n_phantom_compton", "n_crystal_compton", "n_phantom_rayleigh"):
            pulse[name] = max(pulse[name], hit[name])
        if hit["edep"] > pulse["most"]:
            pulse["most"], pulse["photon_id"] = hit["edep"], hit["photon_id"]
    return list(pulses.values())
