"""What networks take of jets: the values of expressions, in standard deviations from their mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..reading.values import values_of

FARTHEST = 10.0
"""Standard deviations at which inputs are cut."""


def fit_scales(raw: Array, texts: list[str]) -> dict[str, Array]:
    """Return mean and standard deviation of every input over what is finite, float32 (inputs,), and the range, float64 (inputs, 2).

    Raises:
        InputError: an input has no finite value at all.
    """
    finite = np.where(np.isfinite(raw), raw, np.nan)
    if nowhere := [text for k, text in enumerate(texts) if not np.isfinite(raw[:, k]).any()]:
        raise InputError(f"model.inputs: {nowhere[0]} is finite for none of the first {len(raw)} jets of the training; leave it out.")
    mean, scale = np.nanmean(finite, 0), np.nanstd(finite, 0)
    ranges = np.stack([np.nanmin(finite, 0), np.nanmax(finite, 0)], -1)
    return {"input_mean": mean.astype(np.float32), "input_scale": np.where(scale > 1e-9, scale, 1.0).astype(np.float32), "domain": ranges}


def inputs_of(examples: Columns, config: JetsConfig, prepared: Mapping[str, Array], resonance_mass: Array | None = None) -> Array:
    """Return what a network takes, float32 (n, inputs), and last the logarithm of the resonance mass, if it is parametrised.

    What is not finite is 0, the mean.

    Args:
        resonance_mass: of each jet, GeV.
    """
    raw = values_of(config.model.inputs, examples)
    with np.errstate(invalid="ignore"):
        standard = (raw - prepared["input_mean"]) / prepared["input_scale"]
    # An existing score is what it is.
    found = np.where(np.isfinite(standard), standard, 0.0)
    if config.model.name == "mlp":
        found = np.clip(found, -FARTHEST, FARTHEST)
    if not config.model.parametrise:
        return found.astype(np.float32)
    assert resonance_mass is not None
    centre, spread = prepared["log_mass"]
    return np.column_stack([found, (np.log(resonance_mass) - centre) / spread]).astype(np.float32)
