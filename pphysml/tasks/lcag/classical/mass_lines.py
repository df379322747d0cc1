"""The masses of nodes in examples with truth, and the resolution with which they are measured.

True nodes of one kind make a line in the spectrum of invariant masses. For each resolution that is
tried, lines are taken one after the other, the clearest above its surroundings first; the resolution
is the one for which lines and an even continuum together are most likely (with the penalty of
G. Schwarz, Ann. Statist. 6 (1978) 461, for each line).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, length, ragged, slice_rows, take
from ..output.columns import node_momenta
from ..trees.matrices import matrix_to_parent
from ..trees.validity import is_valid_ragged
from ..trees.validity_rules import ValidityRules

Floats = NDArray[np.float64]

ENOUGH = 5000
"""Events that are looked at."""

WIDTHS = np.geomspace(1e-4, 0.05, 12)
FINER = np.geomspace(0.6, 1.7, 7)
FLOOR = 1e-4
"""Smallest resolution, GeV."""

INSIDE, BESIDE, BEYOND = 1.5, 4.0, 12.0
"""Resolutions from a line's middle: nodes that show it; where it has ended; up to where its surroundings are counted."""

FEWEST, LEAST_SHARE = 8, 0.002
"""Nodes of a line, and their share of all."""

CLEAR = 5.0
"""Standard deviations of a line above its surroundings."""

MOST = 64
"""Lines."""

SHOULDER = 0.1
"""Share of a line's nodes below which what is clear beside it is its tail, of wrong hypotheses say, and no line."""


class MassLines(NamedTuple):
    """Masses that trees are made of.

    Attributes:
        masses: of nodes below the root, GeV, (K,), ascending.
        root: mass of most roots, GeV.
        width: relative resolution of a leaf's momentum.
    """

    masses: Floats
    root: float
    width: float


def find_mass_lines(examples: Columns, rules: ValidityRules) -> MassLines | None:
    """Return the lines in the spectra of the true nodes of `p4` and `lcag`; None if roots make none."""
    inner, roots = (_sorted(nodes) for nodes in _nodes(examples, rules))
    if len(roots) < FEWEST:
        return None
    best = max(WIDTHS, key=lambda width: _likelihood(inner, roots, width))
    width = float(max(best * FINER, key=lambda width: _likelihood(inner, roots, width)))
    lines = _lines(roots, _resolution(roots, width))
    if not len(lines.middle):
        return None
    masses = _lines(inner, _resolution(inner, width)).middle
    root = float(lines.middle[np.argmax(lines.share)])
    return MassLines(np.sort(masses), root, width)


class _Lines(NamedTuple):
    """Middles of lines, and the share of nodes in each."""

    middle: Floats
    share: Floats


def _nodes(examples: Columns, rules: ValidityRules) -> tuple[Floats, Floats]:
    """Return mass and its resolution for momenta of relative resolution 1, (nodes, 2), of nodes below roots and of roots."""
    examples = slice_rows(examples, 0, ENOUGH)
    counts = ragged(examples, "p4").counts
    valid = (counts >= 2) & is_valid_ragged(ragged(examples, "lcag"), counts, rules)
    examples = take(examples, valid)
    if not length(examples):
        return np.zeros((0, 2)), np.zeros((0, 2))
    p4, n = ragged(examples, "p4"), counts[valid]
    parent, level = matrix_to_parent(ragged(examples, "lcag"), n)
    total = node_momenta(p4.flat, p4.offsets, parent.flat, parent.offsets)
    start = np.repeat(parent.offsets[:-1], parent.counts)
    above = np.where(parent.flat >= 0, parent.flat + start, -1)
    leaf = np.flatnonzero(np.arange(len(above)) - start < np.repeat(n, parent.counts))
    mass = np.sqrt(np.maximum(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(1), FLOOR**2))
    spread = np.sqrt(_spread(p4.flat.astype(np.float64), total, above, leaf)) / mass
    nodes, inner = np.column_stack([mass, spread]), level.flat > 0
    return nodes[inner & (above >= 0)], nodes[inner & (above < 0)]


def _spread(p4: Floats, total: Floats, above: Array, leaf: Array) -> Floats:
    """Return the square of m dm of every node, of momenta of relative resolution 1; see `mass_scores`."""
    squares = np.zeros(len(total))
    at, momentum = above[leaf], p4
    while len(momentum):
        inside = at >= 0
        at, momentum = at[inside], momentum[inside]
        square = (momentum[:, :3] ** 2).sum(1)
        energy = np.maximum(momentum[:, 3], FLOOR)
        change = square / energy * total[at, 3] - (momentum[:, :3] * total[at, :3]).sum(1)
        np.add.at(squares, at, change**2)
        at = above[at]
    return squares


def _sorted(nodes: Floats) -> Floats:
    return nodes[np.argsort(nodes[:, 0], kind="stable")]


def _resolution(nodes: Floats, width: float) -> Floats:
    return np.hypot(width * nodes[:, 1], FLOOR)


def _lines(nodes: Floats, resolution: Floats) -> _Lines:
    """Return the lines of nodes in ascending order of their masses."""
    mass, left = nodes[:, 0], np.ones(len(nodes), dtype=bool)
    edges = {reach: [np.searchsorted(mass, mass + sign * reach * resolution) for sign in (-1, 1)]
             for reach in (INSIDE, BESIDE, BEYOND)}
    middles: list[float] = []
    shares: list[float] = []
    for _ in range(MOST):
        sums = np.concatenate([[0], np.cumsum(left)])
        inside, beside, beyond = (sums[high] - sums[low] for low, high in edges.values())
        # What is taken leaves no surroundings, so that these are counted on the sides where there are any.
        around = (beyond - beside) * INSIDE / (BEYOND - BESIDE)
        clear = np.where(left & (inside >= max(FEWEST, LEAST_SHARE * len(mass))), (inside - around) / np.sqrt(around + 1.0), 0.0)
        best = int(np.argmax(clear)) if len(clear) else 0
        if not len(clear) or clear[best] < CLEAR:
            break
        low, high = (edge[best] for edge in edges[INSIDE])
        middle = float(np.median(mass[low:high][left[low:high]]))
        own = left & (np.abs(mass - middle) < BESIDE * resolution)
        left &= ~own
        share, reach = float(own.mean()), BEYOND * resolution[best]
        if all(abs(middle - other) > reach or share > SHOULDER * larger for other, larger in zip(middles, shares, strict=True)):
            middles.append(middle)
            shares.append(share)
    return _Lines(np.array(middles), np.array(shares))


def _likelihood(inner: Floats, roots: Floats, width: float) -> float:
    """Return the logarithm of the likelihood of all nodes, less the penalty of the lines."""
    return sum(_of_spectrum(nodes, _resolution(nodes, width)) for nodes in (inner, roots) if len(nodes))


def _of_spectrum(nodes: Floats, resolution: Floats) -> float:
    mass, lines = nodes[:, 0], _lines(nodes, resolution)
    n = len(mass)
    density = np.full(n, max(1.0 - lines.share.sum(), 1.0 / n) / max(np.ptp(mass), resolution.max()))
    for middle, share in zip(*lines, strict=True):
        density += share * np.exp(-0.5 * ((mass - middle) / resolution) ** 2) / (np.sqrt(2.0 * np.pi) * resolution)
    return float(np.log(density).sum() - len(lines.middle) * np.log(n))
