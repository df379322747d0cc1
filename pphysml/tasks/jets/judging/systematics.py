"""What variations of the jets do to a score at the working points that were chosen without them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....contract import VARIED, varied
from ....evaluation.classifier_tables import Row
from ....evaluation.influence import standard_error
from ....evaluation.mass_fit import Uncertainty, fit_mass, significance_difference
from ....evaluation.mass_templates import Jets
from ....evaluation.roc import threshold
from ....io.ragged import Array
from ..config import JetsConfig
from .jets_seen import MASS, JetsSeen
from .separation import HALF, Separation, mass_edges, yields_of

UNCERTAINTY = Uncertainty(0.1)
"""Of the background, in the fit whose significance is given."""


def variation_names(jets: JetsSeen) -> list[str]:
    """Return the names of the variations that there are."""
    return list(dict.fromkeys(name.partition(VARIED)[0] for name in jets.columns if VARIED in name))


def systematic_rows(found: Separation, config: JetsConfig) -> list[Row]:
    """Return a row for each variation: efficiencies at the nominal cut on half of the signal, and the significance at the nominal best cut."""
    cut = threshold(found.curve, HALF)
    rows = [_rejection_row(found, "none", found.values >= cut, cut)]
    for name in variation_names(found.jets):
        rows.append(_rejection_row(found, name, _scores(found, name) >= cut, cut))
    significances = dict(_significances(found, config))
    return [{**row, **significances.get(str(row["variation"]), {})} for row in rows]


def without_effect(jets: JetsSeen) -> list[str]:
    """Return the variations that change neither a score nor the mass."""
    def same(name: str) -> bool:
        own = varied(name, "")
        nominal = {**jets.columns, MASS: jets.against[:, 0]}
        return all(np.array_equal(column, nominal[key.removeprefix(own)], equal_nan=True) for key, column in jets.columns.items() if key.startswith(own))

    return [name for name in variation_names(jets) if same(name)]


def _scores(found: Separation, name: str) -> Array:
    scores: Array = found.jets.columns[varied(name, found.score)].astype(float)
    return scores


def _rejection_row(found: Separation, name: str, passed: Array, cut: float) -> Row:
    weight, nominal = found.jets.weight, found.values >= cut
    row: Row = {"score": found.score, "variation": name}
    for kind, part in (("signal", found.is_signal), ("background", ~found.is_signal)):
        before, after = (weight[part & chosen].sum() for chosen in (nominal, passed))
        ratio = after / before if before > 0 else np.nan
        influence = weight * part * (passed - ratio * nominal) / before if before > 0 else np.full(len(weight), np.nan)
        row[f"{kind} efficiency"] = after / weight[part].sum()
        row[f"{kind} to nominal"], row[f"{kind}, error"] = ratio, standard_error(influence, found.jets.event)
    row["rejection"] = 1 / row["background efficiency"] if row["background efficiency"] > 0 else np.inf
    return row


def _significances(found: Separation, config: JetsConfig) -> Iterator[tuple[str, Row]]:
    """Yield the significance of the fit under each variation, and the paired difference to the nominal one."""
    if found.scan is None or UNCERTAINTY not in found.fits:
        return
    nominal, cut = found.fits[UNCERTAINTY], found.scan.threshold[found.scan.best(UNCERTAINTY)]
    jets, test, edges = found.jets, ~found.jets.first_half, mass_edges(found.jets, found.is_signal)
    column = f"significance of the fit, background uncertain by {UNCERTAINTY.normalisation:.0%}"
    yield "none", {column: nominal.value, "less nominal": 0.0, "error": 0.0}
    for name in variation_names(jets):
        mass = jets.columns[varied(name, MASS)].astype(float)
        others = Jets(mass[test], found.is_signal[test], jets.weight[test], jets.event[test])
        try:
            fit = fit_mass(_scores(found, name)[test] >= cut, others, edges, yields_of(config), UNCERTAINTY)
        except ValueError:
            continue
        difference = significance_difference(fit, nominal)
        yield name, {column: fit.value, "less nominal": difference.value, "error": (difference.high - difference.low) / 2}
