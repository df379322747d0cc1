"""What the weights of `jets` were trained on, and whether other jets look alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ....io.ragged import Array, Columns, length, slice_rows
from ..config import JetsConfig
from .inputs import range_of, raw_inputs
from .particle_ranges import JETS, seen

OUTSIDE = 0.05
"""Share of the jets, or constituents, outside the range of an input from which on it is said."""

MARGIN = 0.1
"""Of the width of a range, by which values may lie outside."""


def outside(examples: Columns, prepared: Mapping[str, Array], config: JetsConfig) -> Iterator[str]:
    """Yield a sentence for every input that lies outside the training's range in more than a few jets, or constituents, and for a stated mass of a resonance."""
    yield from _outside_masses(prepared, config)
    ranges = prepared.get("domain")
    if ranges is not None and len(ranges) == len(config.model.inputs):
        yield from _outside(dict(zip(config.model.inputs, raw_inputs(examples, config).T, strict=True)), ranges)
    if config.particle_columns and "particle_domain" in prepared:
        yield from _outside(seen(slice_rows(examples, 0, min(JETS, length(examples))), config, prepared), prepared["particle_domain"])


def _outside_masses(prepared: Mapping[str, Array], config: JetsConfig) -> Iterator[str]:
    stated = config.apply.resonance_mass
    if stated is None or "masses" not in prepared:
        return
    low, high = prepared["masses"][[0, -1]]
    if not low / (1 + MARGIN) <= stated <= high * (1 + MARGIN):
        yield f"resonance mass: {stated:g} GeV is stated, in the training {low:.4g} to {high:.4g}"


def _outside(inputs: Mapping[str, Array], ranges: Array) -> Iterator[str]:
    for (text, every), (low, high) in zip(inputs.items(), ranges, strict=True):
        values, margin = every[np.isfinite(every)], MARGIN * (high - low)
        share = ((values < low - margin) | (values > high + margin)).mean() if len(values) else 0.0
        if share > OUTSIDE:
            first, last = range_of(values)
            yield f"{text}: {first:.4g} to {last:.4g}, in the training {low:.4g} to {high:.4g}"
