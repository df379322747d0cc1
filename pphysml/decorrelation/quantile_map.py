"""The map of a score to its conditional distribution function, which is the same at all masses.

F(s | mass[, pT[, resonance mass]]) of background jets is uniform on [0, 1] at every point of the coordinates. The
score is put into the form x whose distribution over all jets is normal. Less its mean given the coordinates, and divided by
its width given them, it depends on them little more; what is left is the distribution function itself, step by step:

    F(s | c) = G((x(s) - mean(c)) / width(c) | c)

All are splines in c, so that the map is smooth, and G increases with s. Each is a least-squares fit whose fineness held-out jets
choose (`held_out_regression`). By it the jets below a step are, weighted by each spline, as many as G says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from .held_out_regression import HeldOutRegression, Target
from .quantile_kernel import Form, normal_forms, probabilities
from .spline_basis import Floats, SplineBasis, SplineFunctions

STEPS, BANDS = 128, 8
"""Of the distribution function; each band of steps has a fineness of its own."""

POINTS = 1025
"""Of the table of the normal form."""

TAIL_JETS = 5
"""Jets beyond the outermost steps, and beyond either end of a coordinate."""

FEWEST_JETS = 100

OF_ALL = 1e-4
"""Share of the distribution of all jets in that of a point, by which it increases everywhere."""

LONG_TAIL = 8.0
"""Range of a coordinate in units of the distance of its quartiles, beyond which it is scaled."""

NEARLY_DETERMINED, DETERMINED = 0.1, 1e-3
"""Rests of a score, in units of its width: it is looked into, and the coordinates determine it."""

TINY = 1e-30
"""Keeps logarithms finite."""

FUNCTIONS, ARRAYS = ("location", "log_width", "below"), ("middle", "spread", "scores", "normals", "steps")
"""Names under which all is stored."""


@dataclass(frozen=True)
class QuantileMap:
    """The parts of F.

    Attributes:
        middle, spread: of each coordinate, (k,): splines are in arsinh((c - middle) / spread), in which tails
            are short, or in the coordinate itself where the spread is 0.
        form: table of the normal form.
        location, log_width: mean of the normal form, and the logarithm of its width, given the coordinates.
        steps: of the form less its mean, divided by its width, increasing, (steps,).
        below: probability to be below each step, given the coordinates.
        tolerance: distance from the mean up to which F is 0.5, where the coordinates determine the score.
    """

    middle: Floats
    spread: Floats
    form: Form
    location: SplineFunctions
    log_width: SplineFunctions
    steps: Floats
    below: SplineFunctions
    tolerance: float = 0.0

    @classmethod
    def fit(cls, score: NDArray[Any], coordinates: NDArray[Any], weight: NDArray[Any]) -> QuantileMap:
        """Return the map of background jets, which must not be those that are judged.

        The noise of the fit is what is left of the dependence: three times as many jets as are judged make it too small
        to be seen; with as many, cuts on every second fit sculpt 100 000 jets visibly (nine tests, corrected, p < 0.05).

        Args:
            score: in any monotone form, (n,).
            coordinates: 1 to 3 columns, (n, k), or (n,); best logarithms of masses and pT. The
                resonance mass of a parametrised network is drawn for background, best from all its range.
            weight: of either sign, (n,).

        Raises:
            ValueError: there are too few jets, numbers that are not finite, or no sum of weights.
        """
        given = np.asarray(score, np.float64), _columns(coordinates), np.asarray(weight, np.float64)
        _check(*given)
        s, c, w = _without_ends(*given)
        middle, spread = _scale(c)
        regression, bits = HeldOutRegression(_scaled(c, middle, spread), w / np.abs(w).mean(), s), c.view(np.uint64)
        form, location, rest = _location(regression, s, bits, _normal_form(s))
        tolerance = 0.0
        if rest.std() < NEARLY_DETERMINED:
            linear = _location(regression, s, bits, _linear_form(s))
            if np.abs(linear[2]).max() < DETERMINED:
                (form, location, rest), tolerance = linear, 2 * DETERMINED
        log_width, = regression.fit(Target.mean(np.log(np.abs(rest) + 1e-3 * rest.std() + TINY)))
        rest = rest * np.exp(-log_width(regression.coordinates)[:, 0])
        levels = _levels(len(s), STEPS)
        steps, last = np.unique(np.quantile(rest, levels)[::-1], return_index=True)
        below = _together(regression.fit(Target.below(rest, steps), BANDS))
        return cls(middle, spread, form, location, log_width, steps, _increasing(below, levels[::-1][last]), tolerance)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> QuantileMap:
        """Return the map that `arrays` has given.

        Raises:
            KeyError: one is missing.
            ValueError: they are none that `arrays` gives; the compiled evaluation relies on it.
        """
        location, log_width, below = (SplineFunctions.of(arrays, name) for name in FUNCTIONS)
        middle, spread, scores, normals, steps = (np.asarray(arrays[name], np.float64) for name in ARRAYS)
        _check_stored(middle, spread, scores, normals, steps)
        for functions, columns in ((location, 1), (log_width, 1), (below, len(steps))):
            functions.check(len(middle), columns)
        return cls(middle, spread, Form(scores, normals), location, log_width, steps, below, float(arrays["tolerance"]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is to be stored."""
        functions = zip(FUNCTIONS, (self.location, self.log_width, self.below), strict=True)
        stored = {key: array for name, function in functions for key, array in function.arrays(name).items()}
        arrays = (self.middle, self.spread, *self.form, self.steps)
        return {**stored, **dict(zip(ARRAYS, arrays, strict=True)), "tolerance": np.array(self.tolerance)}

    def __call__(self, score: NDArray[Any], coordinates: NDArray[Any]) -> Floats:
        """Return F(score | coordinates), (n,).

        Coordinates outside the range of the fit count as at its ends; NaN gives NaN.
        """
        s = np.ascontiguousarray(score, np.float64)
        points = _columns(coordinates)
        inside = np.ascontiguousarray(np.clip(_scaled(points, self.middle, self.spread), *self._ends))
        rest = np.empty(len(s))
        normal_forms(s, points.view(np.uint64), self.form, rest)
        rest -= self.location(inside)[:, 0]
        result = np.empty(len(s))
        probabilities(rest * np.exp(-self.log_width(inside)[:, 0]), inside, *self.below.basis.packed,
                      self.below.coefficients, self.steps, result)
        return np.where(np.abs(rest) <= self.tolerance, 0.5, result) if self.tolerance else result

    def outside(self, coordinates: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which jets lie outside the range of the fit in any coordinate, (n,)."""
        points, (low, high) = _scaled(_columns(coordinates), self.middle, self.spread), self._ends
        found: NDArray[np.bool_] = ((points < low) | (points > high)).any(1)
        return found

    @property
    def _ends(self) -> Floats:
        """Ends of the scaled coordinates, (2, k)."""
        return np.array([[b[0], b[-1]] for b in self.location.basis.breaks]).T


def _columns(coordinates: NDArray[Any]) -> Floats:
    """Return coordinates as (n, k) of double precision, in rows that lie in one piece."""
    columns = np.ascontiguousarray(coordinates, np.float64)
    return columns if columns.ndim > 1 else columns[:, None]


def _check(score: Floats, coordinates: Floats, weight: Floats) -> None:
    if len(score) < FEWEST_JETS:
        raise ValueError(f"{len(score)} jets are too few to fit quantiles: give at least {FEWEST_JETS}.")
    if not 1 <= coordinates.shape[1] <= 3:
        raise ValueError(f"Quantiles are fitted in 1 to 3 coordinates, not in {coordinates.shape[1]}.")
    if not (np.isfinite(score).all() and np.isfinite(coordinates).all() and np.isfinite(weight).all()):
        raise ValueError("A score, coordinate or weight of a jet is not finite: leave such jets out of the fit.")
    if weight.sum() <= 0:
        raise ValueError("The weights of the jets do not sum to more than 0.")


def _check_stored(middle: Floats, spread: Floats, scores: Floats, normals: Floats, steps: Floats) -> None:
    """Refuse arrays of other shapes, not finite, or tables that do not increase."""
    tables = scores.ndim == steps.ndim == 1 and min(len(scores), len(steps)) > 1 and normals.shape == (len(scores), 2)
    if not (tables and middle.ndim == 1 and 1 <= len(middle) <= 3 and spread.shape == middle.shape):
        raise ValueError("the tables of a stored map have other shapes than one another")
    if not all(np.isfinite(part).all() for part in (middle, spread, scores, normals, steps)):
        raise ValueError("a table of a stored map is not finite")
    if not ((np.diff(scores) > 0).all() and (np.diff(steps) > 0).all() and (spread >= 0).all()):
        raise ValueError("a table of a stored map does not increase")


def _without_ends(score: Floats, coordinates: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the jets without the few outermost ones in each coordinate, where no function can be known."""
    low, high = np.sort(coordinates, axis=0)[[TAIL_JETS, -TAIL_JETS - 1]]
    inside = ((coordinates >= low) & (coordinates <= high)).all(1)
    return score[inside], coordinates[inside], weight[inside]


def _scale(coordinates: Floats) -> tuple[Floats, Floats]:
    """Return the middle of each coordinate, and the distance of its quartiles, or 0 if it has no long tail."""
    least, low, middle, high, most = np.quantile(coordinates, [0, 0.25, 0.5, 0.75, 1], axis=0)
    return middle, np.where(most - least > LONG_TAIL * (high - low), high - low, 0.0)


def _scaled(coordinates: Floats, middle: Floats, spread: Floats) -> Floats:
    """Return the coordinates of the splines."""
    short = np.arcsinh((coordinates - middle) / np.where(spread > 0, spread, 1.0))
    scaled: Floats = np.where(spread > 0, short, coordinates) if spread.any() else coordinates
    return scaled


def _levels(jets: int, number: int) -> Floats:
    """Return probabilities that are equally spaced in the quantiles of a normal distribution, up to the tails."""
    end = ndtri(1 - TAIL_JETS / jets)
    levels: Floats = ndtr(np.linspace(-end, end, number))
    return levels


def _normal_form(score: Floats) -> Form:
    """Return the table by which scores are distributed normally; a score of many jets has a range."""
    levels = _levels(len(score), POINTS)
    quantiles = np.quantile(score, levels)
    scores, first, number = np.unique(quantiles, return_index=True, return_counts=True)
    normals = ndtri(levels[np.stack([first, first + number - 1], 1)])
    if len(scores) == 1:
        return Form(np.append(scores, np.nextafter(scores, np.inf)), np.concatenate([normals, normals[:, 1:] + [[1, 1]]]))
    return Form(scores, normals)


def _linear_form(score: Floats) -> Form:
    """Return the table that only sets mean and width."""
    scores = np.array([score.min(), score.max()])
    return Form(scores, np.repeat((scores - score.mean())[:, None] / score.std(), 2, 1))


def _location(regression: HeldOutRegression, score: Floats, bits: NDArray[np.uint64],
              form: Form) -> tuple[Form, SplineFunctions, Floats]:
    """Return a form of the score, its mean given the coordinates, and what is left of each."""
    x = np.empty(len(score))
    normal_forms(score, bits, form, x)
    location, = regression.fit(Target.mean(x))
    return form, location, x - location(regression.coordinates)[:, 0]


def _together(bands: list[SplineFunctions]) -> SplineFunctions:
    """Return functions as one, by the finest splines of each coordinate."""
    breaks = tuple(max(ones, key=len) for ones in zip(*(b.basis.breaks for b in bands), strict=True))
    degrees = tuple(max(ones) for ones in zip(*(b.basis.degrees for b in bands), strict=True))
    basis = SplineBasis(breaks, degrees)
    return SplineFunctions(basis, np.concatenate([b.on(basis).coefficients for b in bands], axis=1))


def _increasing(below: SplineFunctions, levels: Floats) -> SplineFunctions:
    """Return probabilities that increase from step to step, by their coefficients."""
    ordered = np.sort(np.clip(below.coefficients, 0, 1), axis=1)
    return SplineFunctions(below.basis, (1 - OF_ALL) * ordered + OF_ALL * levels)
