"""The evaluator: perfect pairs, invariances, delayed pairs, and what is said of poor inputs."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.evaluation.report import to_dict
from pphysml.io.ragged import concatenate, slice_rows
from pphysml.tasks.petnet.judging.metrics import PetEvaluator
from pphysml.tasks.petnet.judging.options import options_of
from pphysml.tasks.petnet.judging.rates import RATES
from pphysml.tasks.petnet.judging.targets import find_targets
from pphysml.tasks.petnet.judging.truth import truth_of


def evaluated(config, *chunks):
    evaluator = PetEvaluator(config)
    for examples, predictions in chunks:
        evaluator.update(examples, predictions)
    return evaluator.result()


def values(result):
    return {metric.name: metric.value for metric in result.metrics}


def count(result):
    return {row["count"]: row["number"] for row in result.tables["Counts"]}


def test_perfect_pairs(toy, sample):
    config = toy.configured(radius=12.5)
    result = evaluated(config, (sample, toy.perfect(sample, config)))
    found = values(result)
    ones = ("pair_f1", "pair_precision", "pair_recall", "unscattered_recall", "hit_f1")
    assert {name: found[name] for name in ones} == dict.fromkeys(ones, 1)
    assert found["randoms_fraction"] == found["repeated_fraction"] == found["image_bias"] == found["image_distortion"] == 0
    assert result.cases["found"].all() and result.cases["clean_cluster"].all()
    assert count(result)["targets"] > 1500
    for metric in result.metrics:
        assert metric.low <= metric.value <= metric.high and metric.n > 0 and len(metric.definition) > 20


def test_an_engine_of_unscattered_pairs_only(toy, sample):
    config = toy.configured()
    pairs = toy.perfect(sample, config)
    kept = (sample["compton_phantom"].flat[pairs["first"]] == 0) & (sample["compton_phantom"].flat[pairs["second"]] == 0)
    found = values(evaluated(config, (sample, {name: column[kept] for name, column in pairs.items()})))
    assert found["unscattered_f1"] == found["unscattered_recall"] == found["pair_precision"] == 1
    assert found["scatter_fraction"] == 0 and found["pair_recall"] == pytest.approx(kept.mean())


def test_every_pair_twice_halves_the_precision(toy, sample):
    config = toy.configured(radius=12.5)
    pairs = toy.perfect(sample, config)
    once = values(evaluated(config, (sample, pairs)))
    found = values(evaluated(config, (sample, {name: np.tile(column, 2) for name, column in pairs.items()})))
    assert found["necr"] == pytest.approx(once["necr"] / 2)
    assert (found["pair_precision"], found["pair_recall"], found["repeated_fraction"]) == (0.5, 1, 0.5)
    assert found["pair_f1"] == pytest.approx(2 / 3)


def test_no_pairs(toy, sample):
    config = toy.configured()
    result = evaluated(config, (sample, toy.pairs([], [])))
    found = values(result)
    assert found["pair_f1"] == found["pair_recall"] == 0 and np.isnan(found["pair_precision"])
    assert not result.cases["found"].any() and 0 < result.cases["clean_cluster"].mean() < 0.5
    truth = truth_of(sample, options_of(config))
    with_target = np.unique(find_targets(truth, options_of(config)).cluster)
    assert (~result.cases["clean_cluster"]).sum() == len(with_target)


def test_random_pairs_are_random(toy, sample):
    rng = np.random.default_rng(1)
    start, counts = sample["time"].offsets[:-1], sample["time"].counts
    row = np.flatnonzero(counts > 1)
    first = start[row] + rng.integers(0, counts[row] - 1)
    second = first + 1 + rng.integers(0, start[row] + counts[row] - first - 1)
    result = evaluated(toy.configured(energy=None), (sample, toy.pairs(first, second)))
    table = {r["class"]: r["pairs"] for r in result.tables["Prompt pairs by class"]}
    event = sample["event"].flat
    noise = (event[first] < 0) | (event[second] < 0)
    assert table["noise"] == noise.sum() > 0
    assert table["random"] == ((event[first] != event[second]) & ~noise).sum() > 0
    assert sum(table.values()) == len(first) and table["same photon"] > 0
    assert values(result)["randoms_fraction"] == pytest.approx((table["random"] + table["noise"]) / len(first))


def test_the_order_of_pairs_does_not_matter(toy, sample):
    pairs = toy.sorter(sample)
    order = np.random.default_rng(2).permutation(len(pairs["first"]))
    shuffled = {name: column[order] for name, column in pairs.items()}
    turned = {**shuffled, "first": shuffled["second"], "second": shuffled["first"]}
    config = toy.configured()
    expected = evaluated(config, (sample, pairs))
    for other in (shuffled, turned):
        result = evaluated(config, (sample, other))
        assert values(result) == values(expected) and result.tables == expected.tables
        for name, cases in expected.cases.items():
            np.testing.assert_array_equal(result.cases[name], cases)


def chunked(toy, sample, cuts):
    for start, stop in pairwise(cuts):
        part = slice_rows(sample, start, stop)
        yield part, toy.sorter(part)


def test_chunks_do_not_matter(toy, sample):
    config = toy.configured()
    n = len(sample["n_owned"])
    whole, *others = (evaluated(config, *chunked(toy, sample, cuts)) for cuts in ([0, n], [0, 1, 2, 500, n], np.linspace(0, n, 30).astype(int)))
    for other in others:
        assert to_dict(other) == to_dict(whole)
        for name, cases in whole.cases.items():
            np.testing.assert_array_equal(other.cases[name], cases)
    for metric in whole.metrics:
        assert metric.low < metric.value < metric.high or metric.value in (0, 1)


def test_how_slices_are_cut_does_not_matter(toy, sample):
    """Slices of many clusters give what slices of few give."""
    counts = sample["time"].counts
    block = np.arange(len(counts)) // 50
    merged = {name: type(sample["time"]).from_counts(column.flat, np.bincount(block, counts).astype(int))
              for name, column in sample.items() if hasattr(column, "flat") and hasattr(column, "offsets")}
    merged |= {"n_owned": np.bincount(block, counts).astype(np.int32), "segment": np.zeros(block[-1] + 1, np.int64)}
    pairs, config = toy.sorter(sample), toy.configured()
    assert to_dict(evaluated(config, (merged, pairs))) == to_dict(evaluated(config, (sample, pairs)))


def test_losses_of_singles_are_noted(toy, sample):
    # The toy's crystals are never dead.
    found = [note for note in evaluated(toy.configured(), (sample, toy.sorter(sample))).notes if note.startswith("Dead time: ")]
    assert len(found) == 1 and found[0].startswith("Dead time: none of more than ")


def test_runs_and_files_have_events_of_their_own(toy, sample):
    """The same scan again as another run, as another file: everything but the rate's time doubles."""
    again = dict(sample)
    again["run"] = type(sample["run"])(sample["run"].flat + 1, sample["run"].offsets)
    shift = len(sample["time"].flat)
    config = toy.configured(radius=12.5)
    pairs = toy.sorter(sample)
    both = {name: np.concatenate([column, column + shift if name in ("first", "second") else column]) for name, column in pairs.items()}
    one, two = evaluated(config, (sample, pairs)), evaluated(config, (concatenate([sample, again]), both))
    assert {name: 2 * n for name, n in count(one).items()} == count(two)
    assert values(two)["necr"] == pytest.approx(values(one)["necr"])


