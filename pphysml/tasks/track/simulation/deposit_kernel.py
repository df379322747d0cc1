"""Energy that a charged particle leaves in a thin silicon sensor, collision by collision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....physics.straggling import BINDING, landau_scale, largest_transfer, silicon_loss
from ..geometries.geometry import Floats

HARD_COLLISIONS = 8.0
"""Collisions that are drawn one by one, in the mean; softer ones are a Gaussian of 0.35 xi."""


@njit(cache=True, nogil=True)
def poisson(rng: Any, mean: float) -> int:
    """Return a Poisson number of a small mean, by the product of uniform numbers (D. Knuth)."""
    limit, product, n = np.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        n += 1
    return n


@njit(cache=True, nogil=True)
def draw_deposit(rng: Any, beta2: float, charge: float, thickness: float, loss_yield: float, hardest: float, electrons: Floats) -> float:
    r"""Return the energy left in silicon, MeV.

    Collisions with electrons have the spectrum :math:`\xi / e^2 (1 - \beta^2 e / e_{max})`
    (P. Vavilov, Sov. Phys. JETP 5 (1957) 749). The hard ones are drawn, so that the law goes from
    Landau's to a Gaussian by itself; the mean is Bethe's times a yield. Electrons do not leave the sensor.

    Args:
        beta2: squared velocity.
        charge: of the particle.
        thickness: path in silicon, mm.
        loss_yield: mean over Bethe's.
        hardest: energy from which a collision is added to `electrons`, MeV.
        electrons: their number, and their energies, as many as there is room for, MeV.
    """
    mean, scale, largest = silicon_loss(beta2, thickness, charge, loss_yield), landau_scale(beta2, thickness, charge), largest_transfer(beta2)
    cut = min(scale / HARD_COLLISIONS, largest)
    loss = 0.0
    for _ in range(poisson(rng, scale * (1.0 / cut - 1.0 / largest))):
        energy = cut / (1.0 - rng.random() * (1.0 - cut / largest))
        if rng.random() >= beta2 * energy / largest:
            loss += energy
            if energy >= hardest and electrons[0] < len(electrons) - 1:
                electrons[0] += 1
                electrons[int(electrons[0])] = energy
    steady = mean - scale * (np.log(largest / cut) - beta2 * (1.0 - cut / largest))
    variance = scale * cut * (1.0 - 0.5 * beta2 * cut / largest) + BINDING**2 * charge**2 * thickness / 0.01
    return max(loss + steady + np.sqrt(variance) * rng.standard_normal(), 0.02 * mean)  # type: ignore[no-any-return]
