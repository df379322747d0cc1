"""Images of weighted lines by list-mode expectation maximisation, with the time of flight where it tells anything.

An image maximises the likelihood of the lines (L. A. Shepp, Y. Vardi, IEEE Trans. Med. Imaging 1 (1982) 113; list mode: L. Parra, H. H. Barrett,
IEEE Trans. Med. Imaging 17 (1998) 228); subsets of lines take turns (H. M. Hudson, R. S. Larkin, IEEE Trans. Med. Imaging 13 (1994) 601). A line counts
with its weight, such as the probability that it is a true one. How well the scanner sees each place, without any knowledge of it, is the sum over
lines between singles that have nothing to do with each other, divided by how many singles their two ends see. Nothing is corrected for
attenuation, scatter or the dead time of crystals: pictures of the same data are to be compared with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

from ....io.ragged import Array
from ..likelihood.ends import SMALLEST, Ends
from ..likelihood.flux import Flux
from ..likelihood.line_kernel import Grid, follow_lines
from ..likelihood.mixture import places

SUBSETS = (8, 8, 4, 2, 1)
"""Subsets of each pass over the lines: first many, which is fast, at last one, lest the image show what the last subset has by chance."""

FEWEST = 2000
"""Lines of a subset at least."""

TIMED = 20_000
"""Lines from which the time resolution is fitted."""

COARSE = 4
"""Voxels along an edge of those in which the sensitivity is counted, which is smooth."""

PART = 100_000
"""Lines between singles that are followed at a time."""

SEEN = 0.15
"""Sensitivity over the largest one, below which a place is left dark."""

LEAST_SPREAD = 1.0
"""ps, lest a width be zero."""

SEED = 18

MIXING = np.uint64(0xBF58476D1CE4E5B9)
"""Factor that mixes bits (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014, 453)."""


@dataclass(frozen=True)
class WeightedLines:
    """Lines of response.

    Attributes:
        p, q: ends, mm, (n, 3).
        dt: time at q less time at p, ps, (n,).
        weight: not below 0, (n,).
    """

    p: Array
    q: Array
    dt: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.dt)

    def part(self, number: int, of: int) -> WeightedLines:
        """Return every so many'th line as compiled code takes it."""
        return WeightedLines(*(np.ascontiguousarray(values[number::of], dtype=np.float64) for values in (self.p, self.q, self.dt, self.weight)))


def pitch_of(place: Array) -> float:
    """Return how far crystals are apart, mm: the median distance of the places of singles from the nearest other one.

    Args:
        place: mm, (n, 3).
    """
    distinct = np.unique(np.round(place, 2), axis=0)
    return float(np.median(cKDTree(distinct).query(distinct, k=2)[0][:, 1])) if len(distinct) > 1 else 0.0


def anywhere_in_crystals(lines: WeightedLines, pitch: float) -> WeightedLines:
    """Return lines whose ends lie anywhere in crystals that face the axis, and not in the middle.

    Where lines between middles all cross, as those of opposite crystals do in the axis, an image would be too bright. The
    same line is always moved alike, whatever others there are.

    Args:
        pitch: width of a crystal, mm.
    """
    bits = np.column_stack([lines.p, lines.q, lines.dt]).astype(np.float32).view(np.uint32).astype(np.uint64)
    key = np.zeros(len(lines), dtype=np.uint64)
    for column in bits.T:
        key = (key ^ column) * MIXING
        key ^= key >> np.uint64(31)
    # Four numbers of 16 bits each.
    shares = [(((key >> np.uint64(16 * number)) & np.uint64(0xFFFF)) + 0.5) / 65536.0 - 0.5 for number in range(4)]
    ends = [_moved(end, pitch * across, pitch * along) for end, across, along in zip((lines.p, lines.q), shares[:2], shares[2:], strict=True)]
    return WeightedLines(ends[0], ends[1], lines.dt, lines.weight)


def _moved(end: Array, across: Array, along: Array) -> Array:
    """Return places moved around the axis and along it, mm."""
    x, y, z = end.T.astype(np.float64)
    scale = across / np.maximum(np.hypot(x, y), SMALLEST)
    return np.column_stack([x - y * scale, y + x * scale, z + along])


