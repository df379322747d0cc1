"""How well one score tells a signal from background: metrics, tables, and what the figures show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....evaluation.classifier_tables import Row, separation_metrics
from ....evaluation.mass_fit import UNCERTAINTIES, Fitted, Scan, Uncertainty, fit_mass, scan_cuts
from ....evaluation.mass_templates import Jets, Yields
from ....evaluation.result import Metric
from ....evaluation.roc import Roc, rejection, roc, threshold
from ....evaluation.sculpting import Sculpting, sculpting_of
from ....io.ragged import Array
from ..config import JetsConfig
from ..models.background_shares import with_fractions
from .jets_seen import JetsSeen

HALF = 0.5
"""Signal efficiency at which the background's spectra are compared."""

QUOTED = (Uncertainty(0.0), Uncertainty(0.1), Uncertainty(0.5))
"""Uncertainties of the background whose significances are metrics; the others are in the table."""

BINS = 50
"""Of the mass, in its fit."""

MOST_MASSES = 20
"""Of a grid; masses of more values are continuous."""

FEWEST = 200
"""Jets of signal, and of background, from which on the mass is fitted."""

FEWEST_PASSING = 20
"""Background jets that pass, and that fail, from which on their spectra are compared."""


@dataclass(frozen=True)
class Separation:
    """One score of one signal against background.

    Attributes:
        score: its name; `signal`: name of the class.
        jets: those of the signal and of background, whose classes have the shares of data.fractions, if these are stated.
        curve: its ROC.
        flatness: sculpting at half of the signal by variable; empty where it cannot be had.
        corrected: p-values corrected for their number.
        parametrised, stated_mass: whether scores depend on a resonance mass, and the one for all jets, if there is one.
        scan: significance over cuts on the first half; None where there are too few jets.
        fits: by uncertainty, the significance on the second half of the cut that is best on the first.
    """

    score: str
    signal: str
    jets: JetsSeen
    is_signal: Array
    values: Array
    curve: Roc
    flatness: dict[str, Sculpting]
    corrected: dict[str, float]
    scan: Scan | None
    fits: dict[Uncertainty, Fitted]
    parametrised: bool
    stated_mass: float | None

    @property
    def notes(self) -> list[str]:
        """What is left out, and what is to be known of the rest."""
        found = []
        if not self.flatness:
            found.append(f"Sculpting by {self.score} is not judged: fewer than {FEWEST_PASSING} background jets pass or fail where half of the signal passes, or none has a value.")
        if not self.fits:
            found.append(f"There is no fit of the mass for {self.score}: it needs {FEWEST} jets of signal and of background, of which enough pass a cut and have a mass.")
        masses = np.unique(np.round(self.jets.resonance_mass[self.is_signal], 3))
        if self.parametrised and self.stated_mass is None:
            found.append(f"Of {self.score}, each signal jet is judged at its own resonance mass, and background at drawn ones; what a search at one mass finds is said with --resonance-mass.")
        elif self.fits and 1 < (masses > 0).sum() <= MOST_MASSES:
            found.append(f"The fits for {self.score} take all {(masses > 0).sum()} resonance masses for one signal; --selection takes one, as 'jet_resonance_mass == {masses[masses > 0][0]:g} or jet_resonance_mass < 0'.")
        return found


def separate(jets: JetsSeen, config: JetsConfig, score: str, signal: str) -> Separation | None:
    """Return what a score does for a signal; None where one of both is not there, or has no share.

    Args:
        jets: of all classes.
        score: name of its column.
    """
    names = list(config.data.classes)
    own = np.isin(jets.label, [names.index(name) for name in (signal, *config.data.background)])
    chosen = jets.where(own)
    chosen = replace(chosen, weight=with_fractions(chosen.weight, chosen.label, config))
    is_signal = chosen.label == names.index(signal)
    sums = [chosen.weight[part].sum() for part in (is_signal, ~is_signal)]
    if not min(sums) > 0:
        return None
    values = chosen.columns[score].astype(float)
    curve = roc(values, is_signal, chosen.weight, chosen.event)
    flatness, corrected = _flatness(chosen, is_signal, values >= threshold(curve, HALF), config)
    scan = _scan(chosen, is_signal, values, config)
    fits = {} if scan is None else _fits(scan, chosen, is_signal, values, config)
    return Separation(score, signal, chosen, is_signal, values, curve, flatness, corrected, scan, fits,
                      config.model.parametrise and config.apply.score is None, config.apply.resonance_mass)


def _flatness(jets: JetsSeen, is_signal: Array, passed: Array, config: JetsConfig) -> tuple[dict[str, Sculpting], dict[str, float]]:
    background = ~is_signal
    variables = {text: jets.against[background, k] for k, text in enumerate(config.model.against)}
    flags = passed[background]
    if min(flags.sum(), (~flags).sum()) < FEWEST_PASSING or any(not np.isfinite(values).any() for values in variables.values()):
        return {}, {}
    try:
        return sculpting_of(flags, variables, weights=jets.weight[background], event=jets.event[background])
    except ValueError:
        return {}, {}


