"""What is said of one score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pphysml.config import build
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.tasks.jets.judging.metrics import JetsEvaluator
from pphysml.tasks.jets.judging.separation import mass_rows, separate


def jets(n: int = 1200, masses: tuple[float, ...] = (100.0, 200.0)) -> JetsSeen:
    """Jets of which signal has the higher score, and each half of it one resonance mass."""
    rng = np.random.default_rng(4)
    label = np.arange(n) % 2
    resonance = np.where(label == 1, np.resize(np.repeat(masses, 2), n), -1.0)
    mass = np.where(label == 1, rng.normal(resonance, 10), rng.exponential(100, n))
    score = rng.normal(label + (resonance > 150), 1)
    ids = np.arange(n)
    return JetsSeen(label, np.ones(n), ids, mass[:, None], mass, resonance, {"disc_signal": score})


def config(**sections: dict[str, object]) -> JetsConfig:
    return build(JetsConfig, sections, "test")


def test_rejections_by_resonance_mass_are_those_of_scores_at_this_mass() -> None:
    """A parametrised network gives background other scores at every mass."""
    plain = separate(jets(), config(), "disc_signal", "signal")
    assert [row["resonance mass / GeV"] for row in mass_rows(plain)] == [100, 200]
    assert mass_rows(plain)[1]["rejection at 50 %"] > 2 * mass_rows(plain)[0]["rejection at 50 %"]
    assert any("all 2 resonance masses" in note for note in plain.notes)
    anew = separate(jets(), config(model={"parametrise": True}), "disc_signal", "signal")
    assert mass_rows(anew) == [] and any("--resonance-mass" in note for note in anew.notes)
    stated = separate(jets(), config(model={"parametrise": True}, apply={"resonance_mass": 200.0}), "disc_signal", "signal")
    assert mass_rows(stated) == mass_rows(plain)[1:]


def test_what_is_too_little_to_judge_is_said() -> None:
    few = separate(jets(60), config(), "disc_signal", "signal")
    assert not few.flatness and not few.fits
    assert any("Sculpting" in note for note in few.notes) and any("no fit of the mass" in note for note in few.notes)


def test_jets_without_score_pass_no_cut() -> None:
    every, unknown = jets(), np.arange(1200) % 3 == 0
    examples = {"class": every.label, "class_known": np.ones(1200, bool), "selected": np.ones(1200, bool), "weight": every.weight, "file": every.label * 0, "entry": every.event,
                "jet_pt": every.binned, "jet_mass": every.binned, "jet_resonance_mass": every.resonance_mass}
    seen = JetsSeen.of(examples, {"pphysml_disc_signal": np.where(unknown, np.nan, every.columns["disc_signal"])}, config())
    lowest = replace(every, columns={"disc_signal": np.where(unknown, -1e9, every.columns["disc_signal"])})
    found, same = (separate(each, config(), "disc_signal", "signal") for each in (seen, lowest))
    assert found.flatness["jet_mass"].divergence == pytest.approx(same.flatness["jet_mass"].divergence)
    np.testing.assert_array_equal(found.curve.background_efficiency, same.curve.background_efficiency)


def test_classes_whose_weights_sum_to_less_than_nothing_are_said() -> None:
    seen = jets(200)
    evaluator = JetsEvaluator(config())
    evaluator.parts.append(replace(seen, weight=np.where(seen.label == 1, -1.0, 1.0)))
    result = evaluator.result()
    assert not result.metrics and any("weights of signal sum to -100" in note for note in result.notes)
