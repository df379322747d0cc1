"""Distance correlation of a score and one or several variables with weights, exact and with exact gradients in O(n log n).

The squared distance covariance of x and y with normalised weights p is

    sum_ij p_i p_j |x_i - x_j| |y_i - y_j|  +  (sum_i p_i a_i) (sum_i p_i b_i)  -  2 sum_i p_i a_i b_i

with the mean distances a_i = sum_j p_j |x_i - x_j| and b_i likewise: three sums that sorting makes fast.

References: G. Székely et al., arXiv:0803.4101; G. Kasieczka, D. Shih, arXiv:2001.05310 (as a loss); X. Huo,
G. Székely, arXiv:1410.1503, and A. Chaudhuri, W. Hu, arXiv:1810.11332 (O(n log n)).
"""

from __future__ import annotations

from itertools import combinations
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def disco(score: Tensor, mass: Tensor, weight: Tensor) -> Tensor:
    """Return the squared distance correlation of score and mass, 0 only if they are independent; of several variables the mean over directions.

    Euclidean distances between several variables are, up to a factor, the mean of distances along all directions, so that
    the distance covariance is the mean of those with one projection each. Of variables in standard deviations taken are the axes and the
    diagonals between two of them, along which a sort is all that is needed: it is 0 only where the score is independent of each of these.

    It is computed in double precision; weights get no gradient, and equal values no direction (sign 0). With
    weights of one sign it is at most 1. With weights of either sign it still is not negative; of a column that is
    constant, of one jet, or where the weights do not sum to more than 0, it is 0. Of n independent jets of equal weights
    it is about 1 / n times a number of order 1. It is no sum over jets: several processes gather their rows
    before, see `training.processes`.

    Args:
        score, weight: (n,), of the background.
        mass: (n,), or (n, variables).

    Returns:
        Scalar, of the type of the score.
    """
    if mass.ndim > 1:
        return torch.stack([disco(score, along, weight) for along in projections(mass)]).mean()
    w = weight.detach().double()
    total = w.sum()
    p = w / torch.where(total > 0, total, 1.0)
    x, y = _centred(score, p), _centred(mass, p)
    a, b = _mean_distances(x, p), _mean_distances(y, p)
    covariance = _products_of_distances(x, y, p) + (p * a).sum() * (p * b).sum() - 2 * (p * a * b).sum()
    variances = _distance_variance(x, a, p), _distance_variance(y, b, p)
    usable = (total > 0) & _varies(score, variances[0]) & _varies(mass, variances[1])
    scale = torch.where(usable, variances[0] * variances[1], 1.0).sqrt()
    return torch.where(usable, covariance / scale, covariance * 0).to(score.dtype)


def projections(variables: Tensor) -> list[Tensor]:
    """Return the variables in standard deviations, and the sum and the difference of any two of them, (n,) each; one alone as it is.

    Args:
        variables: (n, variables).
    """
    if variables.shape[1] == 1:
        return [variables[:, 0]]
    scale = variables.double().std(0, correction=0)
    axes = list((variables.double() / torch.where(scale > 0, scale, 1.0)).unbind(1))
    diagonals = [(a + sign * b) / sqrt(2) for a, b in combinations(axes, 2) for sign in (1, -1)]
    return [*axes, *diagonals]


def _centred(values: Tensor, p: Tensor) -> Tensor:
    """Return a column in double precision less its mean, which keeps the digits of small differences."""
    return values.double() - (p * values.detach().double()).sum()


def _varies(values: Tensor, variance: Tensor) -> Tensor:
    """Return whether the variance of a column is more than rounding."""
    return variance > (1e-12 * torch.cat([values.detach(), values.new_zeros(1)]).abs().max()).double() ** 2


def _mean_distances(x: Tensor, p: Tensor) -> Tensor:
    """Return the mean distance of each value from all, (n,)."""
    ordered, order = torch.sort(x)
    first, last = torch.searchsorted(ordered, x), torch.searchsorted(ordered, x, right=True)
    below, moment = _before(p[order]), _before(p[order] * ordered)
    # Values that are equal count half below and half above, so that the sign of their difference is 0.
    below, moment = below[first] + below[last], moment[first] + moment[last]
    return x * (below - p.sum()) - (moment - (p * x).sum())


