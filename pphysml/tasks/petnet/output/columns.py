"""Pairs of singles to the columns of GATE's tree of coincidences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....contract import LastStep
from ....io.ragged import Array, Column, Columns, Ragged, take
from ....io.schema import KEEP, KEEP_TEXT
from ..coincidences.lines_of_response import lines_between
from ..coincidences.pairs import CANDIDATE, DELAYED, PROMPT, Pairs
from ..coincidences.random_rates import RANDOM_RATE as RATES
from ..config import PetConfig
from ..reading.texts import as_texts
from ..schema import GANTRY, RANDOM_RATE, TWICE, gate_name

ROW_COLUMNS = {"run": "runID", **{f.name: gate_name(f) for f in GANTRY}}
"""What a coincidence has once: that of its first single, as in GATE."""


KIND = "kind"
"""Column of the kind of each pair, which says what tree it is of, and is in none."""

ENOUGH, FEW = 1000, 0.002
"""Singles from which few pairs are strange, and the pairs of each single below which they are few."""


class PetLastStep(LastStep):
    """Gives the pairs of any engine the columns `schema.OUTPUT_FIELDS`, those that the input has, and counts."""

    def __init__(self, config: PetConfig) -> None:
        self._delayed_wanted = delayeds_wanted(config)
        self._n_singles = self._n_prompts = self._n_delayed = 0
        self._window = config.window

    @property
    def warnings(self) -> list[str]:
        """Why there may be so few pairs, if there are."""
        if self._n_singles < ENOUGH or self._n_prompts >= FEW * self._n_singles:
            return []
        found = f"{self._n_prompts} pairs were" if self._n_prompts != 1 else "1 pair was"
        return [f"{found} found in {self._n_singles} singles, fewer than one in {1 / FEW:.0f}: their times may be in another unit (--map time=BRANCH:ns), the window of {self._window:g} ps "
                "too short for them (--window), the delays of crystals too large (apply.calibrate_delays with data.max_delay), or most of the singles may be missing from the file"]

    def __call__(self, examples: Columns, columns: Columns) -> Columns:
        """Return one row per pair, with the column KIND."""
        pairs = Pairs.of(columns)
        self._n_singles += int(np.sum(np.asarray(examples["n_owned"])))
        self._n_prompts += int(np.count_nonzero(pairs.kind == PROMPT))
        self._n_delayed += int(np.count_nonzero(pairs.delayed))
        singles = {name: column.flat for name, column in examples.items() if isinstance(column, Ragged)}
        rows: Columns = {gate: singles[name][pairs.first] for name, gate in ROW_COLUMNS.items() if name in singles}
        for number, index in ((1, pairs.first), (2, pairs.second)):
            rows |= {f"{gate_name(f)}{number}": singles[f.name][index] for f in TWICE if f.name in singles}
            rows |= {f"{name}{number}": singles[f"single_{name}"][index] for name in ("file", "entry")}
            rows |= {f"{name}{number}": _kept(name, values[index]) for name, values in singles.items() if name.startswith(KEEP)}
        rows |= {RANDOM_RATE.name: columns[RATES]} if RATES in columns else {}
        return rows | _sinogram(singles, pairs) | {
            "score": pairs.score, "multiplicity": pairs.multiplicity, KIND: pairs.kind}

    def facts(self, of_engine: Mapping[str, Any]) -> dict[str, Any]:
        """Return singles in the energy window, what the engine says, and delayed pairs if asked for."""
        return {
            "singles_in_energy_window": self._n_singles,
            **of_engine,
            **({"estimated_randoms": self._n_delayed} if self._delayed_wanted else {}),
        }


def _kept(name: str, values: Array) -> Column:
    return as_texts(values) if name.startswith(KEEP_TEXT) else values


def _sinogram(singles: dict[str, Array], pairs: Pairs) -> Columns:
    first, second = (np.column_stack([singles[axis][index] for axis in "xyz"]) for index in (pairs.first, pairs.second))
    lines = lines_between(first, second)
    return {"sinogramTheta": lines.phi.astype(np.float32), "sinogramS": lines.s.astype(np.float32)}


def prompts(columns: Columns) -> Columns:
    """Return the rows of the tree `Coincidences`."""
    return of_kind(columns, PROMPT)


def delayeds(columns: Columns) -> Columns:
    """Return the rows of the tree `delay`."""
    return of_kind(columns, DELAYED)


def listed_candidates(columns: Columns) -> Columns:
    """Return the rows of the tree `candidates`."""
    return of_kind(columns, CANDIDATE)


def delayeds_wanted(config: PetConfig) -> bool:
    """Return whether there is a delayed window."""
    return config.apply.offset > 0


def of_kind(columns: Columns, kind: int) -> Columns:
    """Return the rows of a kind, without the column KIND."""
    chosen = np.asarray(columns[KIND]) == kind
    rows = {name: column for name, column in columns.items() if name != KIND}
    return rows if chosen.all() else take(rows, chosen)
