"""Factors by which classes have the shares in a training that are wanted, alike by default."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....errors import ConfigError
from ....io.ragged import Array
from ..config import JetsConfig

SHARES = "class_shares"


def fit_class_weights(label: Array, weight: Array, config: JetsConfig) -> dict[str, Array]:
    """Return `class_weight`, float64 (classes,), with which the weights of each class sum to its share and the mean weight is 1; and `class_shares`.

    Raises:
        ConfigError: the weights of a class do not sum to something above zero.
    """
    names, wanted = list(config.data.classes), config.training.class_weights
    sums = np.bincount(label, weight, minlength=len(names))
    if (sums <= 0).any():
        raise ConfigError(f"data.weight: the weights of the {int(np.argmax(sums <= 0))}th of data.classes sum to {sums[sums <= 0][0]:.4g}, and must sum to something above zero.")
    if isinstance(wanted, dict):
        shares = np.array([wanted[name] for name in names])
    else:
        shares = np.ones(len(names)) if wanted == "alike" else sums
    shares = shares / shares.sum()
    return {"class_weight": len(label) * shares / sums, SHARES: shares}


def without_negative(weight: Array, label: Array) -> Array:
    """Return weights of which negative ones are 0, and those of each class have the same sum as before."""
    kept = np.maximum(weight, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.bincount(label, weight) / np.bincount(label, kept)
    found: Array = kept * factor[label]
    return found


def class_weights(label: Array, prepared: Mapping[str, Array]) -> Array:
    """Return the factor of each jet."""
    found: Array = prepared["class_weight"][label]
    return found


def log_shares(prepared: Mapping[str, Array]) -> Array:
    """Return what the training adds to the logarithms of probabilities, (classes,), so that these are of classes that are as frequent; 0 where they are."""
    shares = prepared[SHARES]
    found: Array = np.log(shares * len(shares))
    return found


def with_shares(probabilities: Array, prepared: Mapping[str, Array]) -> Array:
    """Return the probabilities of classes that have the shares of the training, (n, classes)."""
    weighted = probabilities * np.exp(log_shares(prepared)).astype(probabilities.dtype)
    found: Array = weighted / weighted.sum(1, keepdims=True)
    return found
