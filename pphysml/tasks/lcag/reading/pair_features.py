"""What is known of pairs of leaves besides their momenta: branches of a file, and tracks that meet."""

from __future__ import annotations

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, ragged
from ....physics.closest_approach import closest_approach
from ..config import VERTEXING, DataConfig
from ..trees.matrix_elements import Elements

ROUNDING = 1e-4
"""Relative difference between both orders of a pair that is taken for rounding."""


def pair_features(chunk: Columns, p4: Ragged, options: DataConfig) -> Ragged:
    """Return the features of all pairs of leaves, float32 flat rows of n*n, (pairs, features); 0 on the diagonal.

    Raises:
        InputError: a branch that has not n*n values, or is not symmetric; names the entry.
    """
    elements = Elements.of(p4.counts)
    known: dict[str, Array] = {}
    if not set(VERTEXING).isdisjoint(options.pair_features):
        points = np.stack([ragged(chunk, name).flat for name in options.track_points], -1)
        known = _vertexing(points, p4, elements)
    columns = [known[name] if name in known else _given(chunk, name, p4.counts, elements) for name in options.pair_features]
    features = np.stack(columns, -1).astype(np.float32)
    features[elements.row == elements.column] = 0
    return Ragged(features, elements.at)


def vertexing(points: Array, momenta: Array, other_points: Array, other_momenta: Array) -> dict[str, Array]:
    """Return the logarithms of DOCA and of the common vertex's distance from the origin and from the z axis.

    Shapes: all (..., 3), returns (...). Lengths below 1e-3 of their unit count as that.
    """
    doca, vertex = closest_approach(points, momenta, other_points, other_momenta)
    lengths = {"doca": doca, "vertex_distance": np.linalg.norm(vertex, axis=-1),
               "vertex_rho": np.linalg.norm(vertex[..., :2], axis=-1)}
    return {name: np.log(np.maximum(length, 1e-3)) for name, length in lengths.items()}


def _vertexing(points: Array, p4: Ragged, elements: Elements) -> dict[str, Array]:
    """Compute each pair once, for both its orders."""
    upper = np.flatnonzero(elements.row < elements.column)
    first = p4.offsets[elements.event[upper]]
    i, j = first + elements.row[upper], first + elements.column[upper]
    momenta = p4.flat[:, :3]
    found = {}
    for name, values in vertexing(points[i], momenta[i], points[j], momenta[j]).items():
        found[name] = np.zeros(len(elements.event))
        found[name][upper] = found[name][elements.mirror[upper]] = values
    return found


def _given(chunk: Columns, branch: str, n_leaves: Array, elements: Elements) -> Array:
    column = ragged(chunk, branch)
    counts = column.counts
    refuse(chunk, counts != n_leaves**2, branch, lambda row: (
        f"has {counts[row]} values for {n_leaves[row]} leaves; a feature of pairs has their square, row after row"))
    mirrored = column.flat[elements.mirror]
    unequal = ~np.isclose(column.flat, mirrored, rtol=ROUNDING, atol=1e-6)
    bad = np.bincount(elements.event[unequal], minlength=len(n_leaves)) > 0

    def reason(row: int) -> str:
        k = int(np.argmax(unequal & (elements.event == row)))
        return (f"is not symmetric: {column.flat[k]:g} for leaves {elements.row[k]} and {elements.column[k]}, "
                f"{mirrored[k]:g} the other way round")

    refuse(chunk, bad, branch, reason)
    mean: Array = (column.flat.astype(np.float64) + mirrored) / 2
    return mean
