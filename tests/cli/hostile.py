"""How a program must take what is hostile or damaged, and values that are drawn for it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot

REFUSED = (2, 3, 4)
"""Exit codes of wrong usage, input and models."""
MOST_LINES, MOST_CHARACTERS = 12, 4000


@dataclass
class Judge:
    """What is found of many cases.

    Attributes:
        canary: a file that code of a case would make.
        accepted, refused: how many cases were.
    """

    canary: Path
    accepted: int = 0
    refused: int = 0

    def faults(self, done: Any, output: Path, named: tuple[str, ...], same: Any) -> list[str]:
        """Return what is wrong with the end of a run.

        Args:
            output: that must not be left by what is refused.
            named: texts of which an error has at least one.
            same: returns whether what was accepted has the result of the clean case.
        """
        found = ["code was run"] if self.canary.exists() else []
        leftovers = [path.name for path in output.parent.glob("*") if path.name.startswith((output.name, f".{output.name}"))]
        if done.code == 0:
            self.accepted += 1
            return found + ([] if same() else ["accepted silently"])
        self.refused += 1
        lines = [line for line in done.err.splitlines() if not line.startswith("pphysml: warning")]
        checks = {
            f"exit code {done.code}": done.code in REFUSED,
            "a bug": "bug" not in done.err and "Traceback" not in done.err,
            f"{len(lines)} lines": 1 <= len(lines) <= MOST_LINES and all(line.startswith("pphysml: error: ") for line in lines),
            "too long": len(done.err) <= MOST_CHARACTERS,
            "nothing is named": any(name in re.sub(r"\s+", " ", done.err) for name in named),
            f"left {leftovers}": not leftovers,
        }
        return found + [fault for fault, fine in checks.items() if not fine]


def content(path: Path) -> dict[str, Any]:
    """Return what is in all trees of a file, as lists."""
    with uproot.open(path) as file:
        return {key: file[key].arrays(library="np") for key in file.keys(filter_classname="TTree", cycle=False)}


def equal(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether two contents are the same, value by value."""
    return first.keys() == second.keys() and all(
        columns.keys() == second[tree].keys() and all(_same(column, second[tree][name]) for name, column in columns.items())
        for tree, columns in first.items())


def _same(first: Any, second: Any) -> bool:
    if first.dtype == object:
        return len(first) == len(second) and all(map(_same, map(np.asarray, first), map(np.asarray, second)))
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def leaves(values: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of all values in lists and dictionaries, of these themselves too."""
    inside = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    return ([place] if place else []) + [found for key, value in inside for found in leaves(value, (*place, key))]


def at(values: Any, place: tuple[Any, ...]) -> Any:
    """Return the value at a place."""
    for key in place:
        values = values[key]
    return values


def strange(rng: random.Random, value: Any) -> Any:
    """Draw a value of another type than the given one, or one that is none."""
    deep: Any = 1
    for _ in range(rng.choice([3, 40])):
        deep = [deep]
    every = [
        "x" * rng.choice([1, 5000]), "../../etc/passwd", "", "\x00", "\x1b[2J", "nan", "canary.py:Mine", [], {}, [[]], {"": {}}, [None], [True], {"a": [1, "b"]}, deep,
        True, False, float("nan"), float("inf"), -float("inf"), 2**63, -(2**70), 10**38, -1e308, None,
    ]
    if value is None:
        # Whatever else may be what can be given.
        return rng.choice([deep, {"a": [1, "b"]}, [[None]], {"": {}}])
    numbers = (int, float)
    kinds = {bool: (bool,), int: numbers, float: numbers, str: (str,), list: (list,), dict: (dict,)}
    # Of the same type only what is no value anywhere; null stands for what is not given in many places.
    never = [v for v in every if isinstance(v, numbers) and not isinstance(v, bool) and not abs(v) < (2**63 if type(value) is int else float("inf"))]
    other = [v for v in every if not isinstance(v, kinds[type(value)]) or (isinstance(v, bool) and not isinstance(value, bool))]
    return rng.choice([v for v in other if v is not None] + (never if isinstance(value, numbers) else []))
