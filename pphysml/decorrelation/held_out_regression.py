"""Least-squares regression on splines, with as many pieces as held-out jets approve of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pieces import Pieces
from .spline_basis import Floats, SplineBasis, SplineFunctions

FOLDS = 5
"""Parts of the jets; each is held out once."""

IN_A_ROW = 16
"""Jets that stay together in a part, since those of one event follow each other."""

FINEST = (9, 9, 7)
"""Fineness of one coordinate, where there are one, two or three: 64, 64 or 32 pieces."""

DEGREES = (3, 3, 2)
"""Of the pieces, where there are one, two or three coordinates."""

FEW_VALUES = 100
"""Different values of a coordinate up to which their number counts, and not that of jets."""

Fineness = tuple[int, ...]
"""Of each coordinate; see `HeldOutRegression`."""

MOST_SPLINES = 1000
JETS_PER_SPLINE = 20

NEAR, MOST_SPLINES_AHEAD = 2, 300
"""By how much finer a coordinate is tried first, and splines up to which it is tried finer still."""

REPEATS = 3
"""Solutions on what the ones before have left, by which the penalty is felt only where there are no jets."""


@dataclass(frozen=True)
class Target:
    """What is regressed: the value of each jet, in one column or in the columns from one on.

    Attributes:
        column: of each jet, int64 (n,).
        value: (n,).
        columns: how many; a jet counts in its own.
        importance: of the columns in the choice of pieces, (columns,).
        cumulative: whether a jet counts in all columns from its own on.
    """

    column: NDArray[np.int64]
    value: Floats
    columns: int
    importance: Floats
    cumulative: bool = False

    @classmethod
    def mean(cls, value: Floats) -> Target:
        """Return the target of the mean of a value given the coordinates."""
        return cls(np.zeros(len(value), dtype=np.int64), value, 1, np.ones(1))

    @classmethod
    def below(cls, value: Floats, levels: Floats) -> Target:
        """Return the target of the probabilities that a value is not above each level; tails count like the middle."""
        column = np.searchsorted(levels, value, side="left")
        share = (np.cumsum(np.bincount(column, minlength=len(levels) + 1)) / len(value))[:-1]
        importance = 1 / np.maximum(share * (1 - share), 1 / len(value))
        return cls(column, np.ones(len(value)), len(levels), importance, cumulative=True)


class HeldOutRegression:
    """Regressions of several targets on the same jets.

    The fineness of a coordinate is 0 for constants, 1 for lines, 2 for parabolas and so on up to a degree, and then one
    more for each time that the pieces are halved.

    Args:
        coordinates: (n, k).
        weight: of either sign, (n,).
        score: pieces lie close together where its distribution changes, (n,).
    """

    def __init__(self, coordinates: Floats, weight: Floats, score: Floats) -> None:
        self.coordinates, self.weight = coordinates, weight
        self._pieces = [Pieces.of(column, score) for column in coordinates.T]
        self._values = [np.unique(column) for column in coordinates.T]
        self._degree = DEGREES[len(self._values) - 1]
        self._fold = np.arange(len(coordinates)) // IN_A_ROW % FOLDS
        self._equations: dict[Fineness, list[_Equations]] = {}
        # As much as the weight of one jet; more where weights of either sign cancel.
        self._penalty = float((weight**2).sum() / weight.sum())

    def fit(self, target: Target, bands: int = 1) -> list[SplineFunctions]:
        """Return the regressions of bands of columns, each of the fineness that predicts held-out jets best."""
        sums: dict[Fineness, Floats] = {}
        return [self._search(target, columns, sums) for columns in np.array_split(np.arange(target.columns), bands)]

    def _search(self, target: Target, columns: NDArray[np.int64], sums: dict[Fineness, Floats]) -> SplineFunctions:
        """Return the regression of some columns.

        One coordinate after the other is made finer, that which gains most; two at once where one gains nothing, or
        more: what changes in a short range alone is seen by none that are coarse.
        """
        def fitted(fineness: Fineness) -> tuple[float, SplineFunctions]:
            if fineness not in sums:
                sums[fineness] = self._sums(fineness, target)
            return self._solved(fineness, sums[fineness][:, :, columns], target.importance[columns])

        fineness = (0,) * len(self._values)
        best, functions = fitted(fineness)
        while True:
            for more in range(1, FINEST[len(fineness) - 1] + 1):
                tried = {finer: fitted(finer) for finer in self._finer(fineness, more)}
                found = min(tried, key=lambda f: tried[f][0], default=fineness)
                if tried and tried[found][0] < best:
                    break
            else:
                return functions
            fineness, (best, functions) = found, tried[found]

    def _breaks(self, axis: int, fineness: int) -> Floats:
        """Return the ends of the pieces of a coordinate, by jets and by changes of the score, or by values if these are few."""
        values, pieces = self._values[axis], 2 ** max(fineness - self._degree, 0)
        few = len(values) <= FEW_VALUES
        breaks = np.unique(np.quantile(values, np.linspace(0, 1, pieces + 1))) if few else self._pieces[axis].breaks(pieces)
        return breaks if len(breaks) > 1 else np.append(breaks, np.nextafter(breaks, np.inf))

    def _basis(self, fineness: Fineness) -> SplineBasis:
        breaks = tuple(self._breaks(axis, f) for axis, f in enumerate(fineness))
        return SplineBasis(breaks, tuple(min(f, self._degree) for f in fineness))

    def _finer(self, fineness: Fineness, more: int) -> Iterator[Fineness]:
        """Give what to try next: one coordinate finer."""
        for axis, f in enumerate(fineness):
            finer = (*fineness[:axis], f + more, *fineness[axis + 1:])
            most = MOST_SPLINES if more <= NEAR else MOST_SPLINES_AHEAD
            if f + more <= FINEST[len(fineness) - 1] and self._affordable(self._basis(finer).shape, most):
                yield finer

    def _affordable(self, shape: tuple[int, ...], most: int) -> bool:
        """Return whether there are values and jets for so many splines."""
        enough = all(n <= len(values) for n, values in zip(shape, self._values, strict=True))
        return enough and int(np.prod(shape)) <= min(most, len(self.weight) / JETS_PER_SPLINE)

    def _sums(self, fineness: Fineness, target: Target) -> Floats:
        """Return the sums of a target over the jets of each fold, (folds, splines, columns)."""
        columns = target.columns + target.cumulative
        sums = self._basis(fineness).sums(self.coordinates, self.weight * target.value, self._fold, FOLDS, target.column, columns)
        return np.cumsum(sums, axis=2)[:, :, :-1] if target.cumulative else sums

    def _solved(self, fineness: Fineness, sums: Floats, importance: Floats) -> tuple[float, SplineFunctions]:
        """Return the squared error on held-out jets, less what all share, and the regression on all jets."""
        basis = self._basis(fineness)
        if fineness not in self._equations:
            grams = basis.gram(self.coordinates, self.weight, self._fold, FOLDS)
            penalty = self._penalty * basis.differences()
            self._equations[fineness] = [_Equations(gram, penalty) for gram in (*(grams.sum(0) - grams), grams.sum(0))]
        *without, whole = self._equations[fineness]
        error = 0.0
        for others, own in zip(without, sums, strict=True):
            found = others.solve(sums.sum(0) - own)
            error += float((found * ((whole.gram - others.gram) @ found - 2 * own)).sum(0) @ importance)
        return error, SplineFunctions(basis, whole.solve(sums.sum(0)))


class _Equations:
    """Those of least squares; the penalty decides only what no jet does.

    Args:
        gram, penalty: (splines, splines).
    """

    def __init__(self, gram: Floats, penalty: Floats) -> None:
        self.gram = gram
        self.inverse = np.linalg.inv(gram + penalty + 1e-12 * np.trace(gram) / len(gram) * np.eye(len(gram)))

    def solve(self, sums: Floats) -> Floats:
        """Return the coefficients for sums over jets, (splines, columns)."""
        found: Floats = self.inverse @ sums
        for _ in range(REPEATS - 1):
            found = found + self.inverse @ (sums - self.gram @ found)
        return found
