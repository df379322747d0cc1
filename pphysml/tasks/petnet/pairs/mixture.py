"""The data tell themselves how likely a pair is a true one: a mixture of randoms and of an image's photons.

Pairs in the window are randoms, whose distribution pairs at other times show, or stem from the activity,
an image that is not known. Relative to the randoms the density of a pair e is

    1 + q_e h_e sum_v w_ev lambda_v,

with the image lambda, the weights w_ev of the voxels on its line with the time of flight, the factor
q_e = cos cos / (L^2 flux flux) of two crystals (what they see of a point over what they count), and h_e of
the energies and the slope of the line. No truth is needed to fit it, no scanner, no phantom; see `mixture_fit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns
from ..classical.sorter import ragged
from .candidates import Candidates
from .flux import Flux
from .line_kernel import Grid, follow_lines

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
        correction: weights of a network that adds what the image does not tell; none without it, see `refinement`.
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
    correction: tuple[Array, ...] = ()

    def log_ratio(self, ends: Ends) -> Array:
        """Return the logarithm of the density of one annihilation's photons over that of randoms, (n,)."""
        found = self.image_log_ratio(ends)
        if not self.correction or not len(ends):
            return found
        from .refinement import correction, line_features

        return found + correction(self.correction, line_features(ends, self))

    def image_log_ratio(self, ends: Ends) -> Array:
        """Return the same without the correction."""
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

    def centre(self) -> Array:
        """Return the middle of the activity in x and y, mm, (2,)."""
        middle = (np.arange(self.grid.across) + 0.5) * self.grid.voxel - self.grid.radius
        # What scattered photons spread over the whole field of view does not count.
        high = np.where(self.image > 0.2 * self.image.max(), self.image, 0.0).sum(2)
        total = max(float(high.sum()), SMALLEST)
        return np.array([(high.sum(1) * middle).sum(), (high.sum(0) * middle).sum()]) / total

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

    def arrays(self) -> dict[str, Array]:
        """Return all of it as arrays, for a weights file."""
        return {
            "mixture_grid": np.array(self.grid, dtype=np.float64), "mixture_image": self.image, "mixture_flux": self.flux.table,
            "mixture_energies": self.energies, "mixture_slopes": self.slopes, "mixture_knots": self.knots,
            **{f"mixture_correction_{k}": weight for k, weight in enumerate(self.correction)},
            "mixture_numbers": np.array([self.flux.z_low, self.flux.z_high, *self.energy_range, self.sigma, self.window]),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Mixture:
        """Return what `arrays` was made of."""
        radius, z_low, z_high, voxel, across, along = (float(v) for v in arrays["mixture_grid"])
        ends = [float(v) for v in arrays["mixture_numbers"]]
        return cls(
            Grid(radius, z_low, z_high, voxel, int(across), int(along)), arrays["mixture_image"],
            Flux(ends[0], ends[1], arrays["mixture_flux"]), arrays["mixture_energies"], (ends[2], ends[3]),
            arrays["mixture_slopes"], ends[4], ends[5], arrays["mixture_knots"],
            tuple(arrays[f"mixture_correction_{k}"] for k in range(sum(name.startswith("mixture_correction_") for name in arrays))))


def places(flux: Flux, ends: Ends) -> Array:
    """Return q_e: what two crystals see of a point on their line over what they count."""
    d = ends.p - ends.q
    square = np.maximum((d**2).sum(1), SMALLEST)
    cosines = np.ones(len(d))
    for end in (ends.p, ends.q):
        cosines *= np.abs((end[:, :2] * d[:, :2]).sum(1)) / np.maximum(np.hypot(*end[:, :2].T) * np.sqrt(square), SMALLEST)
    found: Array = cosines / square / (flux.at(*ends.p.T) * flux.at(*ends.q.T))
    return found
