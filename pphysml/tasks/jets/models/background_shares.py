"""What classes of background weigh among each other where a score is made flat or judged: as in the files, or as `data.fractions` says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....io.ragged import Array
from ..config import JetsConfig
from .class_weights import SHARES


def with_fractions(weight: Array, label: Array, config: JetsConfig) -> Array:
    """Return weights by which the classes of background have the shares of `data.fractions`, and the same sum together; as they are where none are stated.

    A class whose weights sum to nothing or less cannot have its share, and weighs nothing.

    Args:
        weight: of jets of any classes, (n,).
        label: number of each one's class, (n,).
    """
    if not config.data.fractions:
        return weight
    names = list(config.data.classes)
    sums = np.bincount(label, weight, len(names))
    factor = np.ones(len(names))
    background = np.array([names.index(name) for name in config.data.background])
    shares = np.where(sums[background] > 0, config.data.shares, 0.0)
    present = np.maximum(sums[background], 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(shares > 0, shares / shares.sum() * present.sum() / present, 0.0)
    factor[background] = found
    weighted: Array = weight * factor[label]
    return weighted


def of_training(prepared: Mapping[str, Array], config: JetsConfig) -> Array:
    """Return factors on the weights of a training by which classes of background have the shares with which they are judged, (classes,); 0 of signals."""
    names = list(config.data.classes)
    factor = np.zeros(len(names))
    for name, share in zip(config.data.background, config.data.shares, strict=True):
        k = names.index(name)
        factor[k] = share / prepared[SHARES][k] if config.data.fractions else 1 / prepared["class_weight"][k]
    factor /= factor.max()
    return factor
