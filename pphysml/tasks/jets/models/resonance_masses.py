"""Resonance masses for a parametrised network (P. Baldi et al., arXiv:1601.07913): those of signals, and drawn ones for background."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, length
from ..config import JetsConfig

COLUMN = "jet_resonance_mass"

PARTS = 256
"""Of equal weights of signal jets, of which each has one mass, from which those of background are drawn."""

MOST_DRAWS, MOST_DRAWN = 8, 2_000_000
"""Masses at which the score of one background jet is taken for a fit, and of all jets together."""


def fit_masses(examples: Columns, signal: Array, weight: Array) -> dict[str, Array]:
    """Return what masses of signal jets there are, by their weights, float64 (PARTS,), and mean and spread of their logarithm.

    Args:
        signal: which jets are, bool (n,); `weight`: of either sign, (n,).

    Raises:
        InputError: signal jets have no mass.
    """
    chosen = signal & (true_masses(examples) > 0)
    mass, each = np.unique(true_masses(examples)[chosen], return_inverse=True)
    held = np.cumsum(np.maximum(np.bincount(each, weight[chosen], len(mass)), 0))
    if not len(mass) or not held[-1] > 0:
        raise InputError("model.parametrise needs the resonance mass of signal jets; name it with --map jet_resonance_mass=BRANCH")
    # Quantiles that are values: of a grid of masses each keeps its share.
    quantiles = mass[np.searchsorted(held, (np.arange(PARTS) + 0.5) / PARTS * held[-1])]
    logs = np.log(quantiles)
    return {"masses": quantiles.astype(np.float64), "log_mass": np.array([logs.mean(), max(logs.std(), 0.01)])}


def true_masses(examples: Columns) -> Array:
    """Return the resonance mass of each jet, GeV; -1 where there is none."""
    return np.asarray(examples.get(COLUMN, np.full(length(examples), -1.0)), np.float64)


def with_drawn(mass: Array, prepared: Mapping[str, Array], rng: np.random.Generator) -> Array:
    """Return masses in which those that are not known are drawn from the signals'."""
    drawn = prepared["masses"][rng.integers(0, len(prepared["masses"]), len(mass))]
    return np.where(mass > 0, mass, drawn)


def with_masses(examples: Columns, mass: Array | None) -> Columns:
    """Return jets that have these resonance masses, GeV, background too."""
    return examples if mass is None else {**examples, COLUMN: mass}


def relative(config: JetsConfig) -> list[str]:
    """Return expressions of what scores are to be independent of; of a parametrised network the first in units of the resonance mass.

    At masses that are drawn, scores that show the mass only near the resonance depend on that ratio, and hardly on the mass itself.
    """
    first, *others = config.model.against
    return [f"({first}) / {COLUMN}", *others] if config.model.parametrise else [first, *others]


def between_all(n: int, prepared: Mapping[str, Array], rng: np.random.Generator) -> Array:
    """Return masses drawn evenly in their logarithm from the smallest to the largest of the signals', (n, draws), GeV.

    What is fitted at these holds between the masses of a grid, too. With several for each jet, a fit has as many jets near
    each mass as there are, and not a share of them.
    """
    low, high = np.log(prepared["masses"][[0, -1]])
    drawn: Array = np.exp(rng.uniform(low, high, (n, int(np.clip(MOST_DRAWN // max(n, 1), 1, MOST_DRAWS)))))
    return drawn


def stated_or_true(examples: Columns, config: JetsConfig, prepared: Mapping[str, Array]) -> Array | None:
    """Return the mass for which jets are judged: the stated one, or the true one, and for background one that is drawn by its entry.

    Raises:
        InputError: none is stated, and there is no truth.
    """
    if not config.model.parametrise:
        return None
    n = length(examples)
    if config.apply.resonance_mass is not None:
        return np.full(n, config.apply.resonance_mass)
    if COLUMN not in examples:
        raise InputError("the network is parametrised in the resonance mass: state the one that is searched for with --resonance-mass")
    # The same for a jet whatever block it is in.
    entry, jet = (np.asarray(examples[name], np.uint64) for name in ("entry", "jet"))
    which = ((entry * np.uint64(0x9E3779B97F4A7C15) + jet * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(40)) % np.uint64(len(prepared["masses"]))
    mass = true_masses(examples)
    return np.where(mass > 0, mass, prepared["masses"][which])
