"""What is chosen on half of the events is judged on the others; yields, weights and shares of classes enter as stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pphysml.config import build
from pphysml.evaluation.mass_fit import Uncertainty
from pphysml.evaluation.working_point_files import from_yaml
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.tasks.jets.judging.metrics import JetsEvaluator
from pphysml.tasks.jets.judging.separation import separate
from pphysml.tasks.jets.judging.working_point_files import files_of
from pphysml.tasks.jets.models.discriminants import log_ratios
from pphysml.tasks.jets.models.domain import outside
from pphysml.tasks.jets.models.inputs import fit_scales, range_of

N = 4000


def jets() -> JetsSeen:
    """Jets of a resonance at 100 GeV, and background, with a score that knows them."""
    rng = np.random.default_rng(4)
    label = np.arange(N) % 2
    mass = np.where(label == 1, rng.normal(100, 10, N), rng.exponential(100, N))
    return JetsSeen(label, np.ones(N), np.arange(N), mass[:, None], mass, np.where(label == 1, 100.0, -1.0), {"disc_signal": rng.normal(2.0 * label, 1)})


def config(**sections: object) -> JetsConfig:
    return build(JetsConfig, sections, "test")


def test_cuts_and_working_points_are_chosen_on_one_half_of_the_events_and_judged_on_the_other() -> None:
    """In the other half no jet has a score here."""
    every = jets()
    half = replace(every, columns={"disc_signal": np.where(every.first_half, every.columns["disc_signal"], -np.inf)})
    found = separate(half, config(), "disc_signal", "signal")
    assert found is not None and found.scan is not None and np.isfinite(found.scan.significance).any() and not found.fits
    files, _ = files_of(half, config(apply={"efficiencies": [0.5]}), "disc_signal", "signal")
    points, _ = from_yaml(files["working-points-disc_signal.yaml"], "it")
    threshold, = points.points["50"].threshold
    own = (every.label == 1) & every.first_half
    assert np.mean(every.columns["disc_signal"][own] >= threshold) == pytest.approx(0.5, abs=0.01)
    assert np.ravel(points.points["50"].efficiency["signal"].value)[0] == 0


def test_significance_grows_with_the_stated_signal_and_falls_with_the_background() -> None:
    def of(signal: float, background: float) -> float:
        found = separate(jets(), config(apply={"expected_signal": signal, "expected_background": background}), "disc_signal", "signal")
        assert found is not None
        return found.fits[Uncertainty(0.0)].value

    small = of(10, 1e5)
    assert of(20, 1e5) == pytest.approx(2 * small, rel=0.02)
    assert of(10, 1e3) > 5 * small


def test_weights_and_classes_are_as_they_are_in_the_files() -> None:
    every, weight = jets(), np.where(np.arange(N) % 5 == 0, -1.0, 2.0)
    selected = np.arange(N) % 3 > 0
    examples = {"class": every.label, "class_known": np.ones(N, bool), "selected": selected, "weight": weight, "file": every.label * 0, "entry": every.event,
                "jet_pt": every.binned, "jet_mass": every.binned, "jet_resonance_mass": every.resonance_mass}
    seen = JetsSeen.of(examples, {"pphysml_disc_signal": every.columns["disc_signal"]}, config())
    np.testing.assert_array_equal(seen.weight, weight[selected])
    np.testing.assert_array_equal(seen.label, every.label[selected])


def test_probabilities_are_calibrated_of_classes_that_are_as_frequent_whatever_the_sample_holds() -> None:
    rng = np.random.default_rng(8)
    probability = rng.uniform(size=60_000)
    label = (rng.uniform(size=60_000) < probability).astype(int)
    kept = (label == 0) | (rng.uniform(size=60_000) < 0.1)
    p, label = probability[kept], label[kept]
    ones = np.ones(len(p))
    seen = JetsSeen(label, ones, np.arange(len(p)), rng.uniform(size=(len(p), 1)), ones, ones * -1, {"prob_background": 1 - p, "prob_signal": p})
    evaluator = JetsEvaluator(config())
    evaluator.parts.append(seen)
    found = {metric.name: metric.value for metric in evaluator.result().metrics}
    # The mean of p (1 - p) is 1/6, and that of equal shares 1/4.
    assert found["ECE of signal"] < 0.02 and found["Brier skill"] == pytest.approx(1 / 3, abs=0.02)


def test_shares_of_backgrounds_enter_the_score() -> None:
    options = config(data={"classes": {"light": "jet_label == 0", "c": "jet_label == 1", "b": "jet_label == 2"}, "background": ["light", "c"], "fractions": {"c": 0.07, "light": 0.93}}).data
    p = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    found = log_ratios(torch.from_numpy(np.log(p)), options).numpy()
    np.testing.assert_allclose(found[:, 0], np.log(p[:, 2] / (0.93 * p[:, 0] + 0.07 * p[:, 1])))


def test_odd_jets_make_neither_the_range_nor_the_scale_of_an_input_and_hide_no_shift() -> None:
    options, rng = config(model={"inputs": ["jet_pt"]}), np.random.default_rng(3)
    raw = rng.normal(500, 50, (50_000, 1))
    usual = fit_scales(raw, ["jet_pt"])
    raw[:3] = [[1e9], [-1e9], [3e4]]
    odd = fit_scales(raw, ["jet_pt"])
    for name in ("input_mean", "input_scale"):
        np.testing.assert_allclose(odd[name], usual[name], rtol=0.01)
    np.testing.assert_allclose(odd["domain"], usual["domain"], rtol=0.02)
    shifted = {"jet_pt": rng.normal(900, 50, 1000)}
    assert len(list(outside(shifted, odd, options))) == 1 and not list(outside({"jet_pt": raw[:, 0]}, odd, options))


def test_without_odd_jets_scales_are_mean_and_deviation_and_of_few_jets_the_range_holds_nine_in_ten() -> None:
    raw = np.random.default_rng(4).exponential(3, (4000, 2))
    found = fit_scales(raw, ["a", "b"])
    np.testing.assert_allclose(found["input_mean"], raw.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found["input_scale"], raw.std(0), rtol=1e-6)
    assert range_of(np.array([5.0])).tolist() == [5, 5] and range_of(np.arange(4.0)).tolist() == [0, 3]
    assert range_of(np.arange(40.0)).tolist() == [2, 37] and range_of(np.arange(1000.0)).tolist() == [3, 996]


def test_inputs_outside_the_range_of_the_training_are_said_with_the_numbers() -> None:
    options, prepared = config(model={"inputs": ["jet_pt"]}), {"domain": np.array([[300.0, 900.0]])}
    inside = np.linspace(300, 900, 100)
    assert not list(outside({"jet_pt": inside}, prepared, options))
    sentence, = outside({"jet_pt": np.append(inside, np.full(10, 2000.0))}, prepared, options)
    assert "jet_pt: 318.2 to 2000" in sentence and "300 to 900" in sentence
    assert not list(outside({"jet_pt": np.append(inside, np.full(3, 2000.0))}, prepared, options))
