"""What the weights of `jets` were trained on, and whether other jets look alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ....io.ragged import Array, Columns
from ..config import JetsConfig
from .inputs import range_of, raw_inputs

OUTSIDE = 0.05
"""Share of the jets outside the range of an input from which on it is said."""

MARGIN = 0.1
"""Of the width of a range, by which values may lie outside."""


def outside(examples: Columns, prepared: Mapping[str, Array], config: JetsConfig) -> Iterator[str]:
    """Yield a sentence for every input that lies outside the training's range in more than a few jets."""
    ranges = prepared.get("domain")
    if ranges is None or len(ranges) != len(config.model.inputs):
        return
    raw = raw_inputs(examples, config)
    for k, (text, (low, high)) in enumerate(zip(config.model.inputs, ranges, strict=True)):
        values, margin = raw[:, k][np.isfinite(raw[:, k])], MARGIN * (high - low)
        share = ((values < low - margin) | (values > high + margin)).mean() if len(values) else 0.0
        if share > OUTSIDE:
            first, last = range_of(values)
            yield f"{text}: {first:.4g} to {last:.4g}, in the training {low:.4g} to {high:.4g}"
