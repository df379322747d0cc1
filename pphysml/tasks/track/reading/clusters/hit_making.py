"""Steps to what counts as a hit: clusters of all particles of a frame, or what one particle leaves in one layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....io.ragged import Array, Columns, length, ragged, take
from ..calorimeters.layers import Layers
from ..front_hits import front_set_aside
from .cluster_kernel import Pitch
from .clusters import merge_deposits
from .hits import merge_steps


class HitMaking:
    """Makes hits, in two steps, and counts them.

    Args:
        clusters: whether hits are clusters.
        min_cluster_size: fewest pixels of a hit.
        by_time: whether frames are those of a time and not of a number of protons; then deposits that are too small
            for a hit are kept even if their proton has no larger one, since they may still add to clusters.
    """

    def __init__(self, clusters: bool, min_cluster_size: int, by_time: bool) -> None:
        self.clusters, self.min_cluster_size, self.by_time = clusters, min_cluster_size, by_time
        self.n_protons = 0
        self._n_deposits = self._n_clusters = 0

    def of_protons(self, rows: Columns, proton: Array, names: tuple[str, ...], layers: Layers) -> Columns:
        """Return the deposits of the protons of which frames are made, one row each, with `noise`: those that are hits of noise alone.

        With a front tracker there is `lost`, too: those that have no hit behind it.

        Args:
            rows: steps of complete protons, with `layer`.
            proton: number of each step's proton, from 0, rising.
            names: columns of which a proton has the value of its first step.
        """
        smallest = 0 if self.clusters else self.min_cluster_size
        deposits = merge_steps(rows, proton, np.asarray(rows["layer"]), layers.thickness, smallest)
        starts = np.flatnonzero(np.diff(proton, prepend=-1))
        protons: Columns = {**{name: np.asarray(rows[name])[starts] for name in names if name in rows}, **deposits}
        size = ragged(protons, "cluster_size")
        large = size.flat >= self.min_cluster_size
        real = large & (ragged(protons, "particle").flat >= 0) if "particle" in protons else large
        with_hits = size.rows_with(large)
        kept = size.counts > 0 if self.clusters and self.by_time else with_hits
        protons["noise"] = ~size.rows_with(real) if "particle" in protons else np.zeros(length(protons), dtype=bool)
        if len(layers.front):
            behind = ragged(protons, "layer").flat < len(layers.z)
            with_hits, protons["lost"] = size.rows_with(large & behind), ~size.rows_with(real & behind)
        self.n_protons += int(with_hits.sum())
        return protons if kept.all() else take(protons, kept)

    def of_frames(self, frames: Columns, layers: Layers) -> Columns:
        """Return frames of deposits with their hits; with a front tracker, frames that have any in the calorimeter."""
        if self.clusters and frames:
            n = len(ragged(frames, "layer").flat)
            frames = merge_deposits(frames, layers.thickness, Pitch(*layers.pixel), self.min_cluster_size)
            self._n_deposits += n
            self._n_clusters += len(ragged(frames, "layer").flat)
        if not len(layers.front) or not frames:
            return frames
        frames = front_set_aside(frames, len(layers.z))
        return take(frames, ragged(frames, "layer").counts > 0)

    @property
    def none(self) -> bool:
        """Whether there has been no hit so far."""
        return not self.n_protons and not self._n_clusters

    def facts(self, layers: Layers) -> dict[str, Any]:
        """Return what hits are, for a person."""
        if not self.clusters:
            return {"hits": "what one particle leaves in one layer"}
        x, y = (1e3 * pitch for pitch in layers.pixel)
        assumed = ", which are assumed" if layers.geometry is None else ""
        return {"hits": f"{self._n_clusters} clusters of {self._n_deposits} deposits, in pixels of {x:g} x {y:g} um{assumed}"}
