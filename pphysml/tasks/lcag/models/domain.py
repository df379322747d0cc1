"""The domain of validity: the ranges that a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....io.ragged import Array, Columns, Ragged

SLACK = 0.02
"""Share of a chunk that may lie outside the training range before it is worth a warning."""


def observables(examples: Columns) -> dict[str, Array]:
    """Return the quantities whose ranges are kept: size, leaf mass, leaf energy, event mass."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    total = np.zeros((len(p4), 4))
    np.add.at(total, np.repeat(np.arange(len(p4)), p4.counts), p4.flat)
    return {
        "number of leaves": p4.counts[p4.counts > 0].astype(float),
        "leaf mass [GeV]": _mass(p4.flat),
        "leaf energy [GeV]": p4.flat[:, 3],
        "event mass [GeV]": _mass(total[p4.counts > 1]),
    }


def fit_domain(examples: Columns) -> dict[str, Array]:
    """Return the range of each observable in training, as float64 (2,) per name."""
    return {
        f"domain.{name}": np.array([values.min(), values.max()])
        for name, values in observables(examples).items() if len(values)
    }


def outside(examples: Columns, prepared: Mapping[str, Array]) -> list[str]:
    """Return a sentence for each observable of which more than 2 % lies outside the training range."""
    sentences = []
    for name, values in observables(examples).items():
        key = f"domain.{name}"
        if key not in prepared or not len(values):
            continue
        low, high = prepared[key]
        margin = 0.05 * (high - low) + 1e-6
        share = float(((values < low - margin) | (values > high + margin)).mean())
        if share > SLACK:
            median = float(np.median(values))
            # MeV for GeV, or the reverse, is the usual reason for a factor this large.
            units = "; are the units right?" if "GeV" in name and not low / 30 < median < high * 30 else ""
            sentences.append(
                f"{share:.0%} of the values of {name} lie outside the training range "
                f"{low:.4g} to {high:.4g} (median here {median:.4g}{units})"
            )
    return sentences


def _mass(p4: Array) -> Array:
    square = p4[:, 3] ** 2 - (p4[:, :3] ** 2).sum(-1)
    mass: Array = np.sqrt(np.maximum(square, 0))
    return mass