def _before(values: Tensor) -> Tensor:
    """Return the sums of the first 0, 1, ... n rows, (n + 1, ...)."""
    return torch.cat([torch.zeros_like(values[:1]), values.cumsum(0)])


def _distance_variance(x: Tensor, a: Tensor, p: Tensor) -> Tensor:
    """Return the squared distance covariance of a column with itself, by its mean distances."""
    squares = 2 * ((p * x**2).sum() * p.sum() - (p * x).sum() ** 2)
    return squares + (p * a).sum() ** 2 - 2 * (p * a**2).sum()


def _products_of_distances(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Return sum_ij p_i p_j |x_i - x_j| |y_i - y_j|."""
    result: Tensor = _ProductsOfDistances.apply(x, y, p)  # type: ignore[no-untyped-call]
    return result


class _ProductsOfDistances(torch.autograd.Function):
    """The sum is linear in the distances, so that its gradients give its value: half the sum of p_i x_i d/dx_i."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, p: Tensor) -> Tensor:
        by_x, by_y = _signed_distances(x, y, p)
        ctx.save_for_backward(2 * p * by_x, 2 * p * by_y)
        return (2 * p * by_x * x).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        of_x, of_y = ctx.saved_tensors
        return gradient * of_x, gradient * of_y, None


def _signed_distances(x: Tensor, y: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Return sum_j p_j sign(x_i - x_j) |y_i - y_j|, and the same with x and y exchanged, each (n,)."""
    in_x = _order(x, y)
    in_y = _order(y, x)
    columns = torch.stack([p, p * x, p * y], 1)
    signs = _sums_by_signs(in_x, in_y, columns)
    by_x = y * signs[:, 0] - signs[:, 2] - _among_equal(x, y, p)
    by_y = x * signs[:, 0] - signs[:, 1] - _among_equal(y, x, p)
    return by_x, by_y


def _order(first: Tensor, second: Tensor) -> Tensor:
    """Return the order by the first column, and by the second one where the first is equal."""
    order = torch.sort(second, stable=True).indices
    return order[torch.sort(first[order], stable=True).indices]


def _among_equal(x: Tensor, y: Tensor, p: Tensor) -> Tensor:
    """Return what values that are equal in x have added to each other, since their order made them different."""
    groups, group = torch.unique(x, return_inverse=True)
    sums = torch.stack([p, p * y], 1).new_zeros((len(groups), 2)).index_add(0, group, torch.stack([p, p * y], 1))
    return y * sums[group, 0] - sums[group, 1]


def _sums_by_signs(in_x: Tensor, in_y: Tensor, columns: Tensor) -> Tensor:
    """Return sum_j sign(rank of i - rank of j, in x) sign(the same in y) columns_j, with columns_i counted once.

    Args:
        in_x, in_y: the rows in either order, int64 (n,).
        columns: (n, C).
    """
    below_x, below_y = (_below(order, columns) for order in (in_x, in_y))
    return 4 * _below_both(in_x, in_y, columns) - 2 * below_x - 2 * below_y + columns.sum(0)


def _below(order: Tensor, columns: Tensor) -> Tensor:
    """Return for each row the sum over those before it in an order, (n, C)."""
    ordered = columns[order]
    return torch.empty_like(columns).index_copy(0, order, ordered.cumsum(0) - ordered)


def _below_both(in_x: Tensor, in_y: Tensor, columns: Tensor) -> Tensor:
    """Return for each row the sum over those that come before it in both orders, (n, C).

    The rows begin in the order of y. Bit by bit of their ranks in x, the highest first, each block of rows that
    agree in all higher bits gives the sums over its rows with bit 0 to those with bit 1 that follow, and is split in two.
    """
    n = len(in_x)
    rank = torch.empty_like(in_x).index_copy(0, in_x, torch.arange(n, device=in_x.device))
    rows, below = in_y, torch.zeros_like(columns)
    for bit in reversed(range(max(n - 1, 1).bit_length())):
        ranks = rank[rows]
        upper = (ranks >> bit) & 1
        sums = _before(columns[rows] * (1 - upper)[:, None])
        # The ranks in a block are consecutive: the block begins at the place of its lowest rank.
        begin = (ranks >> (bit + 1)) << (bit + 1)
        below = below.index_add(0, rows, (sums[:-1] - sums[begin]) * upper[:, None])
        rows = rows[torch.sort(ranks >> bit, stable=True).indices]
    return below
