"""Angles of constituents, and what two of them have in common, from their four-momenta."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SMALLEST = 1e-8
"""Below this, arguments of logarithms (and the masses squared, GeV^2, and momenta, GeV) are cut."""


def points(vectors: Tensor, jet: Tensor, jets: int) -> Tensor:
    """Return pseudorapidity and azimuth of constituents relative to the axis of their jet, the sum of momenta: float32 (P, 2).

    Args:
        vectors: px, py, pz, E, (P, 4).
        jet: of each, (P,).
        jets: how many there are.
    """
    momenta = vectors[:, :3].double()
    axes = momenta.new_zeros(jets, 3).index_add(0, jet, momenta)
    eta, phi = (of(momenta) - of(axes)[jet] for of in (_pseudorapidity, _azimuth))
    return torch.stack([eta, _turned(phi)], -1).to(vectors.dtype)


def pair_features(vectors: Tensor, one: Tensor, other: Tensor) -> Tensor:
    r"""Return the features of pairs of arXiv:2202.03772, equation 3: float32 (M, 4).

    :math:`\ln k_T, \ln z, \ln\Delta, \ln m^2` with :math:`\Delta^2 = (y_a - y_b)^2 + (\phi_a - \phi_b)^2`,
    :math:`k_T = \min(p_{T,a}, p_{T,b})\,\Delta`, :math:`z = \min(p_{T,a}, p_{T,b}) / (p_{T,a} + p_{T,b})`, by GeV.
    In double precision: the mass of two nearly parallel constituents is a small difference of large numbers.

    Args:
        vectors: px, py, pz, E, GeV, (P, 4).
        one, other: the two constituents, (M,) each.
    """
    momenta = vectors.double()
    pt, y, phi = torch.hypot(momenta[:, 0], momenta[:, 1]), _rapidity(momenta), _azimuth(momenta)
    a, b = pt[one], pt[other]
    least, distance = torch.minimum(a, b), torch.hypot(y[one] - y[other], _turned(phi[one] - phi[other]))
    together = momenta[one] + momenta[other]
    squared = together[:, 3] ** 2 - together[:, :3].square().sum(1)
    ratio = least / (a + b).clamp_min(SMALLEST)
    return torch.stack([least * distance, ratio, distance, squared], -1).clamp_min(SMALLEST).log().to(vectors.dtype)


def _azimuth(momenta: Tensor) -> Tensor:
    return torch.atan2(momenta[:, 1], momenta[:, 0])


def _turned(angle: Tensor) -> Tensor:
    """Return an angle between -pi and pi."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


def _pseudorapidity(momenta: Tensor) -> Tensor:
    return torch.asinh(momenta[:, 2] / torch.hypot(momenta[:, 0], momenta[:, 1]).clamp_min(SMALLEST))


def _rapidity(momenta: Tensor) -> Tensor:
    """Return asinh(pz / m_T) with m_T^2 = E^2 - pz^2, at least pT^2, which rounding could make it less than."""
    px, py, pz, energy = momenta.unbind(1)
    transverse = torch.maximum(energy**2 - pz**2, px**2 + py**2).clamp_min(SMALLEST**2)
    return torch.asinh(pz / transverse.sqrt())