def _scan(jets: JetsSeen, is_signal: Array, values: Array, config: JetsConfig) -> Scan | None:
    if min(is_signal.sum(), (~is_signal).sum()) < FEWEST:
        return None
    half = jets.first_half
    try:
        return scan_cuts(values[half], _mass_jets(jets, is_signal, half), mass_edges(jets, is_signal), yields_of(config), UNCERTAINTIES)
    except ValueError:
        return None


def _fits(scan: Scan, jets: JetsSeen, is_signal: Array, values: Array, config: JetsConfig) -> dict[Uncertainty, Fitted]:
    test, edges, found = ~jets.first_half, mass_edges(jets, is_signal), {}
    for uncertainty in scan.uncertainties:
        try:
            cut = scan.threshold[scan.best(uncertainty)]
            found[uncertainty] = fit_mass(values[test] >= cut, _mass_jets(jets, is_signal, test), edges, yields_of(config), uncertainty)
        except ValueError:
            continue
    return found


def _mass_jets(jets: JetsSeen, is_signal: Array, chosen: Array) -> Jets:
    return Jets(jets.against[chosen, 0].astype(float), is_signal[chosen], jets.weight[chosen], jets.event[chosen])


def yields_of(config: JetsConfig) -> Yields:
    """Return how many jets of signal and background the data have."""
    return Yields(config.apply.expected_signal, config.apply.expected_background)


def mass_edges(jets: JetsSeen, is_signal: Array) -> Array:
    """Return edges of bins of the first variable that hold nearly all of signal and most of background."""
    mass, known = jets.against[:, 0], np.isfinite(jets.against[:, 0])
    signal = np.quantile(mass[is_signal & known], [0.001, 0.999])
    background = np.quantile(mass[~is_signal & known], [0.05, 0.995])
    return np.linspace(min(signal[0], background[0]), max(signal[1], background[1]), BINS + 1)


def metrics_of(found: Separation, config: JetsConfig, alone: bool) -> list[Metric]:
    """Return the metrics of a score.

    Args:
        alone: whether it is of the only signal, which needs no name then.
    """
    name = found.score.partition("_")[0] if alone else found.score
    of = f" Of {found.signal} against {' or '.join(config.data.background)}, by the score {found.score}."
    metrics = [replace(metric, name=f"{name} {metric.name}", definition=metric.definition + of) for metric in separation_metrics(found.curve)]
    for kind, curve in by_class(found, config).items():
        metrics += [replace(metric, name=f"{name} {metric.name} of {kind}", definition=f"{metric.definition} Of {found.signal} against {kind} alone, by the score {found.score}.")
                    for metric in separation_metrics(curve)[1:]]
    for variable, one in found.flatness.items():
        metrics.append(Metric(f"{name} sculpting of {variable}", *one.excess, round(one.passing),
                              f"Jensen-Shannon divergence in bits of {variable} between background that passes and that fails where half of the signal passes, less its mean under shuffling; 0: not sculpted.{of}"))
    for uncertainty in QUOTED:
        if uncertainty in found.fits:
            fit = found.fits[uncertainty]
            metrics.append(Metric(f"{name} significance, {uncertainty.normalisation:.0%}", fit.value, fit.low, fit.high, len(found.values),
                                  f"Expected standard deviations of {config.apply.expected_signal:g} jets of signal over {config.apply.expected_background:g} of background in a fit of {config.model.against[0]} "
                                  f"where the background's normalisations are uncertain by {uncertainty.normalisation:.0%}; the cut is chosen on half of the events and judged on the others.{of}"))
    return metrics


def by_class(found: Separation, config: JetsConfig) -> dict[str, Roc]:
    """Return the curve against each class of background alone, where there are several."""
    names, curves = list(config.data.classes), {}
    for kind in config.data.background if len(config.data.background) > 1 else ():
        own = found.is_signal | (found.jets.label == names.index(kind))
        jets = found.jets.where(own)
        if jets.weight[~found.is_signal[own]].sum() > 0:
            curves[kind] = roc(found.values[own], found.is_signal[own], jets.weight, jets.event)
    return curves


def mass_rows(found: Separation) -> list[Row]:
    """Return the rejection at half of the signal for every resonance mass, against all background; of a parametrised network for the stated mass alone."""
    masses = np.unique(np.round(found.jets.resonance_mass[found.is_signal], 3))
    if found.parametrised:
        # At another mass than that of the signal, background has other scores.
        masses = masses[np.isclose(masses, found.stated_mass, atol=1e-3)] if found.stated_mass is not None else masses[:0]
    rows = []
    for mass in masses[masses > 0] if len(masses) <= MOST_MASSES else ():
        own = ~found.is_signal | np.isclose(found.jets.resonance_mass, mass, atol=1e-3)
        jets = found.jets.where(own)
        one = rejection(roc(found.values[own], found.is_signal[own], jets.weight, jets.event), HALF)
        rows.append({"score": found.score, "resonance mass / GeV": float(mass), "rejection at 50 %": one.value, "low": one.low, "high": one.high, "signal jets": int((own & found.is_signal).sum())})
    return rows
