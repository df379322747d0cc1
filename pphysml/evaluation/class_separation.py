"""How well the probabilities of several classes part any two of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from .influence import Estimate, interval
from .roc import Roc, area, roc
from .uncertainty import Interval


def pair_curve(
    probabilities: ArrayLike, label: ArrayLike, signal: int, background: int,
    weights: ArrayLike | None = None, event: ArrayLike | None = None,
) -> Roc:
    """Return the ROC curve of p_s / (p_s + p_b) for the jets of two classes alone.

    It orders jets as the likelihood ratio of the two classes does, whatever the others are.

    Args:
        probabilities: of each class, shape (n, classes).
        label: number of the true class, (n,).
        signal, background: numbers of the two classes.
        weights, event: as for `roc`.
    """
    p, y = np.asarray(probabilities, float), np.asarray(label)
    chosen = (y == signal) | (y == background)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = p[chosen, signal] / (p[chosen, signal] + p[chosen, background])
    # Where neither class has a probability nothing is known of which it is.
    score = np.where(np.isnan(score), 0.5, score)
    of_chosen = [None if x is None else np.asarray(x)[chosen] for x in (weights, event)]
    return roc(score, y[chosen] == signal, *of_chosen)


def pairwise_auc(
    probabilities: ArrayLike, label: ArrayLike, classes: Sequence[str],
    weights: ArrayLike | None = None, event: ArrayLike | None = None,
) -> tuple[dict[tuple[str, str], Interval], Interval]:
    """Return the area under the ROC curve for each pair of classes, and the mean over pairs.

    Every pair counts alike in the mean, whatever the numbers of its jets (D. J. Hand, R. J. Till, Machine
    Learning 45 (2001) 171; with the likelihood ratio of the pair in place of one probability).

    Args:
        classes: their names, in the order of the probabilities; those without jets are left out.
    """
    y = np.asarray(label)
    there = [c for c in range(len(classes)) if (y == c).any()]
    pairs = list(combinations(there, 2))
    if not pairs:
        raise ValueError("jets of two classes or more are needed to part them")
    found, influence, values = {}, np.zeros(len(y)), []
    for a, b in pairs:
        curve = pair_curve(probabilities, label, a, b, weights, event)
        one = area(curve)
        found[classes[a], classes[b]] = interval(one, curve.event)
        influence[(y == a) | (y == b)] += one.influence / len(pairs)
        values.append(one.value)
    return found, interval(Estimate(float(np.mean(values)), influence), event)
