"""Numbers that every classifier has, as metrics with their definitions and as tables of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .mass_fit import Fitted, Uncertainty
from .result import Metric
from .roc import CONFIDENCE, EFFICIENCIES, Rejection, Roc, auc, rejection
from .sculpting import Sculpting
from .uncertainty import Interval
from .working_points import WorkingPoints

Row = dict[str, Any]


def separation_metrics(curve: Roc, efficiencies: Sequence[float] = EFFICIENCIES) -> list[Metric]:
    """Return the area under the ROC curve, and the background rejections at signal efficiencies."""
    area, n = auc(curve), len(curve.signal)
    metrics = [Metric("auc", *area, n, "Weighted share of pairs of a signal and a background jet in which the signal has the"
                      " higher score; equal scores count half.")]
    background = int((~curve.signal).sum())
    for efficiency in efficiencies:
        found = rejection(curve, efficiency)
        name = f"rejection_{100 * efficiency:g}"
        metrics.append(Metric(name, found.value, found.low, found.high, background, _definition(found)))
    return metrics


def rejection_rows(curves: Mapping[str, Roc], efficiencies: Sequence[float] = EFFICIENCIES) -> list[Row]:
    """Return a row for each score and signal efficiency."""
    rows = []
    for name, curve in curves.items():
        for efficiency in efficiencies:
            found = rejection(curve, efficiency)
            rows.append({
                "score": name, "signal efficiency": efficiency,
                "rejection": found.value, "low": found.low, "high": found.high,
                "background that passes": round(found.passing, 1),
                f"at least ({100 * CONFIDENCE:g} %)": found.bound if found.few else None,
            })
    return rows


def sculpting_rows(found: Mapping[str, Sculpting], corrected: Mapping[str, float]) -> list[Row]:
    """Return a row for each variable, and for all together, by what `sculpting_of` returns."""
    return [
        {
            "variable": name, "1/JSD": one.inverse, "limit of a flat score": one.ceiling,
            "JSD less chance [bit]": one.excess.value, "low": one.excess.low, "high": one.excess.high,
            "p-value": one.p_value, "p-value, corrected": corrected[name],
            "bins": one.bins, "bins below zero": one.floored,
            "passing": round(one.passing, 1), "failing": round(one.failing, 1),
        }
        for name, one in found.items()
    ]


def significance_rows(fits: Mapping[str, Mapping[Uncertainty, Fitted]]) -> list[Row]:
    """Return a row for each score and uncertainty; `counting_significance.FAVOURS_PLAIN` is to be a note beside it."""
    return [
        {
            "score": name,
            "background uncertainty": uncertainty.normalisation, "sculpting uncertainty": uncertainty.sculpting,
            "template variance": uncertainty.templates,
            "significance of the fit": fit.value, "low": fit.low, "high": fit.high, "of counting": fit.counting,
            "signal efficiency": fit.signal_efficiency, "background efficiency": fit.background_efficiency,
            "bins below zero": fit.floored,
        }
        for name, of_score in fits.items() for uncertainty, fit in of_score.items()
    ]


def working_point_rows(points: WorkingPoints) -> list[Row]:
    """Return a row for each working point, bin and class."""
    rows = []
    for name, point in points.points.items():
        for place, threshold in enumerate(point.threshold):
            where = {} if points.binning is None else {
                f"{points.binning.variable} from": points.binning.edges[place], "to": points.binning.edges[place + 1]}
            for kind, efficiency in point.efficiency.items():
                value, low, high = (float(end[place]) for end in efficiency)
                rows.append({"working point": name, **where, "threshold": float(threshold), "class": kind,
                             "efficiency": value, "low": low, "high": high, "number": int(point.jets[kind][place])})
    return rows


def pair_rows(areas: Mapping[tuple[str, str], Interval]) -> list[Row]:
    """Return a row for each pair of classes, by what `pairwise_auc` returns."""
    return [
        {"class": a, "against": b, "AUC": area.value, "low": area.low, "high": area.high} for (a, b), area in areas.items()
    ]


def _definition(found: Rejection) -> str:
    text = f"1 / background efficiency at a signal efficiency of {100 * found.efficiency:g} %."
    if found.few:
        text += (f" Only {found.passing:.3g} background jets pass: at {100 * CONFIDENCE:g} % confidence it is at least"
                 f" {found.bound:.4g}.")
    return text
