"""Deposits of all particles of a frame to the clusters that its sensors see."""

from __future__ import annotations

import numpy as np

from .....io.ragged import Array, Columns, Ragged, length, ragged, take
from ..numbering import numbered
from ..spots import OF_SPOTS
from .cluster_kernel import Ints, Pitch, join_deposits
from .hits import POWER, SCALE, cluster_size

LARGEST = 1000.0
"""Pixels up to which a deposit's area grows; those of wrong units would cover the sensor."""

WEIGHTED = ("x", "y", "z")


def merge_deposits(frames: Columns, thickness: float, pitch: Pitch, min_cluster_size: int) -> Columns:
    """Return frames with clusters in the place of deposits; see `cluster_kernel.join_deposits`.

    Energies of a cluster are added, positions weighted with them, and the earliest time is its time. A
    deposit that is alone has as many pixels as the measured law gives. What else is known of a cluster
    (`hit_entry`, and of the truth `proton` `particle` `primary` `pdg` `stop_depth`) is that of one deposit:
    of the proton with the largest share, its secondaries included, that of its own particle (`primary`),
    or else its largest one; without truth the largest of all. `second_proton` is the proton with the next
    largest share of those whose own particle left some of it; -1 for none. Protons and particles that have
    no cluster in this sense have no number.

    Args:
        frames: with one value per deposit of `layer` `x` `y` `z` `edep`, and those named above as far as they are known.
        thickness: of the sensors, mm.
        pitch: of the pixels.
        min_cluster_size: clusters of fewer pixels are left out; frames without clusters are, too.
    """
    deposits = {name: column.flat for name, column in frames.items() if isinstance(column, Ragged) and name not in OF_SPOTS}
    counts = ragged(frames, "layer").counts
    frame = np.repeat(np.arange(length(frames)), counts)
    first, pixels = _joined(deposits, frame, thickness, pitch)
    starting = np.flatnonzero(first == np.arange(len(first)))
    clusters, counted_for = _reduced(deposits, first, starting)
    counted = pixels[starting]
    clusters["cluster_size"] = np.where(counted > 0, counted, cluster_size(clusters["edep"], thickness))
    kept = np.flatnonzero(clusters["cluster_size"] >= min_cluster_size)
    # The file's order is that of the deposits that clusters count for.
    kept = kept[np.argsort(counted_for[kept])]
    counts = np.bincount(frame[starting[kept]], minlength=length(frames))
    merged: Columns = {name: Ragged.from_counts(values[kept], counts) for name, values in clusters.items()}
    merged = {**frames, **merged, **numbered(merged)}
    return merged if counts.all() else take(merged, counts > 0)


def _joined(deposits: dict[str, Array], frame: Ints, thickness: float, pitch: Pitch) -> tuple[Array, Array]:
    x, y, edep = (deposits[name].astype(np.float64) for name in ("x", "y", "edep"))
    area = np.minimum(SCALE * (edep / thickness) ** POWER, LARGEST) * pitch.x * pitch.y
    sensor = frame * 256 + deposits["layer"]
    order = np.lexsort((x, sensor))
    starts = np.append(np.flatnonzero(np.diff(sensor[order], prepend=-1)), len(order))
    found: tuple[Array, Array] = join_deposits(x, y, np.sqrt(area / np.pi), order, starts, pitch)
    return found


def _reduced(deposits: dict[str, Array], first: Ints, starting: Ints) -> tuple[dict[str, Array], Ints]:
    """Return the values of clusters, in the order of their first deposits, `starting`, and the deposit that each counts for."""
    counted_for = starting.copy()
    several = np.flatnonzero(np.bincount(first, minlength=len(first))[first] > 1)
    members = _by_share(deposits, first, several)
    begins = np.flatnonzero(np.diff(first[members], prepend=-1))
    where = np.searchsorted(starting, first[members[begins]])
    counted_for[where] = members[begins]
    clusters = {name: values[counted_for] for name, values in deposits.items()}
    if "primary" in deposits and "proton" in deposits:
        clusters["second_proton"] = np.full(len(starting), -1, dtype=np.int32)
    if len(begins):
        edep = deposits["edep"][members].astype(np.float64)
        total = np.add.reduceat(edep, begins)
        clusters["edep"][where] = total
        for name in WEIGHTED:
            clusters[name][where] = np.add.reduceat(edep * deposits[name][members], begins) / total
        if "time" in deposits:
            clusters["time"][where] = np.minimum.reduceat(deposits["time"][members], begins)
        if "second_proton" in clusters:
            clusters["second_proton"][where] = _second(deposits["proton"][members], deposits["primary"][members], begins)
    return clusters, counted_for


def _by_share(deposits: dict[str, Array], first: Ints, several: Ints) -> Ints:
    """Return the deposits of clusters of several, cluster after cluster, in the order in which one may count for it."""
    edep, cluster = deposits["edep"][several].astype(np.float64), first[several]
    if "proton" not in deposits:
        return several[np.lexsort((-edep, cluster))]
    proton = deposits["proton"][several]
    # Hits of noise have nothing to do with one another.
    owner = np.where(proton >= 0, proton, -1 - np.arange(len(several)))
    primary = deposits["primary"][several] if "primary" in deposits else np.zeros(len(several), dtype=bool)
    order = np.lexsort((-edep, ~primary, owner, cluster))
    edge = np.append(True, (np.diff(owner[order]) != 0) | (np.diff(cluster[order]) != 0))[: len(order)]
    share = np.bincount(np.cumsum(edge) - 1, edep[order])[np.cumsum(edge) - 1] if len(order) else edep
    ordered: Ints = several[order][np.lexsort((-share, cluster[order]))]
    return ordered


def _second(proton: Array, primary: Array, begins: Ints) -> Array:
    """Return the proton of the first primary deposit of another one than the first deposit's in each cluster; -1 for none."""
    counts = np.diff(np.append(begins, len(proton)))
    chosen = primary & (proton >= 0) & (proton != np.repeat(proton[begins], counts))
    place = np.where(chosen, np.arange(len(proton)), len(proton))
    second: Array = np.append(proton, -1)[np.minimum.reduceat(place, begins)]
    return second
