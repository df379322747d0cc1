"""Hits of one event in one volume as one pulse, and pulses of one readout as one single."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....errors import InputError
from ....io.ragged import Array, Columns, take
from ....io.schema import KEEP
from ..scanner.scanner import Scanner
from .volumes import at_level, innermost

Groups = tuple[NDArray[np.int64], NDArray[np.int64]]

FIRST = (
    "file", "entry", "hit_file", "hit_entry", "part", "origin", "run", "event", "source_id", "source_x", "source_y", "source_z",
    "system_id", "gantry_id", "rsector_id", "module_id", "submodule_id", "crystal_id", "layer_id", "axial_pos", "rotation_angle", "volume_key",
)
"""Columns of a pulse that are those of its first hit, as are the branches carried over."""

LARGEST = {
    "n_phantom_compton": "compton_phantom", "n_crystal_compton": "compton_crystal",
    "n_phantom_rayleigh": "rayleigh_phantom", "n_crystal_rayleigh": "rayleigh_crystal",
}
"""Column of hits -> column of a pulse that is the largest of them."""


def add_hits(hits: Columns, events: NDArray[np.int64]) -> tuple[Columns, NDArray[np.int64]]:
    """Return one pulse per event and innermost volume, as GATE 9's adder makes them.

    Energies are added, the position is their centroid, the time that of the earliest hit; numbers of
    scatters are the largest of the hits, `photon_id` is that of the largest deposit, all else that of the
    first hit (GateAdder::CentroidMerge).

    Args:
        hits: with energy, one event after the other.
        events: offsets of the events, (E + 1,).

    Returns:
        pulses in the order of their first hits, with `volume`, and offsets of the events.
    """
    volume = innermost(hits)
    group, offsets = groups_in_events(events, volume)
    n = int(offsets[-1])
    edep = np.asarray(hits["edep"]).astype(np.float64)
    first, largest = first_and_largest(group, edep, n)
    pulses: Columns = {name: np.asarray(hits[name])[first] for name in hits if name in FIRST or name.startswith(KEEP)}
    energy = np.bincount(group, edep, minlength=n)
    for name in ("x", "y", "z"):
        pulses[name] = (np.bincount(group, edep * np.asarray(hits[name]), minlength=n) / energy).astype(np.float32)
    pulses |= {"energy": energy, "time": _extreme(np.minimum, np.asarray(hits["time"]), group, first), "volume": volume[first]}
    for name, target in LARGEST.items():
        if name in hits:
            pulses[target] = _extreme(np.maximum, np.asarray(hits[name]), group, first)
    if "photon_id" in hits:
        pulses["photon_id"] = np.asarray(hits["photon_id"])[largest]
    return pulses, offsets


def read_out(pulses: Columns, events: NDArray[np.int64], level: str, scanner: Scanner | None) -> Columns:
    """Return one pulse per event and volume of a level, as GATE 9's readout makes them.

    The energy is the sum, all else that of the pulse with most energy. With a scanner the crystal is the
    one at the mean of the crystals' numbers weighted by energy, the position its centre, and the time the
    mean (GateReadout::Digitize).

    Args:
        pulses: of `add_hits`, with the offsets of the events (E + 1,).
        scanner: for the centroid, of crystals in a submodule.

    Raises:
        InputError: ids are missing, or are not those of the scanner.
    """
    volume = at_level(pulses, level)
    group, offsets = groups_in_events(events, volume)
    n = int(offsets[-1])
    energy = np.asarray(pulses["energy"])
    _, largest = first_and_largest(group, energy, n)
    single = take(pulses, largest)
    single |= {"volume": volume[largest], "energy": np.bincount(group, energy, minlength=n)}
    if scanner is not None:
        single["time"] = np.bincount(group, np.asarray(pulses["time"]), minlength=n) / np.bincount(group, minlength=n)
        single["crystal_id"] = _central_crystal(pulses, group, np.asarray(single["energy"]), scanner)
        single |= _centres(single, scanner)
        single.pop("volume_key", None)
    return single


def _central_crystal(pulses: Columns, group: NDArray[np.int64], energy: Array, scanner: Scanner) -> Array:
    along, across = np.divmod(np.asarray(pulses["crystal_id"]), scanner.crystals[0])
    weight = np.asarray(pulses["energy"])
    means = [np.bincount(group, weight * (place + 0.5), minlength=len(energy)) / energy for place in (along, across)]
    crystal: Array = (means[0].astype(np.int32) * scanner.crystals[0] + means[1].astype(np.int32)).astype(np.int32)
    return crystal


def _centres(single: Columns, scanner: Scanner) -> Columns:
    crystal = scanner.crystal_of(single)
    if (crystal < 0).any():
        raise InputError(f"The numbers of the volumes are not those of the scanner {scanner.name!r}.")
    return dict(zip(("x", "y", "z"), scanner.centre(crystal).astype(np.float32).T, strict=True))


def _extreme(which: np.ufunc, values: Array, group: NDArray[np.int64], first: NDArray[np.int64]) -> Array:
    found: Array = values[first]
    which.at(found, group, values)
    return found


@njit(cache=True, nogil=True)
def groups_in_events(events: NDArray[np.int64], volume: NDArray[np.uint64]) -> Any:
    """Return the number of each row's group, (N,), and the offsets of the events in the groups, (E + 1,).

    Rows of one event and one volume are a group. Groups are numbered in the order in which they begin.
    """
    group = np.empty(len(volume), dtype=np.int64)
    offsets = np.zeros(len(events), dtype=np.int64)
    volumes = np.empty(len(volume), dtype=np.uint64)
    n = 0
    for event in range(len(events) - 1):
        for row in range(events[event], events[event + 1]):
            found = offsets[event]
            while found < n and volumes[found] != volume[row]:
                found += 1
            if found == n:
                volumes[n] = volume[row]
                n += 1
            group[row] = found
        offsets[event + 1] = n
    return group, offsets


@njit(cache=True, nogil=True)
def first_and_largest(group: NDArray[np.int64], energy: NDArray[np.float64], n: int) -> Any:
    """Return the first row of each of n groups and the first one with the most energy, (n,)."""
    first = np.full(n, -1, dtype=np.int64)
    largest = np.zeros(n, dtype=np.int64)
    for row in range(len(group)):
        g = group[row]
        if first[g] < 0:
            first[g], largest[g] = row, row
        elif energy[row] > energy[largest[g]]:
            largest[g] = row
    return first, largest
