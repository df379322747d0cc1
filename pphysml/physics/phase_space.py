"""Decays into n bodies by the Raubold-Lynch method (GENBOD; F. James, CERN 68-15, 1968)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .four_vectors import Floats, boost


def two_body_momentum(parent: Floats | float, m1: Floats | float, m2: Floats | float) -> Floats:
    """Return the momentum of either child in the rest frame of a two-body decay.

    p = sqrt((M^2 - (m1 + m2)^2) (M^2 - (m1 - m2)^2)) / 2M; 0 at and below the threshold.
    """
    m, total, difference = np.asarray(parent, dtype=np.float64), np.add(m1, m2), np.subtract(m1, m2)
    product = (m - total) * (m + total) * (m - difference) * (m + difference)
    momentum: Floats = np.sqrt(np.maximum(product, 0.0)) / (2.0 * m)
    return momentum


def isotropic(n: int, rng: np.random.Generator) -> Floats:
    """Return unit vectors uniform on the sphere, shape (n, 3)."""
    return directions(rng.random(n), rng.random(n))


def directions(u: Floats, v: Floats) -> Floats:
    """Return the unit vectors with cos(theta) = 2u - 1 and phi = 2 pi v, shape (..., 3)."""
    cos, phi = 2.0 * u - 1.0, 2.0 * np.pi * v
    sin = np.sqrt(1.0 - cos * cos)
    return np.stack([sin * np.cos(phi), sin * np.sin(phi), cos], -1)


def cluster_masses(parent_mass: float, child_masses: Sequence[float], sorted_u: Floats) -> Floats:
    """Return the masses M_i of the first i+1 children together, shape (n, k).

    M_i = u_i T + m_0 + ... + m_i with T = M - sum(m) and u sorted uniform numbers.

    Args:
        sorted_u: shape (n, k - 2), ascending in every row.
    """
    sums = np.cumsum(np.asarray(child_masses, dtype=np.float64))
    n = len(sorted_u)
    share = np.concatenate([np.zeros((n, 1)), sorted_u, np.ones((n, 1))], -1)
    masses: Floats = share * (parent_mass - sums[-1]) + sums
    return masses


def log_weights(masses: Floats, child_masses: Sequence[float]) -> Floats:
    """Return the logarithm of the phase-space weight, sum of ln p_i, shape (n,)."""
    momenta = two_body_momentum(masses[:, 1:], masses[:, :-1], np.asarray(child_masses[1:]))
    with np.errstate(divide="ignore"):
        total: Floats = np.log(momenta).sum(-1)
    return total


def log_weight_bound(parent_mass: float, child_masses: Sequence[float]) -> float:
    """Return a bound that no log-weight passes: each p_i with the most mass above, the least below."""
    sums = np.cumsum(np.asarray(child_masses, dtype=np.float64))
    largest = sums + (parent_mass - sums[-1])
    momenta = two_body_momentum(largest[1:], sums[:-1], np.asarray(child_masses[1:]))
    return float(np.log(momenta).sum())


def n_body_decay(
    parent_mass: float, child_masses: Sequence[float], n: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Decay a particle at rest `n` times; the events carry weights.

    Args:
        parent_mass: larger than the sum of the children's masses.
        child_masses: k >= 2 masses.

    Returns:
        Four-momenta of the children (n, k, 4), and log-weights (n,): phase space is the
        distribution of the events weighted with exp(log-weight).

    Raises:
        ValueError: fewer than two children, or no phase space.
    """
    _check(parent_mass, child_masses)
    sorted_u = np.sort(rng.random((n, len(child_masses) - 2)), -1)
    masses = cluster_masses(parent_mass, child_masses, sorted_u)
    return _momenta(masses, child_masses, rng), log_weights(masses, child_masses)


def unweighted_n_body_decay(
    parent_mass: float, child_masses: Sequence[float], n: int, rng: np.random.Generator
) -> Floats:
    """Decay a particle at rest `n` times, uniformly in phase space; returns (n, k, 4).

    Raises:
        ValueError: as `n_body_decay`.
    """
    sorted_u = unweighted_shares(parent_mass, child_masses, n, rng)
    return _momenta(cluster_masses(parent_mass, child_masses, sorted_u), child_masses, rng)


def unweighted_shares(
    parent_mass: float, child_masses: Sequence[float], n: int, rng: np.random.Generator
) -> Floats:
    """Return sorted numbers (n, k - 2) for `cluster_masses`, accepted by weight over its bound."""
    _check(parent_mass, child_masses)
    bound = log_weight_bound(parent_mass, child_masses)
    accepted: list[Floats] = []
    missing, rate = n, 1.0
    while missing > 0:
        tried = int(missing / rate * 1.1) + 16
        sorted_u = np.sort(rng.random((tried, len(child_masses) - 2)), -1)
        masses = cluster_masses(parent_mass, child_masses, sorted_u)
        keep = np.log(rng.random(tried)) <= log_weights(masses, child_masses) - bound
        accepted.append(sorted_u[keep])
        missing -= int(keep.sum())
        rate = max(float(keep.mean()), 0.5 * rate, 1e-3)
    return np.concatenate(accepted)[:n] if accepted else np.zeros((0, len(child_masses) - 2))


def _momenta(masses: Floats, child_masses: Sequence[float], rng: np.random.Generator) -> Floats:
    """Go down from all children: each two-body decay splits off one and leaves a cluster."""
    n, k = masses.shape
    p4 = np.empty((n, k, 4))
    cluster = np.zeros((n, 4))
    cluster[:, 3] = masses[:, -1]
    for i in range(k - 1, 0, -1):
        momentum = two_body_momentum(masses[:, i], masses[:, i - 1], child_masses[i])
        child = np.empty((n, 4))
        child[:, :3] = momentum[:, None] * isotropic(n, rng)
        child[:, 3] = np.sqrt(momentum**2 + child_masses[i] ** 2)
        p4[:, i] = boost(child, cluster)
        cluster = cluster - p4[:, i]
    p4[:, 0] = cluster
    return p4


def _check(parent_mass: float, child_masses: Sequence[float]) -> None:
    if len(child_masses) < 2:
        raise ValueError("a decay needs at least two children")
    if sum(child_masses) >= parent_mass:
        raise ValueError(
            f"a mass of {parent_mass:g} has no phase space for children of {sum(child_masses):g}"
        )
