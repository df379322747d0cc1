"""Learn the mixture of randoms and activity from singles of a measurement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....io.ragged import Columns, ragged
from ..coincidences.candidates import candidates
from ..reading.slices import slice_times
from .ends import ends_of
from .mixture import Mixture
from .mixture_fit import Pairs, fit_mixture
from .randoms import random_pairs, rates

FEWEST = 50
"""Pairs in the window from which an image can be made."""

DEVIATIONS = 3.0
"""Standard deviations of the random ones by which there must be more."""


def mixture_of(examples: Columns, window: float) -> Mixture | None:
    """Fit the mixture to slices, see `mixture_fit`; return None where there are too few true pairs."""
    prompts, randoms = candidates(examples, window), random_pairs(examples, window)
    if not len(randoms.pairs.dt) or len(prompts.dt) < FEWEST or len(prompts.dt) - randoms.expected < DEVIATIONS * np.sqrt(randoms.expected):
        return None
    place = np.column_stack([ragged(examples, axis).flat for axis in "xyz"]).astype(np.float64)
    energy = ragged(examples, "energy").flat.astype(np.float64)
    mixture = fit_mixture(Pairs(ends_of(examples, prompts), ends_of(examples, randoms.pairs), randoms.expected), place, energy, window)
    n, rate = np.asarray(examples["n_owned"]), rates(examples, slice_times(examples))
    return replace(mixture, rate=float((n * rate).sum() / max(n[rate > 0].sum(), 1)))
