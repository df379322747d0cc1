"""What the figures of an evaluation need of hits and links, summed up while frames are read."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ..tracks.true_tracks import Hits, previous_of
from .track_metrics import deflections

MAX_LINKS = 2_000_000
"""Links whose probabilities are kept; those of later frames are not."""

ANGLE_EDGES = np.geomspace(1e-4, 2.0, 61)
"""Edges of the bins of deflections, rad; what is smaller counts in the first bin."""


class PlotData:
    """Sums over frames.

    Attributes:
        layers: hits per layer: "all", "primary", "on a track".
        angles: deflections in the bins of `ANGLE_EDGES`: "true" links, "made" links, "false" ones,
            where one of the two links at least is not true.
    """

    def __init__(self) -> None:
        self.layers: dict[str, Array] = {name: np.zeros(0, dtype=np.int64) for name in ("all", "primary", "on a track")}
        self.angles: dict[str, Array] = {name: np.zeros(len(ANGLE_EDGES) - 1, dtype=np.int64) for name in ("true", "made", "false")}
        self._probability: list[Array] = []
        self._right: list[Array] = []
        self._kept = 0

    def add(self, examples: Columns, predictions: Columns, hits: Hits) -> None:
        """Add frames with truth and what an engine made of them."""
        layer = ragged(examples, "layer").flat.astype(np.int64)
        on_track = ragged(predictions, "hit_track_index").flat >= 0
        for name, chosen in (("all", np.ones(len(layer), bool)), ("primary", hits.primary), ("on a track", on_track)):
            self.layers[name] = _add(self.layers[name], np.bincount(layer[chosen]))
        self._add_angles(examples, hits, previous_of(examples, predictions))
        self._add_links(predictions, hits, previous_of(examples, predictions))

    @property
    def links(self) -> tuple[Array, Array]:
        """The probability of each made link, and whether it is true; empty without any."""
        if not self._right:
            return np.zeros(0), np.zeros(0, dtype=bool)
        return np.concatenate(self._probability), np.concatenate(self._right)

    def _add_angles(self, examples: Columns, hits: Hits, previous: Array) -> None:
        x, y, z = (ragged(examples, name).flat for name in "xyz")
        right = (previous >= 0) & (previous == hits.previous)
        counts = {name: _histogram(deflections(x, y, z, links)) for name, links in (
            ("true", hits.previous), ("made", previous), ("right", np.where(right, previous, -1)))}
        self.angles["true"] = self.angles["true"] + counts["true"]
        self.angles["made"] = self.angles["made"] + counts["made"]
        self.angles["false"] = self.angles["false"] + counts["made"] - counts["right"]

    def _add_links(self, predictions: Columns, hits: Hits, previous: Array) -> None:
        made = np.flatnonzero(previous >= 0)[: MAX_LINKS - self._kept]
        self._kept += len(made)
        self._probability.append(ragged(predictions, "hit_link_prob").flat[made])
        self._right.append(previous[made] == hits.previous[made])


def _histogram(angles: Array) -> Array:
    return np.histogram(np.clip(angles, ANGLE_EDGES[0], ANGLE_EDGES[-1]), ANGLE_EDGES)[0]


def _add(a: Array, b: Array) -> Array:
    total = np.zeros(max(len(a), len(b)), dtype=np.int64)
    total[: len(a)] += a
    total[: len(b)] += b
    return total
