"""The truth of singles as flat arrays, of all slices of a chunk one after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, Ragged
from .options import Options

NEEDED = ("event", "run", "single_file")
PHANTOM = ("compton_phantom", "rayleigh_phantom")
"""Columns that count how often a photon was scattered in the object."""

BORDER = 1e-6
"""Relative width by which windows are opened, so that rounding moves nothing that lies on their border."""

WHOLE = 1e-12
"""s; engines may count whole picoseconds, and so take a pair that is longer than the window by less than this."""

CLUSTER = "a cluster is singles in the energy window without a gap longer than the coincidence window, which no pair can leave"


@dataclass(frozen=True)
class Truth:
    """N singles in C clusters, which are the units of all statistics: they do not depend on how slices are cut.

    A cluster is own singles of a slice inside the energy window without a gap longer than the
    coincidence window. Other singles count with the cluster before them, the first ones with the first.

    Attributes:
        row: row of the slice of each single, (N,).
        owned: the slice's own single, not one lent to it for delayed pairs, (N,).
        used: own singles inside the energy window, (N,).
        cluster: index of the cluster of each single, (N,).
        start: time of the first single of each cluster, s, (C,).
        key: int64 (N,), equal for singles of one event of one run of one file; -1 for noise.
        photon: int64 (N,), 1 or 2: the photon of the annihilation, 0 for neither; None if not told.
        scattered: the photon was scattered in the object, (N,); nowhere if not told.
        background: comes from a background source, (N,).
        time, energy: s and MeV, (N,).
        position: mm, (N, 3).
    """

    row: Array
    owned: Array
    used: Array
    cluster: Array
    start: Array
    key: Array
    photon: Array | None
    scattered: Array
    background: Array
    time: Array
    energy: Array
    position: Array

    @property
    def n_used(self) -> Array:
        """Number of used singles of each cluster, (C,)."""
        return np.bincount(self.cluster[self.used], minlength=len(self.start))

    def within(self, first: Array, second: Array, window: float) -> Array:
        """Return which pairs are no further apart in time than the window, (P,)."""
        near: Array = np.abs(self.time[second] - self.time[first]) <= window * (1 + BORDER)
        return near


def truth_of(examples: Columns, options: Options) -> Truth:
    """Return the truth of the singles.

    Raises:
        InputError: the examples do not tell which event a single is of.
    """
    if any(name not in examples for name in NEEDED):
        raise InputError("Evaluating needs the truth: give files with the event of every single (eventID, runID).")
    times = _ragged(examples, "time")
    row = np.repeat(np.arange(len(times)), times.counts)
    owned = np.arange(len(row)) - times.offsets[row] < np.asarray(examples["n_owned"], dtype=np.int64)[row]
    time, energy = (_flat(examples, name).astype(np.float64) for name in ("time", "energy"))
    low, high = options.energy
    used = owned & (energy >= low * (1 - BORDER)) & (energy <= high * (1 + BORDER))
    source = _flat(examples, "source_id") if "source_id" in examples else np.full(len(row), -1)
    return Truth(
        row, owned, used, *_clusters(row, used, time, options.window), _keys(examples),
        _flat(examples, "photon_id").astype(np.int64) if "photon_id" in examples else None,
        np.logical_or.reduce([np.zeros(len(row), bool), *(_flat(examples, name) > 0 for name in PHANTOM if name in examples)]),
        np.isin(source, options.background), time, energy,
        np.stack([_flat(examples, name) for name in "xyz"], axis=1).astype(np.float64),
    )


def _clusters(row: Array, used: Array, time: Array, window: float) -> tuple[Array, Array]:
    """Return the cluster of each single, and the time at which each begins."""
    single = np.flatnonzero(used)
    # Times go back where a slice has the end of one file and the beginning of another.
    first = np.ones(len(single), bool)
    first[1:] = (np.diff(row[single]) > 0) | (np.abs(np.diff(time[single])) > window + WHOLE)
    begins = np.zeros(len(row), np.int64)
    begins[single[first]] = 1
    if not len(single):
        begins[:1] = 1
    return np.maximum(np.cumsum(begins) - 1, 0), time[begins > 0]


def _keys(examples: Columns) -> Array:
    run, event = (_flat(examples, name).astype(np.int64) for name in ("run", "event"))
    file = origins(examples)
    # Events restart with every run and file; the few runs are numbered to make room for many events.
    _, run = np.unique(run, return_inverse=True)
    n_runs = run.max(initial=0) + 1
    if event.max(initial=0) >= 2**32:
        _, event = np.unique(np.maximum(event, -1), return_inverse=True)
        event -= int((_flat(examples, "event") < 0).any())
    return np.where(event < 0, -1, ((file * n_runs + run) << 32) + event)


def origins(examples: Columns) -> Array:
    """Return the number of the file with whose events those of each single are counted, int64 (N,)."""
    return _flat(examples, "origin" if "origin" in examples else "single_file").astype(np.int64)


def _flat(examples: Columns, name: str) -> Array:
    return _ragged(examples, name).flat


def _ragged(examples: Columns, name: str) -> Ragged:
    column = examples[name]
    assert isinstance(column, Ragged)
    return column
