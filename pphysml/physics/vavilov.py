"""Energy loss of a charged particle in a layer so thin that single collisions show.

Source: P. V. Vavilov, Sov. Phys. JETP 5 (1957) 749; limits: L. Landau, J. Phys. USSR 8 (1944) 201
for few hard collisions, a Gaussian for many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 4096
BINS_PER_MEAN = 200


def loss_density(mean: float, scale: float, largest: float, beta_squared: float, binding: float = 0.0) -> tuple[Floats, Floats]:
    """Return the density of the energy loss over its mean.

    Collisions are a Poisson process of spectrum xi / e^2 (1 - beta^2 e / e_max), so that the
    logarithm of the loss's characteristic function is the transform of that spectrum. Collisions
    below half a bin are a steady loss, with a Gaussian width where they are most of all. The steady
    loss also takes up what the bins' centres do to the mean.

    Args:
        mean: mean loss, in any unit of energy.
        scale: Landau's xi, in the same unit.
        largest: largest loss in one collision, e_max, in the same unit.
        beta_squared: of the particle.
        binding: Gaussian width that the binding of electrons adds, in the same unit.

    Returns:
        Loss over its mean, rising from 0 in steps of 1 / `BINS_PER_MEAN`, and its density, (`BINS`,).
    """
    width = mean / BINS_PER_MEAN
    losses = np.arange(BINS, dtype=np.float64) * width
    rate = _collisions(losses, width, scale, largest, beta_squared)
    window = min((BINS - 0.5) * width, largest)
    beyond = scale * (np.log(largest / window) - beta_squared * (1 - window / largest))
    steady = mean - beyond - (rate * losses).sum()
    variance = scale * window * (1 - beta_squared * window / largest / 2) - (rate * losses**2).sum()
    frequency = 2 * np.pi * np.fft.rfftfreq(BINS, width)
    logarithm = np.fft.rfft(rate) - rate.sum() - 1j * frequency * steady
    logarithm -= 0.5 * (max(variance, 0.0) + binding**2) * frequency**2
    density = np.maximum(np.fft.irfft(np.exp(logarithm), BINS), 0.0)
    return losses / mean, density * (BINS_PER_MEAN / density.sum())


def _collisions(losses: Floats, width: float, scale: float, largest: float, beta_squared: float) -> Floats:
    """Return the mean number of collisions in each bin around `losses`, none in the first."""
    low = np.minimum(np.maximum(losses - width / 2, width / 2), largest)
    high = np.minimum(losses + width / 2, largest)
    high[0] = low[0]
    return scale * (1 / low - 1 / high) - scale * beta_squared / largest * np.log(high / low)
