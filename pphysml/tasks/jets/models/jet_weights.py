"""What jets weigh in a training: their own weights, the shares of classes, and spectra that are made alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ....io.ragged import Array, Columns, take
from ..config import JetsConfig
from .class_weights import class_weights, fit_class_weights
from .spectra import planed, reweighted


def fit_weights(examples: Columns, config: JetsConfig) -> dict[str, Array]:
    """Return all that is to be known of the jets of a training to weigh them, but for planing."""
    weight = np.asarray(examples["weight"], np.float64)
    found = fit_class_weights(np.asarray(examples["class"]), weight, config)
    spectrum = reweighted(config)
    return found if spectrum is None else found | spectrum.fit(examples, weight)


def fit_planing(examples: Columns, prepared: Mapping[str, Array], config: JetsConfig) -> dict[str, Array]:
    """Return what planing takes; it comes last, so that its spectra agree exactly.

    Args:
        examples: for a parametrised network with a resonance mass of background, too.
    """
    spectrum, before = planed(config), reweighted(config)
    if spectrum is None:
        return {}
    weight = np.asarray(examples["weight"], np.float64)
    return spectrum.fit(examples, weight if before is None else weight * before.factors(examples, prepared))


def weights_of(examples: Columns, prepared: Mapping[str, Array], config: JetsConfig, sampled: bool = False, to_plane: bool = False) -> Array:
    """Return the weight of each jet, (n,).

    Args:
        examples: with a resonance mass of background, too, where a parametrised network is trained on planed jets.
        sampled: whether they are those that `drawn` has left.
        to_plane: whether planing is still to come.
    """
    weight = np.asarray(examples["weight"]) * class_weights(np.asarray(examples["class"]), prepared)
    for spectrum in filter(None, (None if sampled else reweighted(config), None if to_plane else planed(config))):
        weight = weight * spectrum.factors(examples, prepared)
    return weight


def drawn(examples: Columns, prepared: Mapping[str, Array], config: JetsConfig, random: Callable[[], np.random.Generator]) -> tuple[Columns, Array]:
    """Return the jets that are trained on and their weights: all, or a drawing.

    Args:
        random: makes what is drawn with; called where something is drawn.
    """
    spectrum = reweighted(config)
    if spectrum is None or config.training.reweight_by == "weight":
        return examples, weights_of(examples, prepared, config)
    kept = take(examples, spectrum.accepted(examples, prepared, random()))
    return kept, weights_of(kept, prepared, config, sampled=True)
