"""How much a score depends on a mass beyond what is allowed: not at all, linearly, quadratically.

In bins of the mass that hold equal numbers of jets, F_b(s) is the distribution function of the score. What is left of it
after its Legendre moments up to an order, as a function of the bin, is what the loss makes small; the moments stay free.

Reference: O. Kitouni et al. (MoDe), arXiv:2010.09745. There the functions are smoothed in the score; here they are
steps at the scores themselves, and the integral and its gradient are exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

FEWEST = 2
"""Jets in a bin."""


def moment_loss(score: Tensor, mass: Tensor, weight: Tensor, order: int = 0, bins: int = 32) -> Tensor:
    """Return the mean over bins of the integral over s of (F_b(s) - its moments up to `order`)^2, less what chance alone makes; of several variables the mean.

    That is left out by pairs of different jets only, so that the mean is 0 and values may be negative where the score does not
    depend on the mass; it would else make scores small. The unit is that of the score, which should be a probability:
    a score of free scale becomes small instead. A bin whose weights do not sum to more than 0 is left out; of
    fewer than two jets a bin, there are fewer bins. It is no sum over jets: several processes gather their rows
    before, see `training.processes`.

    Args:
        score, weight: (n,), of the background.
        mass: (n,), or (n, variables).
        order: of the dependence on the mass that is allowed: 0 none, 1 linear, 2 quadratic; the mass
            is counted in bins, which makes its distribution flat.
        bins: of the mass.

    Returns:
        Scalar, of the type of the score; 0 where the jets make no more bins than there are moments.
    """
    if mass.ndim > 1:
        return torch.stack([moment_loss(score, one, weight, order, bins) for one in mass.unbind(1)]).mean()
    bins = min(bins, len(score) // FEWEST)
    if bins <= order + 1:
        return score.sum() * 0
    bin_ = _equal_bins(mass.detach(), bins)
    share, used = _shares(weight.detach().double(), bin_, bins)
    without = _without_moments(used, order)
    ordered, by_score = torch.sort(score.double())
    share, bin_ = share[by_score], bin_[by_score]
    left = (share[:, None] * without[bin_]).cumsum(0).square().sum(1)
    excess = left - _by_chance(share, bin_, without.diagonal())
    return ((ordered[1:] - ordered[:-1]) @ excess[:-1] / used.sum().clamp_min(1)).to(score.dtype)


def _equal_bins(mass: Tensor, bins: int) -> Tensor:
    """Return the bin of each jet; all hold equal numbers."""
    places = torch.arange(len(mass), device=mass.device) * bins // len(mass)
    return torch.empty_like(places).index_copy(0, torch.argsort(mass, stable=True), places)


def _by_chance(share: Tensor, bin_: Tensor, factor: Tensor) -> Tensor:
    """Return the sum over bins of a factor times the variance of F_b, estimated below each score, (n,).

    The square of F_b has the pairs of a jet with itself, sum p^2; without them and divided by the sum that the others can
    have it is the square of the mean.
    """
    one_bin = torch.nn.functional.one_hot(bin_, len(factor)).to(share.dtype) * share[:, None]
    function, itself = one_bin.cumsum(0), (one_bin * share[:, None]).cumsum(0)
    others = 1 - itself[-1]
    scale = factor * (others > 0) / torch.where(others > 0, others, 1.0)
    return (itself - itself[-1] * function**2) @ scale


def _shares(weight: Tensor, bin_: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Return the share of each jet in the weight of its bin, (n,), and which bins are used, (bins,)."""
    total = weight.new_zeros(bins).index_add(0, bin_, weight)
    used = total > 0
    return weight * (used / torch.where(used, total, 1.0))[bin_], used


def _without_moments(used: Tensor, order: int) -> Tensor:
    """Return the matrix that takes its Legendre moments up to an order away from a function of the bins, (bins, bins).

    Polynomials at the middles of equal bins span what their averages over the bins do.
    """
    bins = len(used)
    middle = (2 * torch.arange(bins, device=used.device, dtype=torch.float64) + 1) / bins - 1
    legendre = torch.stack([torch.ones_like(middle), middle, 1.5 * middle**2 - 0.5][: order + 1], 1)
    basis = torch.linalg.qr(legendre * used[:, None]).Q * used[:, None]
    without: Tensor = torch.diag(used.double()) - basis @ basis.T
    return without