def test_delayed_pairs_are_counted_apart(toy, sample):
    """As many delayed pairs as randoms: the ratio is one, and nothing else of the rates changes."""
    config = toy.configured()
    prompts = toy.sorter(sample)
    event = sample["event"].flat
    randoms = np.flatnonzero(event[prompts["first"]] != event[prompts["second"]])
    with_noise = np.flatnonzero((event[prompts["first"]] < 0) & (event[prompts["second"]] < 0))
    rows = np.union1d(randoms, with_noise)
    pairs = {name: np.concatenate([column, column[rows]]) for name, column in prompts.items()}
    pairs["delayed"] = np.arange(len(pairs["first"])) >= len(prompts["first"])
    a, b = evaluated(config, (sample, prompts)), evaluated(config, (sample, pairs))
    assert values(a)["repeated_fraction"] == 0 < values(a)["randoms_fraction"]
    assert "delayed_over_randoms" not in values(a) and values(b)["delayed_over_randoms"] == 1
    assert {name: values(a)[name] for name in RATES} == {name: values(b)[name] for name in RATES}
    # These very randoms are subtracted, so that the picture only lacks what was not found.
    assert abs(values(b)["image_bias"]) < abs(values(a)["image_bias"])
    recall = values(a)["pair_recall"]
    assert values(b)["image_bias"] == pytest.approx(recall - 1, abs=0.01)


