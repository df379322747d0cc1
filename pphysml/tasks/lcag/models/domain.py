"""The domain of validity: the ranges that a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ....io.ragged import Array, Columns, Ragged

SLACK = 0.02
"""Share of a chunk that may lie outside the training range before it is worth a warning."""


ROUNDING = float(np.finfo(np.float32).eps)
"""Relative difference of neighbouring float32 numbers: files of such hold the momenta of a model made with doubles."""


class Values(NamedTuple):
    """A quantity, and the least and most that it may have been before momenta were rounded to float32."""

    value: Array
    least: Array
    most: Array


def observables(examples: Columns) -> dict[str, Values]:
    """Return the quantities whose ranges are kept: size, leaf mass, leaf energy, event mass."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    total = np.zeros((len(p4), 4))
    np.add.at(total, np.repeat(np.arange(len(p4)), p4.counts), p4.flat)
    size, energy = p4.counts[p4.counts > 0].astype(float), p4.flat[:, 3]
    return {
        "number of leaves": Values(size, size, size),
        "leaf mass [GeV]": _masses(p4.flat),
        "leaf energy [GeV]": Values(energy, energy * (1 - ROUNDING), energy * (1 + ROUNDING)),
        "event mass [GeV]": _masses(total[p4.counts > 1]),
    }


def fit_domain(examples: Columns) -> dict[str, Array]:
    """Return the range of each observable in training, as float64 (2,) per name."""
    return {
        f"domain.{name}": np.array([values.min(), values.max()])
        for name, (values, _, _) in observables(examples).items() if len(values)
    }


def outside(examples: Columns, prepared: Mapping[str, Array]) -> list[str]:
    """Return a sentence for each observable of which more than 2 % lies outside the training range, by more than float32 rounds."""
    sentences = []
    for name, (values, least, most) in observables(examples).items():
        key = f"domain.{name}"
        if key not in prepared or not len(values):
            continue
        low, high = prepared[key]
        margin = 0.05 * (high - low) + 1e-6
        share = float(((most < low - margin) | (least > high + margin)).mean())
        if share > SLACK:
            median = float(np.median(values))
            # MeV for GeV, or the reverse, is the usual reason for a factor this large.
            units = "; are the units right?" if "GeV" in name and not low / 30 < median < high * 30 else ""
            sentences.append(
                f"{share:.0%} of the values of {name} lie outside the training range "
                f"{low:.4g} to {high:.4g} (median here {median:.4g}{units})"
            )
    return sentences


def _masses(p4: Array) -> Values:
    """Return invariant masses: of E^2 - p^2 a relative rounding of E and p leaves an error of up to 2 E^2 times it."""
    square, error = p4[:, 3] ** 2 - (p4[:, :3] ** 2).sum(-1), 2 * ROUNDING * p4[:, 3] ** 2
    return Values(*(np.sqrt(np.maximum(found, 0)) for found in (square, square - error, square + error)))
