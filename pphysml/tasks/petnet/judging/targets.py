"""The coincidences that an engine could find, and which of them the reported pairs are.

A target is an event with at least one target pair: two own singles of one slice, inside the energy
window and no further apart than the coincidence window, of different photons of one annihilation
(of one event, where photons are not told), scattered in the object or not. A photon that scatters
between crystals gives several such pairs but one target: the target is found if at least one of
its pairs is reported. Every further one is as false as a random pair, since it would enter the
image twice. So an engine that reports one pair for every target, and no more, has F1 = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array
from .classes import PairClass, pair_classes
from .options import Options
from .truth import Truth


@dataclass(frozen=True)
class Targets:
    """T targets of a chunk, in the order of clusters and, in a cluster, of their first single.

    Attributes:
        first, second: singles of the pair that stands for the target in spectra and images, the
            first one unscattered in the object if there is any, (T,).
        cluster: (T,).
        unscattered: one of its pairs is not scattered in the object, (T,).
        of_single: target of each single that is in one of its pairs, -1 for none, (N,).
    """

    first: Array
    second: Array
    cluster: Array
    unscattered: Array
    of_single: Array

    def __len__(self) -> int:
        return len(self.cluster)


@dataclass(frozen=True)
class Verdict:
    """What became of P reported pairs and T targets.

    Attributes:
        kind: class of each pair, (P,).
        target: target of which the pair is one, -1 for none, (P,).
        right: the pair is the first reported of its target, (P,).
        found: a pair of the target was reported, (T,).
        found_unscattered: one that is not scattered in the object was, (T,).
        hits: singles of the target's pairs that are in any reported pair, two at most, (T,).
    """

    kind: Array
    target: Array
    right: Array
    found: Array
    found_unscattered: Array
    hits: Array


def find_targets(truth: Truth, options: Options) -> Targets:
    """Return the targets."""
    first, second = _same_event(truth, options.window)
    kind = pair_classes(truth, first, second)
    good = kind <= PairClass.SCATTERED
    first, second, kind = first[good], second[good], kind[good]
    # In a cluster an event is known by its key; the pair that comes first in this order stands for it.
    order = np.lexsort((second, first, kind, truth.key[first], truth.cluster[first]))
    first, second, kind = first[order], second[order], kind[order]
    new = np.ones(len(order), bool)
    new[1:] = (truth.key[first[1:]] != truth.key[first[:-1]]) | (truth.cluster[first[1:]] != truth.cluster[first[:-1]])
    return _in_order(truth, first, second, kind, np.cumsum(new) - 1, np.flatnonzero(new))


def judge(truth: Truth, targets: Targets, first: Array, second: Array, options: Options) -> Verdict:
    """Return what prompt pairs are; their order does not matter but for which of one target is `right`.

    Raises:
        ValueError: a pair of one single with itself, of two slices or with a lent single.
    """
    if not (truth.owned[first] & truth.owned[second] & (first != second) & (truth.row[first] == truth.row[second])).all():
        raise ValueError("a prompt pair must be of two own singles of one slice")
    kind = pair_classes(truth, first, second)
    allowed = truth.used[first] & truth.used[second] & truth.within(first, second, options.window)
    target = np.where(allowed & (kind <= PairClass.SCATTERED), targets.of_single[first], -1)
    reported = np.zeros(len(truth.row), bool)
    reported[first] = reported[second] = True
    n = len(targets)
    of_target = targets.of_single[reported & (targets.of_single >= 0)]
    return Verdict(
        kind, target, _first_of_each(target, first, second), np.bincount(target[target >= 0], minlength=n) > 0,
        np.bincount(target[(target >= 0) & (kind == PairClass.TRUE)], minlength=n) > 0,
        np.minimum(np.bincount(of_target, minlength=n), 2),
    )


def _same_event(truth: Truth, window: float) -> tuple[Array, Array]:
    """Return all pairs of used singles of one event within the window."""
    usable = np.flatnonzero(truth.used & (truth.key >= 0))
    # Stable, so that singles of an event stay in order of time.
    single = usable[np.lexsort((usable, truth.key[usable], truth.cluster[usable]))]
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    a, lag = single, 0
    position = np.arange(len(single))
    while len(a):
        lag += 1
        position = position[position + lag < len(single)]
        a, b = single[position], single[position + lag]
        kept = (truth.key[a] == truth.key[b]) & (truth.cluster[a] == truth.cluster[b]) & truth.within(a, b, window)
        a, position = a[kept], position[kept]
        firsts.append(a)
        seconds.append(b[kept])
    return np.concatenate(firsts), np.concatenate(seconds)


def _in_order(truth: Truth, first: Array, second: Array, kind: Array, target: Array, start: Array) -> Targets:
    """Number the targets by the first single of their representative pair."""
    order = np.lexsort((first[start], truth.cluster[first[start]]))
    number = np.empty(len(start), np.int64)
    number[order] = np.arange(len(start))
    of_single = np.full(len(truth.row), -1, dtype=np.int64)
    of_single[first] = of_single[second] = number[target]
    start = start[order]
    return Targets(first[start], second[start], truth.cluster[first[start]], kind[start] == PairClass.TRUE, of_single)


def _first_of_each(target: Array, first: Array, second: Array) -> Array:
    order = np.lexsort((second, first, target))
    right = np.zeros(len(target), bool)
    right[order] = (target[order] >= 0) & np.concatenate([np.ones(min(len(order), 1), bool), np.diff(target[order]) != 0])
    return right
