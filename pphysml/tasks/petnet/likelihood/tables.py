"""Factors of the quantities of a pair, two at a time: what true pairs have in common beside the activity on their line.

Scattered photons miss the object and have lost energy, which no image shows. So the ratio of the densities of true
and of random pairs is also told as a product of tables, each of two quantities of the pair; lines are looked at from the
middle of the activity, to which they come nearest. See `tables_fit`.
"""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from .ends import Ends
from .line_kernel import LIGHT
from .region import Region

AXES = (("flight", "aside"), ("slope", "middle"), ("lower", "higher"), ("lower", "aside"), ("higher", "aside"))
"""Quantities of each table, see `table_bins`."""

BINS = 48
"""For each quantity."""

NEARLY_ALL, BEYOND = 0.99, 1.2
"""Bins are narrow up to the distance within which so many of the true pairs lie, and so much farther."""

KNOTS, BY_NUMBER, SMALL = 17, 0.25, 0.2
"""Distances within which the number of true pairs is looked at; share of the bins that are as full as one another, of a point, which falls to none
where half of the true pairs are within the last as a share of what holds nearly all."""

OUTER, ENOUGH = 0.2, 30_000
"""Share of the bins of a distance that are left to pairs beyond if there are so many pairs: only then are there true ones to be told."""


def table_bins(ends: Ends, region: Region) -> Array:
    """Return the bin of pairs in each table, int64 (len(AXES), n); the same if the two singles are exchanged.

    aside: distance of the line from the middle of the activity, across the axis; flight: distance of the place that the
    time of flight tells; slope: difference along the axis; middle: place of the line's middle along the axis; lower and higher energy.
    """
    grid, difference = region.grid, ends.p[:, 2] - ends.q[:, 2]
    span = max(grid.z_high - grid.z_low, 1e-6)
    low, high = region.energy_range
    lower, higher = (np.sort(ends.energy, axis=1).T - low) / max(high - low, 1e-12)
    aside, flight = (np.interp(of, *reach) for of, reach in zip(distances(ends, region.centre), region.reach, strict=True))
    share = {"aside": aside, "flight": flight, "slope": np.abs(difference) / span,
             "middle": ((ends.p + ends.q)[:, 2] / 2 - grid.z_low) / span, "lower": lower, "higher": higher}
    bins = {name: np.clip(values * BINS, 0, BINS - 1).astype(np.int64) for name, values in share.items()}
    return np.stack([bins[a] * BINS + bins[b] for a, b in AXES])


def distances(ends: Ends, centre: Array) -> Array:
    """Return how far lines, and the places that the time of flight tells, are from a point across the axis, mm, (2, n)."""
    d, middle = ends.p - ends.q, (ends.p + ends.q) / 2
    length, across = (np.maximum(size, 1e-6) for size in (np.sqrt((d**2).sum(1)), np.hypot(d[:, 0], d[:, 1])))
    x, y = (middle[:, :2] - centre).T
    flight = LIGHT * ends.dt / 2 / length
    return np.stack([np.abs(x * d[:, 1] - y * d[:, 0]) / across, np.hypot(x + flight * d[:, 0], y + flight * d[:, 1])])


def reach_of(distance: Array, true: Array) -> Array:
    """Return distances, mm, and the share of the bins that is nearer, (2, 2, KNOTS + 2): for lines and for places by time of flight.

    The bins are equally wide within what holds nearly all true pairs; of a source that is small against their distances up to
    `BY_NUMBER` of the bins have as many true pairs each instead, so that it has more than one or two.

    Args:
        distance: of pairs, see `distances`; true: probability that they are no random ones, (n,).
    """
    found = []
    for of in distance:
        within = np.quantile(of, np.linspace(0, NEARLY_ALL, KNOTS), weights=true, method="inverted_cdf")
        near = max(BEYOND * float(within[-1]), 1e-6)
        outer = OUTER if len(true) >= ENOUGH else 0.0
        far = max(float(of.max()), near / (1 - OUTER))
        knots = np.concatenate([[0.0], np.maximum.accumulate(np.minimum(within[1:], near)), [near, far]])
        by_number = BY_NUMBER * max(0.0, 1 - within[KNOTS // 2] / (SMALL * near))
        share = by_number * np.interp(np.arange(KNOTS + 2), (0, KNOTS - 1, KNOTS + 1), (0.0, 1.0, 1.0)) + (1 - by_number) * np.minimum(knots / near, 1.0)
        share = (1 - outer) * share
        share[-1] = 1.0
        found.append([knots, share])
    return np.array(found)


def table_log_ratio(tables: Array, bins: Array) -> Array:
    """Return the logarithm of the sum over components of the product of their factors, float64 (n,).

    Args:
        tables: logarithms, (components, len(AXES), BINS^2); bins: see `table_bins`.
    """
    found: Array = tables[0][np.arange(len(bins))[:, None], bins].sum(0)
    for further in tables[1:]:
        found = np.logaddexp(found, further[np.arange(len(bins))[:, None], bins].sum(0))
    return found
