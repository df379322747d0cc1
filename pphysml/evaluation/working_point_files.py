"""Working points as files: YAML, which this program reads again, and JSON of correctionlib.

The JSON holds corrections of schema version 2 (https://cms-nanoaod.github.io/correctionlib), with the name
that is given in front: `_threshold` of a working point, `_efficiency` of a class at it with its
interval, and `_discriminant` of the probabilities: the same numbers as here, but for the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import plain_yaml
from ..errors import ConfigError
from .discriminant import FLOOR, Discriminant
from .uncertainty import Floats, Interval
from .working_points import Binning, Target, WorkingPoint, WorkingPoints

POINT, CLASS, SYSTEMATIC = "working_point", "class", "systematic"
"""Inputs of the corrections, beside the variable."""

ENDS = {"nominal": "value", "up": "high", "down": "low"}
"""Values of `systematic`, and what they are of an interval."""

AT_ONCE = "xyzt"
"""Variables that one formula of correctionlib may have."""


def to_yaml(points: WorkingPoints, discriminant: Discriminant | None = None) -> str:
    """Return working points, and the discriminant that they cut on, as YAML."""
    values: dict[str, Any] = {}
    if discriminant is not None:
        sides = discriminant.signal, discriminant.background
        values["discriminant"] = {"signal": dict(sides[0]), "background": dict(sides[1])}
    if (binning := points.binning) is not None:
        values["binning"] = {"variable": binning.variable, "unit": binning.unit, "edges": list(binning.edges)}
    values["working_points"] = {name: _plain(point) for name, point in points.points.items()}
    return plain_yaml.dump(values)


def from_yaml(text: str, where: str) -> tuple[WorkingPoints, Discriminant | None]:
    """Return what `to_yaml` wrote.

    Args:
        where: it is from, for the error.

    Raises:
        ConfigError: it is something else.
    """
    values = plain_yaml.parse(text, where)
    try:
        binning = _binning(values["binning"]) if "binning" in values else None
        bins = 1 if binning is None else len(binning.edges) - 1
        points = {name: _point(name, one, bins) for name, one in values["working_points"].items()}
        discriminant = Discriminant(**values["discriminant"]) if "discriminant" in values else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{where}: holds no working points as this program writes them ({reason}).") from None
    return WorkingPoints(points, binning), discriminant


def to_correctionlib(name: str, points: WorkingPoints, discriminant: Discriminant | None = None) -> str:
    """Return working points, and the discriminant that they cut on, as JSON of correctionlib.

    Where a class has no jets in a bin, its efficiency is 0, up 1.

    Args:
        name: in front of the names of the corrections.
    """
    corrections = [_thresholds(name, points), _efficiencies(name, points)]
    if discriminant is not None:
        corrections.append(_discriminant(name, discriminant))
    return json.dumps({"schema_version": 2, "corrections": corrections}, indent=1, allow_nan=False)


def _plain(point: WorkingPoint) -> dict[str, Any]:
    efficiencies = {}
    for name, found in point.efficiency.items():
        ends = {end: [None if np.isnan(x) else float(x) for x in values] for end, values in found._asdict().items()}
        efficiencies[name] = {**ends, "number": point.jets[name].tolist()}
    return {
        "classes": list(point.target.classes), "efficiency": point.target.efficiency,
        "threshold": point.threshold.tolist(), "efficiencies": efficiencies,
    }


def _binning(values: Mapping[str, Any]) -> Binning:
    return Binning(values["variable"], tuple(float(edge) for edge in values["edges"]), values["unit"])


def _point(name: str, values: Mapping[str, Any], bins: int) -> WorkingPoint:
    target = Target(name, tuple(values["classes"]), float(values["efficiency"]))
    efficiency, jets = {}, {}
    for kind, found in values["efficiencies"].items():
        efficiency[kind] = Interval(*(_column(found[end], bins) for end in ("value", "low", "high")))
        jets[kind] = np.array(found["number"], dtype=np.int64)
    return WorkingPoint(target, _column(values["threshold"], bins), efficiency, jets)


def _column(values: Sequence[float | None], bins: int) -> Floats:
    column = np.array([np.nan if x is None else x for x in values], dtype=np.float64)
    if column.shape != (bins,):
        raise ValueError(f"{bins} numbers are needed, there are {len(column)}")
    return column


def _thresholds(name: str, points: WorkingPoints) -> dict[str, Any]:
    content = {key: _in_bins(point.threshold, points.binning) for key, point in points.points.items()}
    inputs = [_variable(POINT, "string", "name of the working point"), *_of_binning(points.binning)]
    meaning = "score at or above which a jet passes"
    return _correction(f"{name}_threshold", meaning, inputs, "threshold", _category(POINT, content))


def _efficiencies(name: str, points: WorkingPoints) -> dict[str, Any]:
    content = {}
    for key, point in points.points.items():
        of_class = {}
        for kind, found in point.efficiency.items():
            numbers = {end: np.nan_to_num(values) for end, values in found._asdict().items()}
            in_bins = {end: _in_bins(numbers[of], points.binning) for end, of in ENDS.items()}
            of_class[kind] = _category(SYSTEMATIC, in_bins)
        content[key] = _category(CLASS, of_class)
    inputs = [
        _variable(POINT, "string", "name of the working point"), _variable(CLASS, "string", "class of the jet"),
        _variable(SYSTEMATIC, "string", "nominal, or up or down by one standard deviation of the simulated jets"),
        *_of_binning(points.binning),
    ]
    meaning = "share of the jets of a class that passes"
    return _correction(f"{name}_efficiency", meaning, inputs, "efficiency", _category(POINT, content))


def _discriminant(name: str, discriminant: Discriminant) -> dict[str, Any]:
    """Each sum takes the place of the first probability in it, a few terms at a time."""
    sides = discriminant.signal, discriminant.background
    sums = [next(iter(side)) for side in sides]
    # Variables of a formula are called x, y, ... in the order of its inputs.
    node = _formula(f"log(max(x,{FLOOR!r})/max(y,{FLOOR!r}))", [_probability(first) for first in sums], [])
    for side, first in zip(sides, sums, strict=True):
        terms = list(side.items())
        starts = range(0, len(terms) - 1 or 1, len(AT_ONCE) - 1)
        for start in reversed(starts):
            added = terms[start + 1 : start + len(AT_ONCE)]
            factors = [terms[0][1] if start == 0 else 1.0, *(factor for _, factor in added)]
            expression = "+".join(f"[{i}]*{x}" for i, x in zip(range(len(factors)), AT_ONCE, strict=False))
            rule = _formula(expression, [_probability(first), *(_probability(of) for of, _ in added)], factors)
            node = {"nodetype": "transform", "input": _probability(first), "rule": rule, "content": node}
    inputs = [_variable(_probability(of), "real", f"probability of the class {of}") for side in sides for of in side]
    above, below = ("+".join(f"{factor:g} {_probability(of)}" for of, factor in side.items()) for side in sides)
    return _correction(f"{name}_discriminant", f"ln(({above}) / ({below}))", inputs, "discriminant", node)


def _probability(of: str) -> str:
    return f"p_{of}"


def _variable(name: str, kind: str, description: str) -> dict[str, str]:
    return {"name": name, "type": kind, "description": description}


def _of_binning(binning: Binning | None) -> list[dict[str, str]]:
    return [] if binning is None else [_variable(binning.variable, "real", binning.unit)]


def _correction(
    name: str, description: str, inputs: list[dict[str, str]], output: str, data: dict[str, Any]
) -> dict[str, Any]:
    of_output = {"name": output, "type": "real"}
    return {"name": name, "description": description, "version": 1, "inputs": inputs, "output": of_output, "data": data}


def _category(of: str, content: Mapping[str, Any]) -> dict[str, Any]:
    items = [{"key": key, "value": value} for key, value in content.items()]
    return {"nodetype": "category", "input": of, "content": items}


def _in_bins(values: Floats, binning: Binning | None) -> Any:
    if binning is None:
        return float(values[0])
    edges = [float(edge) if np.isfinite(edge) else "inf" if edge > 0 else "-inf" for edge in binning.edges]
    content = {"edges": edges, "content": values.tolist(), "flow": "clamp"}
    return {"nodetype": "binning", "input": binning.variable, **content}


def _formula(expression: str, inputs: list[str], parameters: list[float]) -> dict[str, Any]:
    formula: dict[str, Any] = {"nodetype": "formula", "expression": expression, "parser": "TFormula"}
    return {**formula, "variables": inputs, **({"parameters": parameters} if parameters else {})}
