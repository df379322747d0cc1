"""Expected significance of a signal in histograms whose background is uncertain: the profile likelihood.

A region is a histogram with the expected signal s_i and background b_i. Its background may differ
from b_i in three ways, each of which is fitted within its uncertainty:

- every bin for itself, as the template is made of finite simulation: factor g_i, known by an
  auxiliary count of 1 / r_i jets, where r_i is the relative variance of b_i (R. Barlow, C. Beeston,
  Comput. Phys. Commun. 77 (1993) 219; one factor a bin: J. S. Conway, arXiv:1103.0354);
- all bins together: factor k, known by an auxiliary count of 1 / f^2, where f is the relative
  uncertainty of the normalisation;
- in shape: factor exp(d t h_i), where t has a Gaussian of unit width, h_i is the direction and d the
  size of the uncertainty.

The auxiliary counts are Poisson's, as in HistFactory (K. Cranmer et al., CERN-OPEN-2012-016), so that
factors stay positive, and one bin is the formula of `counting_significance`.
The median significance is sqrt(q0) of the expected counts s_i + b_i (G. Cowan et al., Eur. Phys.
J. C 71 (2011) 1554): twice the logarithm of the likelihood ratio of the signal as it is and the best
background alone. The fit is convex, with two numbers per region: logarithm of k, and t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .uncertainty import Floats

STEPS = 100
TOLERANCE = 1e-12
LONGEST = 2.0
"""Steps of Newton's method at most, what its last one may change q0 by, and its longest step."""


class Region(NamedTuple):
    """Histograms of one region; any leading axes are many fits at once.

    Attributes:
        signal: expected jets, shape (..., bins).
        background: the same; above zero where there is signal.
        variance: relative variance of the background template, 1 / effective number of simulated
            jets; 0 where it is exact.
        direction: logarithm of how the background changes for a shape uncertainty of one.
    """

    signal: ArrayLike
    background: ArrayLike
    variance: ArrayLike = 0.0
    direction: ArrayLike = 0.0


def significance(regions: list[Region], normalisation: float = 0.0, shape: float = 0.0) -> Floats:
    """Return the expected significance in standard deviations, shape (...).

    Args:
        regions: with factors of their own.
        normalisation: relative uncertainty f of the background of each region.
        shape: size d of the uncertainty along the regions' directions.

    Raises:
        ValueError: signal in a bin without background, or a negative number.
    """
    if min(normalisation, shape) < 0:
        raise ValueError("uncertainties must not be negative")
    q0 = sum((_discrepancy(region, normalisation, shape) for region in regions), np.zeros(()))
    found: Floats = np.sqrt(np.maximum(q0, 0.0))
    return found


def _discrepancy(region: Region, f: float, d: float) -> Floats:
    """Return q0 of one region: twice the smallest loss of log-likelihood without the signal."""
    s, b, r, h = np.broadcast_arrays(*(np.asarray(part, float) for part in region))
    bins = s.shape[-1]
    if (b < 0).any() or (s < 0).any() or (r[b > 0] < 0).any() or (s[b <= 0] > 0).any():
        raise ValueError("expected counts must not be negative, and signal needs a background above zero")
    n, b, r, h = (part.reshape(-1, bins) for part in (s + b, b, r, d * h))
    return 2 * _Fit(n, b, r, h, f).smallest_loss().reshape(s.shape[:-1])


class _Fit:
    """The loss of log-likelihood of many histograms as a function of v = ln k and t."""

    def __init__(self, n: Floats, b: Floats, r: Floats, h: Floats, f: float) -> None:
        # An empty bin has no part in the fit, whatever its variance and direction are.
        self.n, self.b, self.r, self.h = (np.where(b > 0, part, 0.0) for part in (n, b, r, h))
        self.f = f

    def smallest_loss(self) -> Floats:
        """Return the loss at the best v and t, (fits,), by Newton's method with step halving."""
        x = np.zeros((len(self.n), 2))
        loss = self.loss(x)
        for _ in range(STEPS):
            step = self.newton_step(x)
            longest = np.abs(step).max(1, keepdims=True)
            step *= np.minimum(1.0, LONGEST / np.maximum(longest, LONGEST))
            before = loss
            x, loss = self.descend(x, step, loss)
            if (before - loss <= TOLERANCE * (1 + loss)).all():
                break
        return loss

    def descend(self, x: Floats, step: Floats, loss: Floats) -> tuple[Floats, Floats]:
        """Return where the loss is smaller, and how large it is; the step is halved until it is so."""
        for _ in range(30):
            moved = x + step
            tried = self.loss(moved)
            better = tried <= loss
            if better.all():
                return moved, tried
            step = np.where(better[:, None], step, step / 2)
        return np.where(better[:, None], moved, x), np.where(better, tried, loss)

    def background(self, x: Floats) -> Floats:
        """Return the background with normalisation and shape, before the factors of the bins."""
        return self.b * np.exp(x[:, :1] + x[:, 1:] * self.h)

    def loss(self, x: Floats) -> Floats:
        """Return the loss against the signal as it is, (fits,), with the best factor in each bin.

        In a bin of n counts and background c that factor is g = (n + 1/r) / (c + 1/r), and the loss
        n ln(n / c) - (n + 1/r) ln g; without template uncertainty n ln(n / c) - n + c.
        """
        n, c, r = self.n, self.background(x), self.r
        with np.errstate(divide="ignore", invalid="ignore"):
            more = n - c  # through log1p, as both terms nearly cancel where it is small
            ratio = np.where(n > 0, n * np.log1p(more / c), 0.0)
            template = (n + 1 / r) * np.log1p(more * r / (1 + c * r))
        lost = (ratio - np.where(r > 0, template, more)).sum(1)
        v, t = x.T
        constraint = (np.expm1(v) - v) / self.f**2 if self.f else 0.0
        total: Floats = lost + constraint + t**2 / 2
        return total

    def newton_step(self, x: Floats) -> Floats:
        """Return minus the inverse second derivatives times the first, (fits, 2)."""
        n, c = self.n, self.background(x)
        full = c * (1 + n * self.r) / (1 + c * self.r)
        first, second = full - n, full / (1 + c * self.r)
        k = np.exp(x[:, 0])
        v1, v2, mixed = np.zeros_like(k), np.ones_like(k), np.zeros_like(k)
        if self.f:  # a normalisation that is known stays where it is
            v1, v2 = first.sum(1) + (k - 1) / self.f**2, second.sum(1) + k / self.f**2
            mixed = (second * self.h).sum(1)
        t1, t2 = (first * self.h).sum(1) + x[:, 1], (second * self.h**2).sum(1) + 1
        determinant = v2 * t2 - mixed**2
        step = np.stack([mixed * t1 - t2 * v1, mixed * v1 - v2 * t1], axis=1)
        found: Floats = step / determinant[:, None]
        return found
