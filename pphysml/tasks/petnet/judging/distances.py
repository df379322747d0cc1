"""How well targets are found at each distance of their line from the axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....evaluation.uncertainty import wilson
from .line_counts import DISTANCES, LineCounts
from .necr import inside

EDGES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.25, 1.5, 2.0)
"""Distances in radii of the object; the last row has all beyond."""


def distance_table(lines: LineCounts, radius: float) -> list[dict[str, Any]]:
    """Return targets found, purity and F1 by the distance of lines from the axis.

    A method that learns where the object is prefers lines through it: it shows here. Targets count
    at the distance of the line of their representative pair, pairs at that of their own.
    """
    summed, edges = lines.distances.counts.sum(0), lines.distances.edges
    below = np.stack([inside(summed, edges, share * radius) for share in EDGES] + [summed.sum(-1)], axis=1)
    rows = []
    for i, counts in enumerate(np.diff(below, axis=1).T):
        n = {name: float(value) for name, value in zip(DISTANCES, counts, strict=True)}
        if n["targets"] + n["prompts"] < 1:
            continue
        recall = wilson(n["found"], n["targets"])
        rows.append({
            "from [mm]": EDGES[i] * radius, "to [mm]": EDGES[i + 1] * radius if i + 1 < len(EDGES) else np.inf,
            "targets": round(n["targets"]), "pairs": round(n["prompts"]), "recall": recall.value, "recall low": recall.low, "recall high": recall.high,
            "unscattered recall": _ratio(n["unscattered_found"], n["unscattered_targets"]),
            "accidental share": _ratio(n["accidental"], n["prompts"]), "F1": _ratio(2 * n["found"], n["targets"] + n["prompts"]),
        })
    return rows


def _ratio(passed: float, of: float) -> float:
    return passed / of if of > 0 else np.nan
