"""Stated fractions of several backgrounds in what is judged, against jets that are weighed, and drawn, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pphysml.config import build
from pphysml.evaluation.mass_fit import Uncertainty
from pphysml.evaluation.roc import rejection
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.tasks.jets.judging.metrics import JetsEvaluator
from pphysml.tasks.jets.judging.separation import separate
from pphysml.tasks.jets.models.background_shares import with_fractions

CLASSES = {"light": "jet_label == 0", "c": "jet_label == 1", "b": "jet_label == 2"}
N = 12_000


def config(**fractions: float) -> JetsConfig:
    # So few that the statistics of the sample play no part in the fit.
    yields = {"expected_signal": 50, "expected_background": 500}
    return build(JetsConfig, {"data": {"classes": CLASSES, "background": ["light", "c"], "fractions": fractions}, "apply": yields}, "test")


def jets(n: int = N, signed: bool = True) -> JetsSeen:
    """As many light, c and b jets; c are more like b, and heavier than light ones."""
    rng = np.random.default_rng(4)
    label = np.arange(n) % 3
    mass = np.where(label == 2, rng.normal(100, 10, n), rng.exponential(np.array([50.0, 120.0, 1.0])[label], n))
    weight = rng.choice([1.5, 1.0, -0.5], n) if signed else np.ones(n)
    ones = np.ones(n)
    return JetsSeen(label, weight, np.arange(n), mass[:, None], mass, -ones, {"disc_b": rng.normal(1.2 * label, 1)})


def metrics(seen: JetsSeen, options: JetsConfig) -> tuple[dict[str, float], list[str]]:
    evaluator = JetsEvaluator(options)
    evaluator.parts.append(seen)
    result = evaluator.result()
    return {metric.name: metric.value for metric in result.metrics}, result.notes


def test_every_judged_number_is_that_of_jets_weighed_by_hand() -> None:
    seen = jets()
    sums = [seen.weight[seen.label == k].sum() for k in (0, 1)]
    factor = np.array([0.93 * sum(sums) / sums[0], 0.07 * sum(sums) / sums[1], 1.0])
    found, notes = metrics(seen, config(c=0.07, light=0.93))
    expected, _ = metrics(replace(seen, weight=seen.weight * factor[seen.label]), config())
    plain, plain_notes = metrics(seen, config())
    assert found == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert found["disc rejection_50"] > 2 * plain["disc rejection_50"] and "disc significance, 10%" in found
    assert any("of data.fractions: light 0.93, c 0.07" in note for note in notes)
    assert any("by the weights of the files: light 0.5" in note for note in plain_notes)


def test_efficiencies_of_classes_add_up_with_their_fractions() -> None:
    found = separate(jets(), config(c=0.2, light=0.8), "disc_b", "b")
    assert found is not None
    for efficiency in (0.3, 0.7):
        seen = jets()
        signal = seen.label == 2
        order = np.argsort(-seen.columns["disc_b"][signal])
        held = np.cumsum(seen.weight[signal][order]) / seen.weight[signal].sum()
        cut = seen.columns["disc_b"][signal][order][np.argmax(held >= efficiency)]
        passing = [(seen.weight * (seen.columns["disc_b"] >= cut))[seen.label == k].sum() / seen.weight[seen.label == k].sum() for k in (0, 1)]
        assert rejection(found.curve, efficiency).value == pytest.approx(1 / (0.8 * passing[0] + 0.2 * passing[1]), rel=0.01)


def test_sculpting_and_significance_are_those_of_a_sample_that_is_drawn_with_the_fractions() -> None:
    """One in eight of the c jets is kept at random: a ninth of the background."""
    seen = jets(90_000, signed=False)
    kept = (seen.label != 1) | (np.random.default_rng(2).random(len(seen)) < 1 / 8)
    weighed, drawn, plain = separate(seen, config(c=1 / 9, light=8 / 9), "disc_b", "b"), separate(seen.where(kept), config(), "disc_b", "b"), separate(seen, config(), "disc_b", "b")
    excess, significance = ([value(each) for each in (weighed, drawn, plain)] for value in (lambda one: one.flatness["jet_mass"].excess, lambda one: one.fits[Uncertainty(0.1)]))
    for one, other, without in (excess, significance):
        error = other.high - other.low
        assert abs(one.value - other.value) < error < abs(without.value - other.value)


def test_rejections_of_single_classes_do_not_depend_on_the_fractions() -> None:
    """What users of flavour tagging quote."""
    (some, _), (others, _) = (metrics(jets(), config(**fractions)) for fractions in ({"c": 0.2, "light": 0.8}, {}))
    names = [f"disc rejection_{efficiency} of {kind}" for efficiency in (30, 50, 70) for kind in ("light", "c")]
    assert [some[name] for name in names] == pytest.approx([others[name] for name in names])
    assert some["disc rejection_70 of light"] > 2 * some["disc rejection_70 of c"]


def test_classes_without_jets_or_weight_are_said_and_have_no_share() -> None:
    seen = jets()
    without = seen.where(seen.label != 1)
    found, notes = metrics(without, config(c=0.2, light=0.8))
    assert any("data.fractions has c, of which there is no jet" in note for note in notes)
    assert found["disc rejection_50"] == pytest.approx(metrics(without, config())[0]["disc rejection_50"])
    nothing, notes = metrics(without, config(c=1, light=0))
    assert "disc auc" not in nothing and any("gives a share" in note for note in notes)
    weight = with_fractions(np.where(seen.label == 1, -1.0, 1.0), seen.label, config(c=0.2, light=0.8))
    assert not weight[seen.label == 1].any() and (weight[seen.label != 1] == 1).all()
