"""Noise-equivalent count rate inside the band of NEMA NU 4, and how well lines are found in it.

NEMA NU 4-2008, section 4: what lies farther than 8 mm outside the edge of the phantom is left out
of the sinogram, so that the band is the diameter + 16 mm wide. STIR does the same
(separate_true_from_random_scatter_for_necr.cxx of UCL/STIR). The standard's own split of the
counts, a line from edge to edge of the 14 mm strip around the peak of a line source, is no use for
spread-out activity: here the truth splits them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from ....evaluation.result import Metric
from ....io.ragged import Array
from .line_counts import DISTANCES, LineCounts, jackknife

MARGIN = 8.0
"""Half of what the band is wider than the object, mm."""

CONTAINED = 0.995
"""Share of the unscattered targets that a learned object holds."""


def noise_equivalent(true: float, scattered: float, randoms: float, weight: float = 1.0) -> float:
    """Return T^2 / (T + S + k R), the noise-equivalent counts; 0 without counts.

    Args:
        weight: k, 2 where delayed pairs as noisy as the randoms are subtracted, 1 for smooth randoms.

    Source: S. C. Strother, M. E. Casey, E. J. Hoffman, IEEE Trans. Nucl. Sci. 37 (1990) 783.
    """
    total = true + scattered + weight * randoms
    return true**2 / total if total > 0 else 0.0


def learned_radius(lines: LineCounts) -> float:
    """Return the radius around the axis that `CONTAINED` of the unscattered targets pass through, mm; NaN without any."""
    counts = lines.distance("unscattered_targets").sum(0)
    if not counts.any():
        return np.nan
    passed = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    return float(np.interp(CONTAINED, passed, lines.distances.edges))


def inside(counts: Array, edges: Array, radius: float) -> Array:
    """Return the counts below a distance, summed over the last axis; a bin that is cut counts in part."""
    share = np.clip((radius - edges[:-1]) / np.diff(edges), 0.0, 1.0)
    summed: Array = (counts * share).sum(-1)
    return summed


def necr_metrics(lines: LineCounts, duration: float, radius: float, scatter_known: bool) -> Iterator[Metric]:
    """Yield the NECR with both weights of randoms, and fractions inside the band.

    Args:
        duration: s.
        radius: of the object, mm.
    """
    band = inside(lines.distances.counts, lines.distances.edges, radius + MARGIN)
    n = round(float(band[:, DISTANCES.index("prompts")].sum()))
    if not n:
        return
    where = f"inside the band of NEMA NU 4-2008, |s| < {radius:.3g} mm + {MARGIN:g} mm; errors from {len(band)} groups of clusters of singles"
    if duration > 0:
        for name, weight, words in (("necr", 1.0, "R"), ("necr_2r", 2.0, "2 R")):
            value, error = jackknife(partial(_rate, weight=weight, duration=duration), band)
            yield Metric(name, value, max(value - error, 0.0), value + error, n,
                         f"T^2 / (T + S + {words}) per second of the input, counts {where}. T: first unscattered pair reported of each target, "
                         "R: pairs of different events or with noise, S: all others")
    if scatter_known:
        value, error = jackknife(lambda sums: _ratio(_split(sums)[1], sum(_split(sums)[:2])), band)
        yield Metric("scatter_fraction_in_band", value, max(value - error, 0.0), value + error, n, f"S / (T + S) as for necr, {where}")


def _rate(sums: Array, weight: float, duration: float) -> float:
    return noise_equivalent(*_split(sums), weight) / duration


def _split(sums: Array) -> tuple[float, float, float]:
    """Return trues, scattered and all other correlated pairs, randoms."""
    true, randoms, prompts = (float(sums[DISTANCES.index(name)]) for name in ("true", "accidental", "prompts"))
    return true, max(prompts - true - randoms, 0.0), randoms


def _ratio(passed: float, of: float) -> float:
    return passed / of if of > 0 else 0.0
