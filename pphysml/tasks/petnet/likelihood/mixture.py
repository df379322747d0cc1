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
from typing import NamedTuple

import numpy as np

from ....io.ragged import Array
from .ends import SMALLEST, Ends
from .flux import Flux
from .line_kernel import Grid, follow_lines
from .refinement import correction, line_features
from .region import Region
from .tables import table_bins, table_log_ratio
from .unscattered import TABLE


class Fixed(NamedTuple):
    """Of pairs: q_e, row and column in the table of energies, and index in that of slopes."""

    places: Array
    energies: tuple[Array, Array]
    slopes: Array


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
        reach: distances of lines and of places by time of flight, mm, and which share of the bins of tables is nearer, (2, 2, k); see `tables.reach_of`.
        tables: (components, t, bins), logarithms of factors of lines and energies; see `tables`.
        correction: networks that add what these do not tell; none without them, see `refinement`.
        sureness: (2, k), logarithms of the ratio, and what is added there; none for nothing, see `recalibration.sureness`.
        paired: share of the singles that are one of a true pair.
        rate: singles per ps, mean over the singles; random pairs go with its square, and true ones with itself.
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
    reach: Array = field(default_factory=lambda: np.array([[[0.0, 1.0], [0.0, 1.0]]] * 2))
    tables: Array = field(default_factory=lambda: np.zeros((0, 0)))
    correction: tuple[tuple[Array, ...], ...] = ()
    sureness: Array = field(default_factory=lambda: np.zeros((2, 0)))
    paired: float = 0.0
    rate: float = 0.0
    unscattered: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def region(self) -> Region:
        """Where the activity and its lines lie."""
        return Region(self.grid, self.centre, self.reach, self.energy_range, self.window)

    def log_ratio(self, ends: Ends) -> Array:
        """Return the logarithm of the density of one annihilation's photons over that of randoms, (n,)."""
        found = table_log_ratio(self.tables, table_bins(ends, self.region))
        if self.correction and len(ends):
            found += correction(self.correction, self.line_features(ends))
        if self.sureness.size:
            found += np.interp(found, *self.sureness)
        if self.rate:
            found -= np.log(np.where(ends.rate > 0, ends.rate / self.rate, 1.0))
        return found

    def line_features(self, ends: Ends) -> Array:
        """Return what the refining network sees of pairs, float32 (n, 17); see `refinement.line_features`."""
        return line_features(ends, self.region, self.image_log_ratio(ends))

    def log_factor(self, ends: Ends) -> Array:
        """Return the logarithm of the density of one annihilation's photons over that of two singles without a partner, (n,).

        This is what sums over matchings want, where a single that is in no pair has none; randoms are pairs of any singles.
        """
        found: Array = self.log_ratio(ends) - 2 * np.log1p(-self.paired)
        return found

    def unscattered_share(self, ends: Ends) -> Array:
        """Return the probability that true pairs have no photon that was scattered in the object, (n,)."""
        found: Array = self.unscattered[table_bins(ends, self.region)[TABLE]]
        return found

    def image_log_ratio(self, ends: Ends) -> Array:
        """Return what the image alone tells, with which tables begin."""
        raw = self.raw_log_ratio(ends)
        if not self.knots.size:
            return raw
        found: Array = np.interp(raw, *self.knots)
        return found

    def raw_log_ratio(self, ends: Ends, fixed: Fixed | None = None) -> Array:
        """Return the same as the image tells, which its own noise makes too sure."""
        ratio = self.weights(self.fixed(ends) if fixed is None else fixed) * self.integrals(ends)[0]
        found: Array = np.log(np.maximum(ratio, SMALLEST))
        return found

    def integrals(self, ends: Ends, factor: Array | None = None, onto: Array | None = None) -> tuple[Array, Array]:
        """Return integrals over the image and their spread, and add to another image; see `follow_lines`."""
        integral, spread = np.empty(len(ends)), np.empty(len(ends))
        follow_lines(ends.p, ends.q, ends.dt, self.sigma, self.window, self.grid, self.image,
                     np.zeros(0) if factor is None else factor, self.image if onto is None else onto, integral, spread)
        return integral, spread

    def fixed(self, ends: Ends) -> Fixed:
        """Return what `weights` needs to know of pairs, which no fit changes."""
        return Fixed(places(self.flux, ends), self.energy_bins(ends), self.slope_bins(ends))

    def weights(self, fixed: Fixed) -> Array:
        """Return q_e h_e."""
        found: Array = fixed.places * self.energies[fixed.energies] * self.slopes[fixed.slopes]
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
