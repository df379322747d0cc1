"""Splines against another program, and regressions that are as fine as the jets allow."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from pphysml.decorrelation.held_out_regression import HeldOutRegression, Target
from pphysml.decorrelation.pieces import Pieces
from pphysml.decorrelation.spline_basis import SplineBasis

BASIS = SplineBasis((np.array([0, 0.1, 0.5, 1.0]), np.array([0.0, 1, 3]), np.array([-1.0, 1])), (3, 2, 0))


def points(n):
    ends = np.array([[1.0, 3, 1], [0, 0, -1]])
    return np.concatenate([ends, np.random.default_rng(0).uniform(ends[1], ends[0], (n, 3))])


def dense(at):
    """Return all products of splines, by scipy."""
    one = [BSpline.design_matrix(column, np.concatenate([[b[0]] * d, b, [b[-1]] * d]), d).toarray()
           for column, b, d in zip(at.T, BASIS.breaks, BASIS.degrees, strict=True)]
    return np.einsum("na,nb,nc->nabc", *one).reshape(len(at), -1)


def test_splines_are_those_of_scipy():
    at = points(50)
    np.testing.assert_allclose(BASIS.values(at, np.eye(np.prod(BASIS.shape))), dense(at), atol=1e-14)


def test_sums_over_jets_are_those_of_dense_matrices():
    at, rng = points(80), np.random.default_rng(1)
    weight, fold, column = rng.normal(size=len(at)), rng.integers(0, 2, len(at)), rng.integers(0, 3, len(at))
    all_ = dense(at)
    for f, (gram, sums) in enumerate(zip(BASIS.gram(at, weight, fold, 2), BASIS.sums(at, weight, fold, 2, column, 3), strict=True)):
        own = all_[fold == f]
        np.testing.assert_allclose(gram, (own.T * weight[fold == f]) @ own, atol=1e-12)
        np.testing.assert_allclose(sums, (own.T * weight[fold == f]) @ np.eye(3)[column[fold == f]], atol=1e-12)


def test_differences_are_0_for_a_constant_and_count_steps():
    matrix = BASIS.differences()
    assert np.abs(matrix.sum(1)).max() == 0
    step = (np.indices(BASIS.shape)[0] >= 2).ravel().astype(float)
    assert step @ matrix @ step == np.prod(BASIS.shape[1:])


def regression(n, function, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    at = rng.random((n, 2))
    score = function(at) + noise * rng.normal(size=n)
    fitted, = HeldOutRegression(at, np.ones(n), score).fit(Target.mean(score))
    return fitted, at


def test_a_line_needs_few_splines_and_a_wave_more_the_more_jets_show_it():
    line, at = regression(5000, lambda c: 3 * c[:, 0])
    assert np.prod(line.basis.shape) <= 9
    np.testing.assert_allclose(line(at)[:, 0], 3 * at[:, 0], atol=0.2)
    few, many = (regression(n, lambda c: np.sin(12 * c[:, 0]), noise=3.0)[0].basis.shape for n in (500, 50_000))
    assert few[0] < many[0] and many[1] <= 3


def test_what_the_jets_determine_is_not_changed_by_the_penalty():
    fitted, at = regression(20_000, lambda c: c[:, 0] ** 3 - c[:, 0] * c[:, 1], noise=0.0)
    np.testing.assert_allclose(fitted(at)[:, 0], at[:, 0] ** 3 - at[:, 0] * at[:, 1], atol=1e-4)


@pytest.mark.parametrize("values", [1, 2, 3])
def test_a_coordinate_of_few_values_has_no_more_splines(values):
    rng = np.random.default_rng(0)
    at = np.stack([rng.random(4000), rng.integers(0, values, 4000)], 1).astype(float)
    target = Target.mean(at[:, 1] ** 2 + rng.normal(size=4000) * 0.1)
    fitted, = HeldOutRegression(at, np.ones(4000), target.value).fit(target)
    assert fitted.basis.shape[1] == values
    for value in range(values):
        assert fitted(np.array([[0.5, value]]))[0, 0] == pytest.approx(value**2, abs=0.05)


def test_what_changes_in_a_short_range_alone_is_found():
    """Lines, parabolas and a few pieces see nothing of an antisymmetric wiggle in the middle."""
    def wiggle(c):
        away = (c[:, 0] - 0.5) / 0.01
        return away * np.exp(-(away**2) / 2)

    fitted, at = regression(40_000, wiggle)
    near = np.abs(at[:, 0] - 0.5) < 0.03
    assert np.sqrt(np.mean((fitted(at)[near, 0] - wiggle(at[near])) ** 2)) < 0.35 * wiggle(at[near]).std()


def test_pieces_lie_close_together_where_the_score_changes_and_halve():
    rng = np.random.default_rng(0)
    at = rng.random(50_000)
    step = Pieces.of(at, np.tanh((at - 0.3) / 0.01) + rng.normal(size=len(at)))
    assert (np.abs(step.breaks(32) - 0.3) < 0.03).sum() > 6
    np.testing.assert_allclose(Pieces.of(at, rng.normal(size=len(at))).breaks(4), np.linspace(0, 1, 5), atol=0.1)
    assert set(step.breaks(16)) <= set(step.breaks(32))
    assert len(Pieces.of(np.ones(10), np.arange(10.0)).breaks(8)) == 1
