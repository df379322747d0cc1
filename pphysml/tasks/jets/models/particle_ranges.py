"""Scales of expressions over constituents, and the ranges of what a network takes of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, length, ragged, slice_rows
from ..config import JetsConfig
from ..constituents.features import KINEMATICS, input_names, particle_inputs
from ..constituents.table import NUMBER, TABLE
from .inputs import fit_scales, range_of

JETS = 20_000
"""First ones, by whose constituents scales and ranges are known."""

NUMBER_NAME = "constituents of a jet"


def fit_particles(examples: Columns, config: JetsConfig) -> dict[str, Array]:
    """Return mean and standard deviation of expressions, float32 (expressions,), and the ranges of `seen`, float64 (1 + inputs, 2).

    Raises:
        InputError: an expression has no finite value at all, or there are no constituents.
    """
    first = slice_rows(examples, 0, min(JETS, length(examples)))
    raw = ragged(first, TABLE).flat[:, len(config.particle_columns):].astype(np.float64)
    if not len(raw):
        raise InputError(f"none of the first {length(first)} jets of the training has a constituent")
    scales = fit_scales(raw, config.particle_expressions, "model.particle_inputs")
    found = {"particle_mean": scales["input_mean"], "particle_scale": scales["input_scale"]}
    ranges = np.array([range_of(values) for values in seen(first, config, found).values()], np.float64)
    return {**found, "particle_domain": ranges}


def scales_of(prepared: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return the scales of expressions that `fit_particles` has found."""
    return prepared["particle_mean"], prepared["particle_scale"]


def seen_names(config: JetsConfig) -> list[str]:
    """Return what `seen` has."""
    return [NUMBER_NAME, *input_names(config.model.particle_columns, config.model.particle_expressions)]


def seen(examples: Columns, config: JetsConfig, prepared: Mapping[str, Array]) -> dict[str, Array]:
    """Return the number of constituents of each jet, (jets,), and the inputs of each constituent, (constituents,), in plain units but of expressions, by name."""
    inputs = particle_inputs(examples, ragged(examples, TABLE), config.particle_columns, scales_of(prepared))
    for k, (centre, factor) in enumerate(KINEMATICS.values()):
        inputs[:, k] = inputs[:, k] / factor + centre
    return dict(zip(seen_names(config), (np.asarray(examples[NUMBER]), *inputs.T), strict=True))
