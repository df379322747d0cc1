"""Products of B-splines over one to three coordinates, and the sums over jets that a least-squares fit with them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_DEGREE = 3


@dataclass(frozen=True)
class SplineBasis:
    """B-splines of each coordinate, and all products of them.

    Attributes:
        breaks: where the pieces of each coordinate meet, with both ends, increasing.
        degrees: of the pieces of each coordinate, up to 3.
    """

    breaks: tuple[Floats, ...]
    degrees: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of splines of each coordinate."""
        return tuple(len(b) - 1 + d for b, d in zip(self.breaks, self.degrees, strict=True))

    @cached_property
    def packed(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Knots of each coordinate in rows of one array, degrees, and numbers of splines, for `splines_at`."""
        rows = [np.concatenate([[b[0]] * d, b, [b[-1]] * d]) for b, d in zip(self.breaks, self.degrees, strict=True)]
        knots = np.zeros((len(rows), max(map(len, rows))))
        for k, row in enumerate(rows):
            knots[k, : len(row)] = row
        return knots, np.array(self.degrees), np.array(self.shape)

    @property
    def nodes(self) -> tuple[Floats, ...]:
        """Points of each coordinate at which values determine the coefficients, one for each spline (T. Greville)."""
        knots, degrees, shape = self.packed
        return tuple(np.array([row[i + 1: i + d + 1].mean() if d else row[i: i + 2].mean() for i in range(n)])
                     for row, d, n in zip(knots, degrees, shape, strict=True))

    def gram(self, coordinates: Floats, weight: Floats, fold: NDArray[np.int64], folds: int) -> Floats:
        """Return sum_j w_j f_a(c_j) f_b(c_j) over the jets of each fold, (folds, splines, splines)."""
        sums = np.zeros((folds, int(np.prod(self.shape)), int(np.prod(self.shape))))
        _add_products(coordinates, *self.packed, weight, fold, sums)
        return sums + np.triu(sums, 1).transpose(0, 2, 1)

    def sums(self, coordinates: Floats, weight: Floats, fold: NDArray[np.int64], folds: int,
             column: NDArray[np.int64], columns: int) -> Floats:
        """Return sum_j w_j f_a(c_j) over the jets of each fold and column, (folds, splines, columns)."""
        sums = np.zeros((folds, int(np.prod(self.shape)), columns))
        _add_to_columns(coordinates, *self.packed, weight, fold, column, sums)
        return sums

    def values(self, coordinates: Floats, coefficients: Floats) -> Floats:
        """Return the functions with these coefficients, (splines, columns), at points (n, k): (n, columns)."""
        values = np.zeros((len(coordinates), coefficients.shape[1]))
        _evaluate(coordinates, *self.packed, np.ascontiguousarray(coefficients), values)
        return values

    def differences(self) -> Floats:
        """Return the matrix D^T D of differences between splines that are neighbours in a coordinate."""
        number = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        total = np.zeros((number.size, number.size))
        for axis in range(number.ndim):
            first, second = (np.take(number, range(*ends), axis).ravel()
                             for ends in ((number.shape[axis] - 1,), (1, number.shape[axis])))
            for a, b, sign in ((first, first, 1), (second, second, 1), (first, second, -1), (second, first, -1)):
                np.add.at(total, (a, b), sign)
        return total


@dataclass(frozen=True)
class SplineFunctions:
    """Functions of the coordinates.

    Attributes:
        basis: splines.
        coefficients: (splines, columns).
    """

    basis: SplineBasis
    coefficients: Floats

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], name: str) -> SplineFunctions:
        """Return the functions that `arrays` has given."""
        degrees = arrays[f"{name}_degrees"]
        breaks = tuple(np.asarray(arrays[f"{name}_breaks_{k}"], np.float64) for k in range(len(degrees)))
        return cls(SplineBasis(breaks, tuple(int(d) for d in degrees)), np.asarray(arrays[f"{name}_coefficients"], np.float64))

    def check(self, coordinates: int, columns: int) -> None:
        """Refuse what was stored and is no such functions of so many coordinates.

        Raises:
            ValueError: it is not.
        """
        breaks, degrees = self.basis.breaks, self.basis.degrees
        if len(breaks) != coordinates or any(not 0 <= degree <= MOST_DEGREE for degree in degrees):
            raise ValueError("stored splines are of other coordinates or degrees")
        if any(b.ndim != 1 or len(b) < 2 or not np.isfinite(b).all() or not (np.diff(b) > 0).all() for b in breaks):
            raise ValueError("pieces of stored splines do not follow one another")
        if self.coefficients.shape != (int(np.prod(self.basis.shape)), columns) or not np.isfinite(self.coefficients).all():
            raise ValueError("coefficients of stored splines have another shape, or are not finite")

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return all that is to be stored, under keys that begin with a name."""
        breaks = {f"{name}_breaks_{k}": b for k, b in enumerate(self.basis.breaks)}
        return {f"{name}_degrees": np.array(self.basis.degrees), f"{name}_coefficients": self.coefficients, **breaks}

    def __call__(self, coordinates: Floats) -> Floats:
        """Return the functions at points (n, k): (n, columns)."""
        return self.basis.values(coordinates, self.coefficients)

    def on(self, basis: SplineBasis) -> SplineFunctions:
        """Return the same functions by splines that are finer in each coordinate, and include these."""
        nodes = np.stack(np.meshgrid(*basis.nodes, indexing="ij"), -1).reshape(-1, len(basis.breaks))
        values = self(nodes).reshape(*basis.shape, -1)
        for axis in range(len(basis.breaks)):
            one = SplineBasis((basis.breaks[axis],), (basis.degrees[axis],))
            matrix = one.values(basis.nodes[axis][:, None], np.eye(one.shape[0]))
            values = np.moveaxis(np.tensordot(np.linalg.inv(matrix), values, (1, axis)), 0, axis)
        return SplineFunctions(basis, np.ascontiguousarray(values.reshape(len(nodes), -1)))


@njit(cache=True, nogil=True)
def splines_at(point: Floats, knots: Floats, degrees: NDArray[np.int64], shape: NDArray[np.int64],
                one: Floats, number: NDArray[np.int64], value: Floats) -> int:
    """Fill in the splines that are not 0 at a point, numbers and values; return how many there are.

    The recursion of Cox and de Boor, from the pieces of degree 0 upwards (C. de Boor, A Practical Guide to Splines).
    """
    count = 1
    number[0], value[0] = 0, 1.0
    for k in range(len(point)):
        d, t, x = degrees[k], knots[k], point[k]
        low, high = d, shape[k] - 1  # the piece between knots i and i + 1
        while low < high:
            middle = (low + high + 1) // 2
            if t[middle] <= x:
                low = middle
            else:
                high = middle - 1
        one[0] = 1.0
        for degree in range(1, d + 1):
            carried = 0.0
            for r in range(degree):
                right, left = t[low + r + 1], t[low + r + 1 - degree]
                share = one[r] / (right - left)
                one[r] = carried + (right - x) * share
                carried = (x - left) * share
            one[degree] = carried
        # From the last to the first, since the products take the place of the factors.
        for have in range(count - 1, -1, -1):
            factor, row = value[have], number[have] * shape[k] + low - d
            for r in range(d, -1, -1):
                number[have * (d + 1) + r] = row + r
                value[have * (d + 1) + r] = factor * one[r]
        count *= d + 1
    return count


@njit(cache=True, nogil=True)
def space(degrees: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Return the work space of `splines_at`."""
    most = 1
    for d in degrees:
        most *= d + 1
    return np.empty(MOST_DEGREE + 1), np.empty(most, dtype=np.int64), np.empty(most)


@njit(cache=True, nogil=True)
def _add_products(coordinates: Floats, knots: Floats, degrees: NDArray[np.int64], shape: NDArray[np.int64],
                  weight: Floats, fold: NDArray[np.int64], sums: Floats) -> None:
    """Add to the upper half of the products of splines."""
    one, number, value = space(degrees)
    for j in range(len(coordinates)):
        count = splines_at(coordinates[j], knots, degrees, shape, one, number, value)
        into = sums[fold[j]]
        for a in range(count):
            factor = weight[j] * value[a]
            for b in range(a, count):
                into[number[a], number[b]] += factor * value[b]


@njit(cache=True, nogil=True)
def _add_to_columns(coordinates: Floats, knots: Floats, degrees: NDArray[np.int64], shape: NDArray[np.int64],
                    weight: Floats, fold: NDArray[np.int64], column: NDArray[np.int64], sums: Floats) -> None:
    """Add the splines of each jet to a column."""
    one, number, value = space(degrees)
    for j in range(len(coordinates)):
        count = splines_at(coordinates[j], knots, degrees, shape, one, number, value)
        for a in range(count):
            sums[fold[j], number[a], column[j]] += weight[j] * value[a]


@njit(cache=True, nogil=True)
def _evaluate(coordinates: Floats, knots: Floats, degrees: NDArray[np.int64], shape: NDArray[np.int64],
              coefficients: Floats, values: Floats) -> None:
    one, number, value = space(degrees)
    for j in range(len(coordinates)):
        count = splines_at(coordinates[j], knots, degrees, shape, one, number, value)
        for a in range(count):
            for c in range(coefficients.shape[1]):
                values[j, c] += value[a] * coefficients[number[a], c]
