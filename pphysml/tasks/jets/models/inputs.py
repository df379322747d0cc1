"""What networks take of jets: the values of expressions, in standard deviations from their mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....errors import InputError
from ....io.expressions import Expression
from ....io.problems import of_first_file
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..reading.values import values_of

FARTHEST = 10.0
"""Standard deviations at which inputs are cut."""

TAIL, LEFT_OUT = 1e-4, 3
"""Share of the jets, and their least number, that are beyond each end of the range of an input: a few odd ones do not make it."""


def raw_inputs(examples: Columns, config: JetsConfig) -> Array:
    """Return the values of `model.inputs`, float64 (n, inputs).

    Raises:
        InputError: the files lack something that these take.
    """
    names = dict.fromkeys(name for text in config.model.inputs for name in Expression.parse(text).names)
    if lacking := [name for name in names if name not in examples]:
        with of_first_file(examples):
            raise InputError(f"has no {', '.join(lacking)}, which the inputs of the network take. Name branches that hold the same with --map {lacking[0]}=BRANCH, "
                             "choose another layout of the file with --layout, or train on what such files have, by model.inputs or a preset for them (nano-fatjet, nano-jet, physlite-largeR, jetclass, ftag).")
    return values_of(config.model.inputs, examples)


def fit_scales(raw: Array, texts: list[str], option: str = "model.inputs") -> dict[str, Array]:
    """Return mean and standard deviation of every input over what is finite, float32 (inputs,), and the range of nearly all jets, float64 (inputs, 2).

    What is farther from the range than its width counts as if it were there, so that no odd jet makes the scale.

    Args:
        raw: values, (n, inputs).
        option: that has the expressions `texts`.

    Raises:
        InputError: an input has no finite value at all.
    """
    finite = np.where(np.isfinite(raw), raw, np.nan)
    if nowhere := [text for k, text in enumerate(texts) if not np.isfinite(raw[:, k]).any()]:
        raise InputError(f"{option}: {nowhere[0]} is finite for none of the first {len(raw)} of the training; leave it out.")
    ranges = np.array([range_of(column[np.isfinite(column)]) for column in finite.T]).reshape(len(texts), 2)
    low, high = ranges.T
    usual = np.clip(finite, 2 * low - high, 2 * high - low)
    mean, scale = np.nanmean(usual, 0), np.nanstd(usual, 0)
    return {"input_mean": mean.astype(np.float32), "input_scale": np.where(scale > 1e-9, scale, 1.0).astype(np.float32), "domain": ranges}


def range_of(values: Array) -> Array:
    """Return the ends of the range that holds nearly all of some values, (2,); of few, that holds nine in ten."""
    beyond = min(max(LEFT_OUT, int(TAIL * len(values))), len(values) // 20)
    found: Array = np.partition(values, (beyond, len(values) - 1 - beyond))[[beyond, len(values) - 1 - beyond]]
    return found


def inputs_of(examples: Columns, config: JetsConfig, prepared: Mapping[str, Array], resonance_mass: Array | None = None) -> Array:
    """Return what a network takes, float32 (n, inputs), and last the logarithm of the resonance mass, if it is parametrised.

    What is not finite is 0, the mean.

    Args:
        resonance_mass: of each jet, GeV.
    """
    raw = raw_inputs(examples, config)
    with np.errstate(invalid="ignore"):
        standard = (raw - prepared["input_mean"]) / prepared["input_scale"]
    # An existing score is what it is.
    found = np.where(np.isfinite(standard), standard, 0.0)
    if config.model.name not in ("trees", "score"):
        found = np.clip(found, -FARTHEST, FARTHEST)
    if not config.model.parametrise:
        return found.astype(np.float32)
    assert resonance_mass is not None
    centre, spread = prepared["log_mass"]
    return np.column_stack([found, (np.log(resonance_mass) - centre) / spread]).astype(np.float32)
