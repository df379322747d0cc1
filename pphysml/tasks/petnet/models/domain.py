"""What the weights of `petnet` were trained on, and whether other singles look alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ....model_file import ModelFile

KEY = "domain"
"""Name of the ranges among what is stored with the weights."""

QUANTITIES = ("singles in a nanosecond", "keV, the lowest energies", "keV, the highest energies")

ROOM = np.array([2.0, 1.1, 1.1])
"""Factor by which each may leave its range: rates differ inside a measurement, energies by their resolution."""


def describe(examples: Columns) -> Array:
    """Return lowest and highest value of each of QUANTITIES over the slices, float64 (3, 2).

    The rate is that of a whole slice; the energies are quantiles of all singles.
    """
    time, energy = ragged(examples, "time"), ragged(examples, "energy").flat
    if not len(energy):
        return np.full((len(QUANTITIES), 2), np.nan)
    counts = time.counts
    span = (time.flat[time.offsets[1:] - 1] - time.flat[time.offsets[:-1]]) * 1e9
    rate = counts[span > 0] / span[span > 0]
    low, high = (float(np.quantile(energy, share)) * 1e3 for share in (0.02, 0.98))
    rates = [float(rate.min()), float(rate.max())] if len(rate) else [np.nan, np.nan]
    return np.array([rates, [low, low], [high, high]])


def fit_domain(parts: list[Columns]) -> dict[str, Array]:
    """Return the ranges over several measurements, for the weights file."""
    found = np.stack([describe(part) for part in parts])
    return {KEY: np.stack([np.nanmin(found[:, :, 0], axis=0), np.nanmax(found[:, :, 1], axis=0)], axis=1)}


def check_domain(model: ModelFile) -> None:
    """Refuse stored ranges that are none.

    Raises:
        ModelError: they are not as `fit_domain` stores them.
    """
    if KEY in model.prepared:
        model.ranges("prepared", KEY, (len(QUANTITIES), 2))


def outside(examples: Columns, prepared: Mapping[str, Array]) -> Iterator[str]:
    """Yield how slices leave what the weights were trained on; weights that do not tell have no such range."""
    if KEY not in prepared:
        return
    found = describe(examples)
    for name, (low, high), (lowest, highest), room in zip(QUANTITIES, found, prepared[KEY], ROOM, strict=True):
        if low < lowest / room or high > highest * room:
            yield f"{low:.3g} to {high:.3g} {name}, but the model was trained on {lowest:.3g} to {highest:.3g}"
