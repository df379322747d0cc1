"""Figures of classifiers show the numbers of the statistics."""

import numpy as np
import pytest

from pphysml.evaluation import classifier_plots as p
from pphysml.evaluation.class_calibration import calibration_of_classes
from pphysml.evaluation.mass_fit import Uncertainty, scan_cuts
from pphysml.evaluation.mass_templates import Jets, Yields
from pphysml.evaluation.report import write_figures
from pphysml.evaluation.result import Evaluation
from pphysml.evaluation.roc import rejection, roc

EDGES = np.arange(50.0, 201.0, 10.0)


@pytest.fixture(scope="module")
def jets():
    rng = np.random.default_rng(0)
    signal = rng.random(5000) < 0.4
    mass = np.where(signal, rng.normal(100, 10, 5000), 50 + rng.exponential(50, 5000))
    weights = rng.choice([1.0, 1.0, -0.3], 5000)
    return Jets(mass, signal, weights), rng.normal(size=5000) + 2 * signal


def test_rejection_is_drawn_where_known_and_bounded_elsewhere(jets):
    sample, score = jets
    curve = roc(score, sample.signal, sample.weights)
    (axes,) = p.rejection_curves({"score": curve}).axes
    known, bounds = axes.lines[:2]
    points = [rejection(curve, efficiency) for efficiency in p.CURVE]
    assert len(known.get_xdata()) + len(bounds.get_xdata()) == len(points) and len(bounds.get_xdata()) > 2
    assert known.get_ydata().tolist() == [point.value for point in points if not point.few]
    assert bounds.get_ydata().tolist() == [point.bound for point in points if point.few]


def test_a_flat_cut_has_equal_shapes(jets):
    sample, _ = jets
    background = sample.mass[~sample.signal]
    passed = {"flat": np.arange(len(background)) % 3 == 0, "heavy": background > 100}
    above, below = p.background_shapes(background, passed, EDGES, "mass [GeV]").axes
    areas = [patch.get_data().values.sum() * 10 for patch in above.patches]
    assert areas == pytest.approx([1, 1, 1])
    flat, heavy = (container.lines[0].get_ydata() for container in below.containers)
    assert np.average(flat, weights=np.histogram(background, EDGES)[0]) == pytest.approx(1)
    assert abs(flat - 1).max() < 0.6 and (heavy[:5] == 0).all() and (heavy[5:] > 1.5).all()


def test_significance_and_calibration_are_drawn(jets, tmp_path):
    sample, score = jets
    uncertainties = Uncertainty(0.1), Uncertainty(0.5, 0.2)
    scan = scan_cuts(score, sample, EDGES, Yields(100, 5000), uncertainties, [0.3, 0.5, 0.7])
    figure = p.significance_curves({"score": scan}, uncertainties[::-1])
    fit, counting = ([line.get_ydata() for line in axes.lines] for axes in figure.axes)
    np.testing.assert_array_equal(fit, scan.significance[::-1])
    np.testing.assert_array_equal(counting, scan.counting[::-1])
    assert figure.axes[1].lines[0].get_label() == "score, 50 %, sculpting 20 %"
    probability = 1 / (1 + np.exp(2 - 2 * score))
    found = calibration_of_classes(np.column_stack([1 - probability, probability]), sample.signal, ["background", "signal"], weights=sample.weights)
    curves = p.reliability_curves(found)
    drawn = curves.axes[0].containers[1].lines[0]
    np.testing.assert_array_equal(drawn.get_ydata(), found["signal"].table.observed)
    write_figures(tmp_path, Evaluation(figures={"significance": figure, "calibration": curves}), ["png"])
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_background_whose_weights_sum_to_less_than_zero_is_drawn() -> None:
    """In the range of the axis, or among the jets that pass, negative weights may outweigh the others."""
    values, weights = np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, -2.0, 0.5, 9.0])
    figure = p.background_shapes(values, {"none": values < 3, "some": values < 2}, np.array([0.5, 1.5, 2.5, 3.5]), "mass / GeV", weights)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["all", "some"]


def test_bins_with_hardly_any_background_do_not_set_the_axis_of_efficiencies() -> None:
    values = np.concatenate([np.resize(EDGES[:5] + 1, 5000), [EDGES[-2] + 1]])
    passed = np.append(np.arange(5000) % 50 == 0, True)
    below = p.background_shapes(values, {"cut": passed}, EDGES, "mass [GeV]").axes[1]
    assert below.get_ylim()[1] < 6 and np.nanmax(below.containers[0].lines[0].get_ydata()) > 40
