"""Jet variables by their definitions, without any short cut: all pairs are looked at in each step."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def momenta(rng: np.random.Generator, n: int, spread: float = 0.4, y: float = 0.7, phi: float = 3.0) -> Floats:
    """Return n momenta px, py, pz, energy, with the mass of a pion, around a direction close to the edge of azimuth."""
    pt, mass = rng.exponential(20, n) + 0.5, 0.14
    ys, phis = y + spread * rng.standard_normal(n), phi + spread * rng.standard_normal(n)
    across = np.sqrt(pt**2 + mass**2)
    return np.stack([pt * np.cos(phis), pt * np.sin(phis), across * np.sinh(ys), across * np.cosh(ys)], -1)


def pt(p: Floats) -> Floats:
    return np.hypot(p[..., 0], p[..., 1])


def mass(p: Floats) -> Floats:
    return np.sqrt(np.maximum(p[..., 3] ** 2 - (p[..., :3] ** 2).sum(-1), 0))


def distance(p: Floats, q: Floats) -> Floats:
    """Return the distance in rapidity and azimuth."""
    y = [0.5 * np.log((k[..., 3] + k[..., 2]) / (k[..., 3] - k[..., 2])) for k in (p, q)]
    turn = np.angle((p[..., 0] + 1j * p[..., 1]) * (q[..., 0] - 1j * q[..., 1]))
    return np.hypot(y[0] - y[1], turn)


def clustered(p: Floats, by_kt: bool, subjets: int) -> list[tuple[Floats, object]]:
    """Return subjets as (momentum, history), a history being None or the two that were merged."""
    found: list[tuple[Floats, object]] = [(k, None) for k in p]
    while len(found) > subjets:
        pairs = combinations(range(len(found)), 2)
        _, i, j = min((measure(found[i][0], found[j][0], by_kt), i, j) for i, j in pairs)
        merged = (found[i][0] + found[j][0], (found[i], found[j]))
        found = [f for k, f in enumerate(found) if k not in (i, j)] + [merged]
    return found


def measure(p: Floats, q: Floats, by_kt: bool) -> float:
    return float(distance(p, q) ** 2 * (min(pt(p), pt(q)) ** 2 if by_kt else 1))


def soft_drop(p: Floats, z_cut: float, beta: float, radius: float) -> float:
    momentum, history = clustered(p, False, 1)[0]
    while history is not None:
        soft, hard = sorted(history, key=lambda branch: pt(branch[0]))
        if pt(soft[0]) / (pt(soft[0]) + pt(hard[0])) > z_cut * (distance(soft[0], hard[0]) / radius) ** beta:
            break
        momentum, history = hard
    return float(mass(momentum))


def tau(p: Floats, n: int, radius: float) -> float:
    if len(p) <= n:
        return 0.0
    axes = np.array([momentum for momentum, _ in clustered(p, True, n)])
    return float((pt(p) * distance(p[:, None], axes).min(-1)).sum() / (radius * pt(p).sum()))


def correlators(p: Floats) -> tuple[float, float, float]:
    z = pt(p) / pt(p).sum()
    e2 = sum(z[i] * z[j] * distance(p[i], p[j]) for i, j in combinations(range(len(p)), 2))
    e3 = g3 = 0.0
    for i, j, k in combinations(range(len(p)), 3):
        angles = np.sort([distance(p[i], p[j]), distance(p[i], p[k]), distance(p[j], p[k])])
        e3 += z[i] * z[j] * z[k] * angles.prod()
        g3 += z[i] * z[j] * z[k] * angles[0] * angles[1]
    return e3 / e2**2, e3 / e2**3, g3 / e2**2