def grid_of(radius: float, z_low: float, z_high: float, across: int, most_along: int) -> Grid:
    """Return cubic voxels over a cylinder around the axis, in whole blocks of the sensitivity.

    Args:
        radius, z_low, z_high: of the cylinder, mm.
        across: voxels over its diameter, a multiple of `COARSE`; fewer if there would be more than `most_along` along the axis.
    """
    span = max(z_high - z_low, SMALLEST)
    coarse = max(2 * radius / across, span / most_along) * COARSE
    blocks = max(1, round(2 * radius / coarse))
    voxel = 2 * radius / blocks / COARSE
    along = max(1, int(np.ceil(span / (voxel * COARSE))))
    middle, half = (z_low + z_high) / 2, along * voxel * COARSE / 2
    return Grid(radius, middle - half, middle + half, voxel, blocks * COARSE, along * COARSE)


def sensitivity(place: Array, grid: Grid, lines: int) -> Array:
    """Return how well lines see each voxel, up to a factor, (across, across, along); 0 where hardly any does.

    Args:
        place: of singles, mm, (n, 3).
        lines: between these, of which it is counted.
    """
    rng, flux = np.random.default_rng(SEED), Flux.of(*place.T)
    blocks = grid._replace(voxel=grid.voxel * COARSE, across=grid.across // COARSE, along=grid.along // COARSE)
    found, none = np.zeros((blocks.across, blocks.across, blocks.along)), np.zeros(PART)
    # A time resolution without end: every point of a line counts alike.
    endless = 1e9
    for _ in range(-(-lines // PART)):
        p, q = (np.ascontiguousarray(place[rng.integers(0, len(place), PART)], dtype=np.float64) for _ in range(2))
        seen = places(flux, Ends(p, q, none, np.zeros((0, 2)), none))
        follow_lines(p, q, none, endless, endless * np.sqrt(np.pi / 2), blocks, found, seen, found, none.copy(), none.copy())
    found = gaussian_filter(found, 0.5, mode="nearest")
    fine: Array = zoom(found, COARSE, order=1, mode="nearest", grid_mode=True)
    return np.where(fine > SEEN * fine.max(), fine, 0.0)


def time_spread(lines: WeightedLines, seen: Array, grid: Grid) -> float:
    """Return the standard deviation of time differences, ps, that fits lines best; see `reconstructed`."""
    sigma = float(lines.dt.std()) + LEAST_SPREAD if len(lines) else LEAST_SPREAD
    return _fitted(lines.part(0, -(-len(lines) // TIMED) or 1), seen, grid, sigma, True)[1]


def reconstructed(lines: WeightedLines, seen: Array, grid: Grid, sigma: float) -> Array:
    """Return the image of lines, (across, across, along).

    Args:
        seen: see `sensitivity`.
        sigma: standard deviation of the time difference, ps.
    """
    return _fitted(lines, seen, grid, sigma, False)[0]


def _fitted(lines: WeightedLines, seen: Array, grid: Grid, sigma: float, timed: bool) -> tuple[Array, float]:
    """Return the image, and the standard deviation of the time difference, which is fitted, too, if it is `timed`."""
    inverse = np.divide(1.0, seen, out=np.zeros_like(seen), where=seen > 0)
    image = (seen > 0).astype(np.float64)
    for wanted in SUBSETS:
        subsets = int(np.clip(len(lines) // FEWEST, 1, wanted))
        # Of few lines, passes take the place of subsets.
        for _ in range(-(-wanted // subsets)):
            sums = np.zeros(2)
            for number in range(subsets):
                image, spread = _improved(image, lines.part(number, subsets), grid, sigma, inverse * subsets)
                sums += spread
            if timed and sums[0] > 0:
                sigma = float(np.sqrt(sums[1] / sums[0])) + LEAST_SPREAD
    return image, sigma


def _improved(image: Array, lines: WeightedLines, grid: Grid, sigma: float, inverse: Array) -> tuple[Array, Array]:
    """Return the image after one step, the lines' weight and the weighted sum of the squares of what their times are off, ps^2."""
    n = len(lines)
    integral, spread, update = np.empty(n), np.empty(n), np.zeros_like(image)
    # The window only scales the integrals.
    window = sigma * np.sqrt(np.pi / 2)
    follow_lines(lines.p, lines.q, lines.dt, sigma, window, grid, image, np.zeros(0), image, integral, spread)
    met = integral > SMALLEST
    factor = np.divide(lines.weight, integral, out=np.zeros(n), where=met)
    follow_lines(lines.p, lines.q, lines.dt, sigma, window, grid, image, factor, update, integral.copy(), spread.copy())
    return image * update * inverse, np.array([lines.weight[met].sum(), (factor * spread).sum()])
