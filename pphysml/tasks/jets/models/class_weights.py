"""Factors with which all classes weigh alike in a training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....errors import ConfigError
from ....io.ragged import Array


def fit_class_weights(label: Array, weight: Array, classes: int) -> dict[str, Array]:
    """Return `class_weight`, float64 (classes,): with it the weights of each class have the same sum, and the mean weight is 1.

    Raises:
        ConfigError: the weights of a class do not sum to something above zero.
    """
    sums = np.bincount(label, weight, minlength=classes)
    if (sums <= 0).any():
        raise ConfigError(f"data.weight: the weights of the {int(np.argmax(sums <= 0))}th of data.classes sum to {sums[sums <= 0][0]:.4g}, and must sum to something above zero.")
    return {"class_weight": len(label) / classes / sums}


def class_weights(label: Array, prepared: Mapping[str, Array]) -> Array:
    """Return the factor of each jet."""
    found: Array = prepared["class_weight"][label]
    return found
