"""Pairs by cuts whose best values the truth of the very object gives: what an engine is compared with; see petnet_toy_scanners.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from petnet_toy_photons import displacement
from petnet_toy_settings import Setting
from petnet_toy_singles import LIGHT, Singles

Array = NDArray[Any]

SHARES = (0.6, 0.75, 0.85, 0.9, 0.94, 0.96, 0.975, 0.985, 0.99, 0.994, 0.997, 0.999, 1.0)
"""Of the true pairs, which a cut may keep."""

ROUNDS = 3
MOST = 600_000
"""Candidates with which cuts are tuned."""

CHOICES = ("all", "single", "nearest in time", "nearest to centre", "nearest in both")
"""Which candidates that share a single are taken: all, none, or the best one by a measure."""

CUTS = ("late", "delay", "off", "aside", "steep", "weak")


@dataclass
class Candidates:
    """Pairs of singles no further apart than the window.

    Attributes:
        first, second: singles; `true`: of one decay.
        late: |dt|, ps; `delay`: |dt| less that from the point of the line nearest to the centre, ps.
        off: distance of the line from the object's centre across the axis, mm; `aside`: distance of that point from it along the axis, mm.
        steep: distance of the singles along the axis, mm; `weak`: 511 keV less the lower energy, keV.
    """

    first: Array
    second: Array
    true: Array
    late: Array
    delay: Array
    off: Array
    aside: Array
    steep: Array
    weak: Array

    def take(self, rows: Array) -> Candidates:
        return Candidates(**{name: values[rows] for name, values in vars(self).items()})

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Gate:
    """Largest values of each cut, and what is done where candidates share a single."""

    cuts: tuple[float, ...] = (np.inf,) * len(CUTS)
    choice: str = "all"


def usable(setting: Setting, singles: Singles) -> Array:
    """Return which singles are in the energy window."""
    energy = singles.energy.astype(np.float32) * np.float32(1000)
    return (energy >= setting.energies[0]) & (energy <= setting.energies[1])


def candidates(setting: Setting, singles: Singles) -> Candidates:
    """Return the candidates of all singles in the energy window."""
    rows = np.flatnonzero(usable(setting, singles))
    # Files lie further apart than any window.
    time = singles.tick[rows] * setting.detector.clock + singles.file[rows] * 1e15
    near, lag, pairs = np.arange(len(rows)), 0, []
    while len(near):
        lag += 1
        near = near[near + lag < len(rows)]
        near = near[time[near + lag] - time[near] <= setting.window]
        pairs.append((near, near + lag))
    first, second = (rows[np.concatenate(side)] for side in zip(*pairs, strict=True))
    return described(setting, singles, first, second)


def described(setting: Setting, singles: Singles, first: Array, second: Array) -> Candidates:
    p, q = singles.place[first], singles.place[second]
    dt = (singles.tick[second] - singles.tick[first]) * setting.detector.clock
    time = singles.begin[first] + singles.tick[first] * (setting.detector.clock * 1e-12)
    shift = displacement(setting, np.minimum(time, setting.seconds))
    if setting.beds == "files":
        shift = np.outer(singles.file[first] > 0, setting.jump)
    off, aside, delay = (np.full(len(first), np.inf) for _ in range(3))
    for centre in centres(setting):
        distance, along, expected = nearest_point(p, q, shift + centre)
        better = distance < off
        off[better], aside[better], delay[better] = distance[better], np.abs(along[better]), np.abs(dt - expected)[better]
    energy = np.minimum(singles.energy[first], singles.energy[second])
    return Candidates(first, second, singles.decay[first] == singles.decay[second], np.abs(dt), delay, off, aside, np.abs(p[:, 2] - q[:, 2]), 511 - 1000 * energy)


def centres(setting: Setting) -> Array:
    """Return the centres of the objects at the start."""
    if setting.centres:
        return np.array(setting.centres)
    weight = [source.weight for source in setting.sources]
    return np.average([source.centre for source in setting.sources], axis=0, weights=weight)[None]


def nearest_point(p: Array, q: Array, centre: Array) -> tuple[Array, Array, Array]:
    """Return a line's distance from a centre across the axis, the nearest point's along it, and the dt of light from there, ps."""
    across = (q - p)[:, :2]
    length = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    to_centre = (centre - p)[:, :2]
    share = np.clip((to_centre * across).sum(1) / length**2, 0, 1)
    distance = np.abs(across[:, 0] * to_centre[:, 1] - across[:, 1] * to_centre[:, 0]) / length
    along = p[:, 2] + share * (q - p)[:, 2] - centre[:, 2]
    return distance, along, (1 - 2 * share) * np.linalg.norm(q - p, axis=1) / LIGHT * 1000


def targets_of(found: Candidates) -> int:
    return int(found.true.sum())


def taken(found: Candidates, gate: Gate) -> Array:
    """Return which candidates a gate takes."""
    passed = np.ones(len(found), bool)
    for name, most in zip(CUTS, gate.cuts, strict=True):
        if np.isfinite(most):
            passed &= vars(found)[name] <= most
    rows = np.flatnonzero(passed)
    if gate.choice != "all":
        rows = rows[chosen(found.take(rows), gate)]
    result = np.zeros(len(found), bool)
    result[rows] = True
    return result


def chosen(found: Candidates, gate: Gate) -> Array:
    """Return which candidates are left where some share a single."""
    n = int(max(found.first.max(initial=0), found.second.max(initial=0))) + 1
    if gate.choice == "single":
        uses = np.bincount(found.first, minlength=n) + np.bincount(found.second, minlength=n)
        return (uses[found.first] == 1) & (uses[found.second] == 1)
    scale = dict(zip(CUTS, gate.cuts, strict=True))
    time = found.late if np.isfinite(scale["late"]) else found.delay
    spread = [np.median(values[found.true]) + 1e-9 if found.true.any() else 1.0 for values in (time, found.off)]
    measure = {"nearest in time": time / spread[0], "nearest to centre": found.off / spread[1],
               "nearest in both": (time / spread[0]) ** 2 + (found.off / spread[1]) ** 2}[gate.choice]
    return best_first(found.first, found.second, np.argsort(measure, kind="stable"), n)


@njit(cache=True)
def best_first(first: Array, second: Array, order: Array, n: int) -> Array:
    """Return which pairs are taken if they come in an order and each single once."""
    used, result = np.zeros(n, np.bool_), np.zeros(len(first), np.bool_)
    for k in order:
        if not used[first[k]] and not used[second[k]]:
            used[first[k]] = used[second[k]] = result[k] = True
    return result


def f1(found: Candidates, which: Array, targets: int) -> float:
    return 2 * int((which & found.true).sum()) / max(int(which.sum()) + targets, 1)


def tuned_window(found: Candidates) -> Gate:
    """Return the best window and choice."""
    return tuned(found, ("late",), ("all", "single", "nearest in time"))


def tuned_gate(found: Candidates) -> Gate:
    """Return the best cuts and choice, with the window on the time as measured or on that from the centre."""
    found = found.take(np.arange(min(len(found), MOST)))
    gates = [tuned(found, (time, "off", "aside", "steep", "weak"), CHOICES) for time in ("late", "delay")]
    targets = targets_of(found)
    return max(gates, key=lambda gate: f1(found, taken(found, gate), targets))


def tuned(found: Candidates, names: tuple[str, ...], choices: tuple[str, ...]) -> Gate:
    """Return the gate of the largest F1, one cut after the other, some rounds long."""
    targets = targets_of(found)
    steps = {name: np.unique(np.quantile(vars(found)[name][found.true], SHARES)) for name in names}
    # What no true pair has needs no look again and again.
    found = found.take(taken(found, with_cuts({name: of[-1] for name, of in steps.items()})))
    value: Callable[[Gate], float] = lambda gate: f1(found, taken(found, gate), targets)  # noqa: E731
    best = Gate(with_cuts({name: of[-1] for name, of in steps.items()}).cuts, choices[-1])
    for _ in range(ROUNDS):
        before = best
        for name in names:
            k = CUTS.index(name)
            best = max((replace(best, cuts=(*best.cuts[:k], float(step), *best.cuts[k + 1 :])) for step in steps[name]), key=value)
        best = max((replace(best, choice=choice) for choice in choices), key=value)
        if best == before:
            break
    return best


def with_cuts(most: dict[str, float]) -> Gate:
    return Gate(tuple(float(most.get(name, np.inf)) for name in CUTS))
