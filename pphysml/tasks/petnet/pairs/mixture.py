"""The data tell themselves how likely a pair is a true one: a mixture of randoms and of an image's photons.

Pairs in the window are randoms, whose distribution pairs at other times show, or stem from the activity,
an image that is not known. Relative to the randoms the density of a pair e is

    1 + q_e h_e sum_v w_ev lambda_v,

with the image lambda, the weights w_ev of the voxels on its line with the time of flight, the factor
q_e = cos cos / (L^2 flux flux) of two crystals (what they see of a point over what they count), and h_e of
the energies and the slope of the line. No truth is needed to fit it, no scanner, no phantom; see `mixture_fit`.
What the image finds true is then told anew by `tables`, which know of scattered photons.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ....io.ragged import Array, Columns
from ..classical.sorter import ragged
from .candidates import Candidates
from .flux import Flux
from .line_kernel import Grid, follow_lines
from .tables import table_bins, table_log_ratio
from .unscattered import TABLE

SMALLEST = 1e-12

LARGEST = 8.0
"""Logarithms of ratios are cut here where they are features: beyond, pairs are as good as certain."""

REACH = 0.7
"""Radius of the image over that of the scanner; lines between neighbouring crystals pass outside."""


@dataclass(frozen=True)
class Ends:
    """Two singles each: what the mixture looks at.

    Attributes:
        p, q: positions, mm, float64 (n, 3).
        dt: time of q less time of p, ps, (n,).
        energy: MeV, (n, 2).
    """

    p: Array
    q: Array
    dt: Array
    energy: Array

    def __len__(self) -> int:
        return len(self.dt)

    def take(self, rows: Array) -> Ends:
        """Return some of them."""
        return Ends(self.p[rows], self.q[rows], self.dt[rows], self.energy[rows])


def joined_ends(*parts: Ends) -> Ends:
    """Return several one after the other."""
    return Ends(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("p", "q", "dt", "energy")))


def ends_of(examples: Columns, pairs: Candidates) -> Ends:
    """Return where the singles of pairs are, and their energies."""
    def column(name: str, index: Array) -> Array:
        return ragged(examples, name).flat[index].astype(np.float64)

    p, q = (np.column_stack([column(axis, index) for axis in "xyz"]) for index in (pairs.first, pairs.second))
    energy = np.column_stack([column("energy", pairs.first), column("energy", pairs.second)])
    return Ends(p, q, pairs.dt, energy)


@dataclass(frozen=True)
class Mixture:
    """What was learnt of a measurement; see the module.

    Attributes:
        grid, image: voxels, and their activity in arbitrary units.
        flux: of singles.
        energies: (n, n), factor by the energies, symmetric; energy_range: its ends, MeV.
        slopes: (n,), factor by |dz| over the length of the scanner.
        sigma: standard deviation of the time difference, ps.
        window: largest time difference, ps.
        knots: (2, k), raw logarithms of the ratio, and what they were found to be; none for the raw ones.
        centre: middle of the activity in x and y, mm, (2,).
        reach: distances of lines and of places by time of flight where the bins of tables change, mm, (2, 2); see `tables.reach_of`.
        tables: (t, bins), logarithms of factors of lines and energies; see `tables`.
        correction: networks that add what these do not tell; none without them, see `refinement`.
        sureness: (2, k), logarithms of the ratio, and what is added there; none for nothing, see `recalibration.sureness`.
        paired: share of the singles that are one of a true pair.
        unscattered: (bins,), probability that a true pair is unscattered; see `unscattered`.
    """

    grid: Grid
    image: Array
    flux: Flux
    energies: Array
    energy_range: tuple[float, float]
    slopes: Array
    sigma: float
    window: float
    knots: Array
    centre: Array = field(default_factory=lambda: np.zeros(2))
    reach: Array = field(default_factory=lambda: np.array([[0.8, 1.0], [0.8, 1.0]]))
    tables: Array = field(default_factory=lambda: np.zeros((0, 0)))
    correction: tuple[tuple[Array, ...], ...] = ()
    sureness: Array = field(default_factory=lambda: np.zeros((2, 0)))
    paired: float = 0.0
    unscattered: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def scanner_radius(self) -> float:
        """Distance of the crystals from the axis, mm."""
        return self.grid.radius / REACH

    def log_ratio(self, ends: Ends) -> Array:
        """Return the logarithm of the density of one annihilation's photons over that of randoms, (n,)."""
        found = table_log_ratio(self.tables, table_bins(ends, self))
        if self.correction and len(ends):
            from .refinement import correction, line_features

            found += correction(self.correction, line_features(ends, self))
        if self.sureness.size:
            found += np.interp(found, *self.sureness)
        return found

    def log_factor(self, ends: Ends) -> Array:
        """Return the logarithm of the density of one annihilation's photons over that of two singles without a partner, (n,).

        This is what sums over matchings want, where a single that is in no pair has none; randoms are pairs of any singles.
        """
        found: Array = self.log_ratio(ends) - 2 * np.log1p(-self.paired)
        return found

    def unscattered_share(self, ends: Ends) -> Array:
        """Return the probability that true pairs have no photon that was scattered in the object, (n,)."""
        found: Array = self.unscattered[table_bins(ends, self)[TABLE]]
        return found

    def image_log_ratio(self, ends: Ends) -> Array:
        """Return what the image alone tells, with which tables begin."""
        raw = self.raw_log_ratio(ends)
        if not self.knots.size:
            return raw
        found: Array = np.interp(raw, *self.knots)
        return found

    def raw_log_ratio(self, ends: Ends) -> Array:
        """Return the same as the image tells, which its own noise makes too sure."""
        ratio = self.weights(ends) * self.integrals(ends)[0]
        found: Array = np.log(np.maximum(ratio, SMALLEST))
        return found

    def integrals(self, ends: Ends, factor: Array | None = None, onto: Array | None = None) -> tuple[Array, Array]:
        """Return integrals over the image and their spread, and add to another image; see `follow_lines`."""
        integral, spread = np.empty(len(ends)), np.empty(len(ends))
        follow_lines(ends.p, ends.q, ends.dt, self.sigma, self.window, self.grid, self.image,
                     np.zeros(0) if factor is None else factor, self.image if onto is None else onto, integral, spread)
        return integral, spread

    def weights(self, ends: Ends) -> Array:
        """Return q_e h_e."""
        found: Array = places(self.flux, ends) * self.energies[self.energy_bins(ends)] * self.slopes[self.slope_bins(ends)]
        return found

    def energy_bins(self, ends: Ends) -> tuple[Array, Array]:
        """Return row and column in `energies`."""
        low, high = self.energy_range
        n = len(self.energies)
        bins = np.clip((ends.energy - low) / max(high - low, SMALLEST) * n, 0, n - 1).astype(np.int64)
        return bins[:, 0], bins[:, 1]

    def slope_bins(self, ends: Ends) -> Array:
        """Return the index in `slopes`."""
        n, span = len(self.slopes), max(self.grid.z_high - self.grid.z_low, SMALLEST)
        found: Array = np.clip(np.abs(ends.p[:, 2] - ends.q[:, 2]) / span * n, 0, n - 1).astype(np.int64)
        return found


def places(flux: Flux, ends: Ends) -> Array:
    """Return q_e: what two crystals see of a point on their line over what they count."""
    d = ends.p - ends.q
    square = np.maximum((d**2).sum(1), SMALLEST)
    cosines = np.ones(len(d))
    for end in (ends.p, ends.q):
        cosines *= np.abs((end[:, :2] * d[:, :2]).sum(1)) / np.maximum(np.hypot(*end[:, :2].T) * np.sqrt(square), SMALLEST)
    found: Array = cosines / square / (flux.at(*ends.p.T) * flux.at(*ends.q.T))
    return found


def nearest_to_lines(ends: Ends, weight: Array) -> Array:
    """Return the point in x and y, mm, (2,), with the least sum of weighted squares of the distances from lines."""
    d, middle = (ends.p - ends.q)[:, :2], (ends.p + ends.q)[:, :2] / 2
    normal = np.column_stack([-d[:, 1], d[:, 0]]) / np.maximum(np.hypot(*d.T), SMALLEST)[:, None]
    weighted = weight[:, None] * normal
    found: Array = np.linalg.pinv(weighted.T @ normal) @ (weighted.T @ (middle * normal).sum(1))
    return found
