"""What an evaluation returns: metrics with errors and definitions, tables, figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Metric:
    """One number with its 68 % interval and its definition in words.

    Attributes:
        n: number of cases in the denominator.
        definition: what is counted over what.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    definition: str


@dataclass
class Evaluation:
    """The result of one evaluation.

    Attributes:
        metrics: in the order in which they are shown.
        tables: title -> list of rows (dicts with equal keys).
        figures: title -> matplotlib figure.
        pages: title -> a whole HTML page, which needs nothing from outside.
        files: name -> text of what is written beside the report, as a calibration.
        cases: name -> per-case values, shape (n,), for paired comparison of two evaluations.
        notes: sentences shown with the numbers.
        skipped: path and reason of each input file, or rest of one, that was left out.
    """

    metrics: list[Metric] = field(default_factory=list)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    cases: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
