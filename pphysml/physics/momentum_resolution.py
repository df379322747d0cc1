"""Measured four-momenta: a momentum with relative resolution, an energy from a mass hypothesis."""

from __future__ import annotations

import numpy as np

from .four_vectors import Floats, momentum_squared


def with_mass(p3: Floats, mass: Floats | float) -> Floats:
    """Return four-momenta (..., 4) of momenta (..., 3) with E = sqrt(p^2 + m^2)."""
    e = np.sqrt(momentum_squared(p3) + np.square(mass))
    return np.concatenate([p3, e[..., None]], -1)


def smear_momentum(p3: Floats, relative_width: float, rng: np.random.Generator) -> Floats:
    """Multiply each momentum (..., 3) by |1 + s g|, g standard normal; the direction is kept."""
    factor = np.abs(1.0 + relative_width * rng.standard_normal(p3.shape[:-1]))
    return p3 * factor[..., None]


def draw_hypotheses(
    masses: Floats, candidates: Floats, wrong: float, rng: np.random.Generator
) -> Floats:
    """Return each particle's mass, with probability `wrong` replaced by another candidate.

    Args:
        masses: true masses, shape (n,).
        candidates: different masses, shape (m,), at least one unlike each true mass.
    """
    candidates = np.unique(candidates)
    others = candidates[None, :] != masses[:, None]
    chosen = np.floor(rng.random(len(masses)) * others.sum(-1)).astype(np.int64)
    alternative = candidates[np.argmax(np.cumsum(others, -1) > chosen[:, None], -1)]
    return np.where(rng.random(len(masses)) < wrong, alternative, masses)
