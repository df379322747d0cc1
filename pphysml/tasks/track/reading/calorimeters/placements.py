"""The fit of known geometries to the layers that are seen: where a geometry may stand, and how well it fits there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .....io.ragged import Array
from ...geometries.geometry import Floats, Geometry
from .layers import TOLERANCE
from .seen import Seen

FEWEST_LAYERS = 3
LEAST_COVERED = 0.6
"""Share of a geometry's layers in the range seen that must have hits: some may be dead."""
MOST_CHANCE = 1e-4
"""Largest probability that positions without any order fit as well somewhere."""
THIN, THICK = 0.7, 1.25
"""Measured thickness of a sensor over that of the geometry; few hits reach less far than the sensor."""
AT_HOME = 0.05
"""Shift up to which a geometry stands where its description says, mm."""


@dataclass(frozen=True)
class Placement:
    """A geometry that stands somewhere along the beam.

    Attributes:
        axis: along which the beam runs in the file.
        shift: of its layers against its description, mm.
        layer: of each layer seen, (K,); -1 for none.
        hits: how many are in its layers.
        explained: the same as a share of all.
        covered: share of its layers in the range seen that have hits.
    """

    geometry: Geometry
    axis: str
    shift: float
    layer: Array
    hits: int
    explained: float
    covered: float

    @property
    def at_home(self) -> bool:
        """Whether it stands where its description says."""
        return abs(self.shift) <= AT_HOME

    @property
    def front(self) -> int:
        """Number of its first layer that has hits."""
        return int(self.layer[self.layer >= 0][0])


def placements(seen: Seen, geometries: Sequence[Geometry], axis: str) -> list[Placement]:
    """Return all placements in which a geometry explains what is seen."""
    return [placement for geometry in geometries for placement in _placements(seen, geometry, axis, len(geometries))]


def _placements(seen: Seen, geometry: Geometry, axis: str, tried: int) -> Iterator[Placement]:
    if seen.thickness is not None and not THIN < seen.thickness / geometry.sensor.thickness < THICK:
        return
    shifts = _shifts(seen, geometry)
    layer = _numbered(seen, geometry, shifts)
    chance = tried * len(shifts) * _share(geometry) ** ((layer >= 0).sum(1) - 1.0)
    known: set[tuple[int, ...]] = set()
    behind = seen.z[None, :] - shifts[:, None] > geometry.z[-1]
    for row in np.flatnonzero(_fitting(seen, layer, behind)):
        # Of shifts that differ by less than the tolerance one is enough.
        if (key := tuple(layer[row].tolist())) in known:
            continue
        known.add(key)
        placement = _placement(seen, geometry, axis, layer[row])
        if placement.covered >= LEAST_COVERED and chance[row] * (AT_HOME / TOLERANCE if placement.at_home else 1.0) <= MOST_CHANCE:
            yield placement


def _shifts(seen: Seen, geometry: Geometry) -> Floats:
    """Return the shifts that put one of the geometry's layers where most hits are, and none at all, (S,)."""
    fullest = seen.z[np.argsort(-seen.hits, kind="stable")[:3]]
    return np.concatenate([[0.0], (fullest[:, None] - geometry.z).ravel()])


def _numbered(seen: Seen, geometry: Geometry, shifts: Floats) -> Array:
    """Return the layer of each layer seen for each shift, (S, K); -1 for none."""
    at = seen.z[None, :] - shifts[:, None]
    nearest = np.searchsorted((geometry.z[1:] + geometry.z[:-1]) / 2, at)
    reach = min(TOLERANCE + geometry.sensor.thickness / 2, 0.49 * float(np.diff(geometry.z).min()))
    found: Array = np.where(np.abs(at - geometry.z[nearest]) <= reach, nearest, -1)
    return found


def _fitting(seen: Seen, layer: Array, behind: Array) -> Array:
    """Return which shifts leave out no layer that is certainly one, but for those `behind` the last one, and put no two into one, (S,)."""
    inside = layer >= 0
    apart = np.array([len(np.unique(row[row >= 0])) for row in layer]) == inside.sum(1)
    fits: Array = (inside | behind | ~seen.strong).all(1) & apart & ((inside & seen.strong).sum(1) >= FEWEST_LAYERS)
    return fits


def _share(geometry: Geometry) -> float:
    """Return the share of positions that lie in some layer within the tolerance."""
    return min(1.0, 2 * TOLERANCE / float(np.median(np.diff(geometry.z))))


def _placement(seen: Seen, geometry: Geometry, axis: str, layer: Array) -> Placement:
    inside = layer >= 0
    shift = float(np.median(np.repeat(seen.z[inside] - geometry.z[layer[inside]], np.minimum(seen.hits[inside], 100))))
    hits, total = int(seen.hits[inside].sum()), int(seen.hits.sum()) + seen.left_out
    full = layer[inside & (seen.hits >= 0.1 * seen.usual)]
    covered = len(full) / (int(full.max()) - int(full.min()) + 1)
    return Placement(geometry, axis, shift, layer, hits, hits / total, covered)