def test_a_cut_on_the_distance_shows_as_lost_efficiency_at_large_distances(toy):
    """Cutting at the object's radius gains F1, loses scattered targets outside, and leaves the NECR as it was at most."""
    from pphysml.tasks.petnet.coincidences.lines_of_response import lines_between

    sample = toy.cut(toy.scan(np.random.default_rng(9), 20_000, rate=4e8))
    config, pairs = toy.configured(radius=12.5), toy.sorter(sample)
    ends = [np.stack([sample[name].flat[pairs[side]] for name in "xyz"], axis=1) for side in ("first", "second")]
    near = np.abs(lines_between(*ends).s) < 20.0
    all_, cut = (evaluated(config, (sample, {name: column[keep] for name, column in pairs.items()})) for keep in (near | True, near))
    assert values(cut)["pair_f1"] > values(all_)["pair_f1"]
    assert values(cut)["necr"] == pytest.approx(values(all_)["necr"], rel=1e-2)
    last = cut.tables["Rates by distance of the line from the axis"][-1]
    assert last["recall"] < 0.05 < all_.tables["Rates by distance of the line from the axis"][-1]["recall"]


def test_without_scatterings_nothing_is_said_of_scatter(toy, sample):
    blank = {**sample, "compton_phantom": type(sample["run"])(np.zeros_like(sample["run"].flat), sample["run"].offsets)}
    result = evaluated(toy.configured(), (blank, toy.sorter(sample)))
    assert not {"scatter_fraction", "unscattered_f1", "unscattered_recall", "scatter_fraction_in_band"} & set(values(result))
    assert any("0 everywhere" in note for note in result.notes)
    told = evaluated(toy.configured(), (sample, toy.sorter(sample)))
    assert "scatter_fraction" in values(told) and values(told)["pair_f1"] == values(result)["pair_f1"]


def test_nothing_and_nearly_nothing(toy):
    config = toy.configured()
    assert PetEvaluator(config).result().notes == ["There are no singles."]
    empty = toy.pairs([], [])
    assert evaluated(config, (toy.slices(), empty)).notes == ["There are no singles."]
    result = evaluated(config, (toy.slices([{"event": 1}], []), empty))
    assert count(result)["targets"] == 0 and np.isnan(values(result)["pair_f1"])
    assert "pair_f1" in {m["name"] for m in to_dict(result)["metrics"]}


def test_pairs_that_cannot_be(toy, sample):
    config = toy.configured()
    with pytest.raises(ValueError, match="own singles"):
        evaluated(config, (sample, toy.pairs([0], [0])))
    with pytest.raises(ValueError, match="own singles"):
        evaluated(config, (sample, toy.pairs([0], [len(sample["time"].flat) - 1])))
    with pytest.raises(InputError, match="delayed"):
        evaluated(config, (sample, {"first": np.zeros(0), "second": np.zeros(0), "score": np.zeros(0)}))


def test_every_figure_is_drawn(toy, sample):
    pairs = toy.sorter(sample)
    pairs["score"] = np.random.default_rng(3).random(len(pairs["first"])).astype(np.float32)
    figures = evaluated(toy.configured(), (sample, pairs)).figures
    assert set(figures) == {"Energies of pairs", "Time differences of pairs", "Sinogram of the pairs", "Picture of targets and of pairs",
                            "Efficiency against distance from the axis", "F1 against the rate of singles", "Reliability of the score"}
    for figure in figures.values():
        stream = io.BytesIO()
        figure.savefig(stream, format="svg")
        assert stream.getvalue().startswith(b"<?xml") and figure.get_label()


def test_spectra_and_sinogram_hold_every_pair(toy, sample):
    config, pairs = toy.configured(), toy.sorter(sample)
    evaluator = PetEvaluator(config)
    evaluator.update(sample, pairs)
    evaluator.result()
    n = len(pairs["first"])
    assert evaluator.plot_data.energies[:-1].sum() == 2 * n
    assert evaluator.plot_data.times.counts.sum() == evaluator.lines.sinogram("prompts").sum() == n
    assert evaluator.lines.distance("prompts").sum() == n
    # True pairs of a source around the axis arrive at the same time from either side; the sign follows the line.
    true = evaluator.plot_data.times.counts[0]
    half = len(true) // 2
    assert abs(true[:half].sum() - true[half:].sum()) < 4 * np.sqrt(true.sum())
