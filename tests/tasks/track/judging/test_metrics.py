"""The evaluation: its numbers, their errors, what two engines have in common, chunks, missing truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pphysml.evaluation.report import to_dict
from pphysml.io.ragged import Ragged, slice_rows, take
from pphysml.tasks.track.judging.metrics import NO_TRUTH, TrackEvaluator
from pphysml.tasks.track.tracks.links import Links, true_links


def evaluated(toy, examples, predictions, **filters):
    evaluator = TrackEvaluator(toy.configured(**filters))
    evaluator.update(examples, predictions)
    return evaluator.result()


def values(evaluation):
    return {m.name: m.value for m in evaluation.metrics}


def perfect(toy, examples, **filters):
    true = true_links(examples, 100)
    return toy.predicted(examples, Links(true, np.ones(len(true), np.float32)), **filters)


@pytest.fixture
def crowd(toy):
    rng = np.random.default_rng(5)
    examples = toy.random_frames(rng, 12)
    return examples, toy.predicted(examples, toy.random_links(rng, examples, true_links(examples, 1), wrong=0.15))


def test_perfect_links_reach_their_ceiling(toy):
    examples = toy.frames([toy.Particle(k, range(3 + k), x=float(k)) for k in range(4)],
                          [toy.Particle(0, range(4), primary=False), toy.Particle(1, range(7))])
    result = evaluated(toy, examples, perfect(toy, examples))
    found = values(result)
    assert found["complete_efficiency"] == 5 / 6 and found["complete_efficiency_primary"] == 1
    assert found["track_purity"] == 5 / 6 and found["fake_rate"] == found["duplicate_rate"] == found["edge_fpr"] == 0
    assert found["edge_tpr"] == found["link_efficiency"] == 1
    ceiling = [name for name in found if name.startswith("perfect_")]
    assert len(ceiling) == 8
    assert all(found[name] == pytest.approx(found[name.removeprefix("perfect_")], nan_ok=True) for name in ceiling)


def test_what_the_angle_cuts_take_is_told_apart(toy):
    examples = toy.frames([toy.Particle(0, range(3, 8), slope=1.0), toy.Particle(1, range(5))])
    found = values(evaluated(toy, examples, perfect(toy, examples)))
    assert found["perfect_complete_efficiency"] == 1 and found["reachable_complete_efficiency"] == 0.5
    assert found["links_lost"] == 0.5


def test_filters_lower_the_ceiling(toy):
    examples = toy.frames([toy.Particle(0, range(3)), toy.Particle(1, range(9))])
    found = values(evaluated(toy, examples, perfect(toy, examples, min_hits=5), min_hits=5))
    assert found["perfect_complete_efficiency"] == found["complete_efficiency"] == 0.5
    assert found["perfect_track_purity"] == 1


def test_the_scaled_cut_is_for_sensors_of_another_thickness(toy):
    examples = toy.frames([toy.Particle(0, range(6), edep=0.04)])
    examples["dedx"] = Ragged(examples["edep"].flat / 0.0139, examples["dedx"].offsets)
    found = values(evaluated(toy, examples, perfect(toy, examples)))
    assert found["published_efficiency"] == found["published_purity"] == 0
    assert found["published_efficiency_scaled"] == found["published_purity_scaled"] == 1


def test_chunks_do_not_matter(toy, crowd):
    examples, predictions = crowd
    whole = evaluated(toy, examples, predictions)
    parts = TrackEvaluator(toy.configured())
    for start, stop in ((0, 5), (5, 5), (5, 12)):
        parts.update(slice_rows(examples, start, stop), slice_rows(predictions, start, stop))
    again = parts.result()
    # Protons and the noise of frames come in another order, in which only the errors are drawn.
    assert values(again) == pytest.approx(values(whole), nan_ok=True)
    assert again.notes == whole.notes
    for name, cases in whole.cases.items():
        np.testing.assert_array_equal(again.cases[name], cases)


def test_cases_of_two_engines_are_the_same_protons(toy, crowd):
    examples, predictions = crowd
    ours, best = evaluated(toy, examples, predictions), evaluated(toy, examples, perfect(toy, examples))
    protons = int(examples["n_protons"].sum())
    assert len(ours.cases["complete"]) == len(best.cases["complete"]) == protons
    assert (ours.cases["complete_perfect"] == best.cases["complete"]).all()
    assert not (ours.cases["complete"] & ~best.cases["complete"]).any()
    assert ours.cases["complete"].mean() == values(ours)["complete_efficiency"]
    reverse = evaluated(toy, *(take(columns, np.arange(12)[::-1]) for columns in crowd))
    frame = np.repeat(np.arange(12), examples["n_protons"])
    order = np.concatenate([np.flatnonzero(frame == row) for row in range(12)[::-1]])
    np.testing.assert_array_equal(reverse.cases["complete"], ours.cases["complete"][order])


def test_errors_are_those_of_independent_protons(toy):
    rng = np.random.default_rng(1)
    rows = [[toy.Particle(k, range(4)) for k in range(8)] for _ in range(50)]
    examples = toy.frames(*rows)
    links = true_links(examples, 1)
    cut = rng.random(len(links)) < 0.1
    predictions = toy.predicted(examples, Links(np.where(cut, -1, links), np.ones(len(links), np.float32)))
    metric = {m.name: m for m in evaluated(toy, examples, predictions).metrics}["complete_efficiency"]
    error = math.sqrt(metric.value * (1 - metric.value) / 400)
    assert metric.value == pytest.approx(0.9**3, abs=4 * error)
    assert (metric.high - metric.low) / 2 == pytest.approx(error, rel=0.15)


def test_frames_that_are_good_or_bad_as_a_whole_have_larger_errors(toy):
    examples = toy.frames(*[[toy.Particle(k, range(4)) for k in range(8)] for _ in range(40)])
    links = true_links(examples, 1)
    bad = np.repeat(np.arange(40) % 2 == 0, 32)
    result = evaluated(toy, examples, toy.predicted(examples, Links(np.where(bad, -1, links), np.ones(len(links), np.float32))))
    metric = next(m for m in result.metrics if m.name == "complete_efficiency")
    row = next(r for r in result.tables["The same rates, frames resampled instead of protons"] if r["metric"] == "complete_efficiency")
    assert row["value"] == metric.value == 0.5
    assert (row["high"] - row["low"]) / (metric.high - metric.low) == pytest.approx(math.sqrt(8), rel=0.2)


def test_tables_are_by_density_and_phantom(toy):
    few, many = ([toy.Particle(k, range(4)) for k in range(n)] for n in (24, 51))
    examples = toy.frames(few, many, few, phantom=100.0)
    examples["phantom"][2] = 200.0
    rows = evaluated(toy, examples, perfect(toy, examples)).tables["Tracks by phantom and number of protons in the frame"]
    assert [(row["phantom"], row["density"], row["frames"], row["protons"]) for row in rows] == [(100, 25, 1, 24), (100, 50, 1, 51), (200, 25, 1, 24)]
    assert all(row["complete efficiency"] == 1 for row in rows)


def test_bias_and_width_of_the_range(toy):
    rng = np.random.default_rng(2)
    rows = [[toy.Particle(k, range(5), stop=150.0 + k) for k in range(20)] + [toy.Particle(20, range(5))] for _ in range(40)]
    examples = toy.frames(*rows, phantom=120.0)
    predictions = perfect(toy, examples)
    true = np.tile(np.r_[150.0 + np.arange(20), 90.0], 40)
    error = rng.normal(1.0, 2.0, len(true))
    offsets = predictions["range"].offsets
    predictions["range"] = Ragged(true + error, offsets)
    predictions["flags"] = Ragged((2 * (np.arange(len(true)) % 4 == 0) + 4).astype(np.uint8), offsets)
    predictions["wepl"] = Ragged(np.full(len(true), 121.5), offsets)
    metrics = {m.name: m for m in evaluated(toy, examples, predictions).metrics}
    # The last of each frame does not stop by energy loss and has no true range.
    assert metrics["range_bias"].n == metrics["range_width"].n == 800 and metrics["wepl_bias"].n == 840
    assert metrics["range_bias"].value == pytest.approx(1.0, abs=0.3)
    assert metrics["range_width"].value == pytest.approx(2.0, abs=0.2)
    spread = 2 * math.sqrt(math.pi / 2 / 800)
    assert (metrics["range_bias"].high - metrics["range_bias"].low) / 2 == pytest.approx(spread, rel=0.3)
    assert metrics["range_bias_peak"].n == 0.75 * 800
    assert metrics["wepl_bias"].value == 1.5 and metrics["wepl_width"].value == 0


def test_every_metric_says_what_it_counts(toy, crowd):
    result = evaluated(toy, *crowd)
    assert all(m.definition.endswith(".") and " over " in m.definition for m in result.metrics)
    assert len({m.name for m in result.metrics}) == len(result.metrics)
    assert all(m.low <= m.value <= m.high for m in result.metrics)
    to_dict(result, cases=True)


def test_without_truth_nothing_is_compared_and_rows_must_fit(toy, crowd):
    examples, predictions = crowd
    blind = {name: column for name, column in examples.items() if name not in ("proton", "particle", "primary", "n_protons")}
    result = evaluated(toy, blind, predictions)
    assert NO_TRUTH in result.notes and {m.name for m in result.metrics} <= {"usable_tracks", "range_spectrum_peak", "range_spectrum_width"}
    with pytest.raises(ValueError, match="12 examples, but 3 predictions"):
        evaluated(toy, examples, slice_rows(predictions, 0, 3))


def test_no_frames_and_frames_without_anything(toy):
    assert not TrackEvaluator(toy.configured()).result().metrics
    examples = toy.frames([], [toy.Particle(-1, [3])])
    found = values(evaluated(toy, examples, perfect(toy, examples)))
    assert math.isnan(found["complete_efficiency"]) and math.isnan(found["track_purity"])
