"""Working points: efficiencies as wanted, flat in bins, the same after writing, as correctionlib reads them."""

import json

import correctionlib
import numpy as np
import pytest

from pphysml import plain_yaml
from pphysml.errors import ConfigError
from pphysml.evaluation import working_points as w
from pphysml.evaluation.discriminant import Discriminant, flavour_discriminant
from pphysml.evaluation.working_point_files import from_yaml, to_correctionlib, to_yaml

CLASSES = ("b", "c", "light")
PT = w.Binning("pt", (20.0, 50.0, 100.0, 300.0), "GeV")
TARGETS = (w.Target("70%", ("b",), 0.7), w.Target("R100", ("c", "light"), 0.01))


def jets(n=30_000, seed=0, weights=None, events=False):
    rng = np.random.default_rng(seed)
    label, pt = rng.integers(0, 3, n), rng.exponential(80, n)
    score = rng.normal(size=n) - 1.5 * label + pt / 100
    return w.ScoredJets(score, label, CLASSES, None if weights is None else rng.choice(weights, n), pt, np.arange(n) // 2 if events else None)


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, -0.5]])
@pytest.mark.parametrize("binning", [None, PT])
def test_thresholds_have_the_wanted_efficiencies_in_every_bin(binning, weights):
    sample = jets(weights=weights)
    found = w.working_points(TARGETS, sample, sample, binning)
    bins = np.zeros(30_000, int) if binning is None else binning.bin_of(sample.values)
    weight = sample.weight()
    for target in TARGETS:
        passed = found.passed(target.name, sample.score, sample.values)
        for b in np.unique(bins):
            chosen = sample.of(target.classes) & (bins == b)
            reached = weight[chosen & passed].sum() / weight[chosen].sum()
            assert reached == pytest.approx(target.efficiency, abs=2.5 / chosen.sum() * (1 if weights is None else 3))
        for number, name in enumerate(CLASSES):
            of_class = sample.label == number
            expected = [weight[of_class & passed & (bins == b)].sum() / weight[of_class & (bins == b)].sum() for b in np.unique(bins)]
            efficiency = found.points[target.name].efficiency[name]
            np.testing.assert_allclose(efficiency.value, np.clip(expected, 0, 1), atol=1e-12)
            assert ((efficiency.low <= efficiency.value) & (efficiency.value <= efficiency.high) & (efficiency.low < efficiency.high)).all()
            np.testing.assert_array_equal(found.points[target.name].jets[name], np.bincount(bins[of_class]))


def test_one_threshold_is_not_flat_and_those_of_bins_are_on_other_jets():
    chosen, judged = jets(seed=1), jets(seed=2)
    plain = w.working_points(TARGETS, chosen, judged)
    flat = w.working_points(TARGETS, chosen, judged, PT)
    bins = PT.bin_of(judged.values)
    one = [plain.passed("70%", judged.score)[(bins == b) & (judged.label == 0)].mean() for b in range(3)]
    assert np.ptp(one) > 0.2
    efficiency = flat.points["70%"].efficiency["b"]
    assert (np.abs(efficiency.value - 0.7) < 4 * (efficiency.high - efficiency.low)).all()
    assert np.ptp(efficiency.value) < 0.04


def test_errors_of_efficiencies_are_those_of_jets_or_of_events():
    sample = jets()
    twice = np.repeat(np.arange(30_000), 2)
    doubled = w.ScoredJets(sample.score[twice], sample.label[twice], CLASSES, event=twice)
    found = [w.working_points(TARGETS, sample, one).points["70%"].efficiency["c"] for one in (sample, doubled)]
    value, low, high = (float(x[0]) for x in found[0])
    assert (high - low) / 2 == pytest.approx(np.sqrt(value * (1 - value) / (sample.label == 1).sum()), rel=0.02)
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)


def test_thresholds_lie_between_scores():
    label = np.array([0, 0, 0, 0, 1, 1])
    sample = w.ScoredJets(np.array([4.0, 3, 2, 1, 2.6, 0]), label, ("s", "b"))
    found = w.working_points([w.Target("half", ("s",), 0.5), w.Target("r2", ("b",), 0.5)], sample, sample)
    assert found.threshold("half") == 2.5 and found.threshold("r2") == 1.3
    assert found.passed("half", [2.5, 2.4, np.nan]).tolist() == [True, False, False]
    infinite = w.ScoredJets(np.array([np.inf, -np.inf] * 5), np.zeros(10, int), ("s",))
    found = w.working_points([w.Target("half", ("s",), 0.5)], infinite, infinite)
    assert found.passed("half", [np.inf, -np.inf]).tolist() == [True, False]
    assert np.isfinite(json.loads(to_correctionlib("a", found))["corrections"][0]["data"]["content"][0]["value"])


def test_a_class_without_jets_in_a_bin_has_no_efficiency():
    sample = jets(3000)
    away = w.ScoredJets(sample.score, np.where(sample.values < 50, 0, sample.label), CLASSES, values=sample.values)
    efficiency = w.working_points(TARGETS[:1], sample, away, PT).points["70%"].efficiency["c"]
    assert np.isnan(efficiency.value).tolist() == [True, False, False]
    assert (efficiency.low[0], efficiency.high[0]) == (0, 1)


@pytest.mark.parametrize(("target", "message"), [
    (w.Target("x", ("bottom",), 0.5), "class 'bottom'"), (w.Target("x", ("b",), 1.5), "between 0 and 1"),
    (w.Target("x", ("b",), 1e-4), "with pt from .* too few"), (w.Target("x", ("light",), 0.5), "0 jets with pt from 100 to 300 GeV"),
])
def test_what_cannot_be_met_is_said(target, message):
    sample = jets(3000)
    sample = w.ScoredJets(sample.score, np.where(sample.values > 100, 0, sample.label), CLASSES, values=sample.values)
    with pytest.raises(ConfigError, match=message):
        w.working_points([target], sample, sample, PT)
    with pytest.raises(ConfigError, match=r"no working point '70'\. Did you mean '70%'"):
        w.working_points(TARGETS[:1], sample, sample).threshold("70")


@pytest.mark.parametrize("binning", [None, PT, w.Binning("pt", (-np.inf, 60.0, np.inf))])
def test_yaml_is_read_back_as_it_was(binning):
    sample, discriminant = jets(weights=[1.0, -0.3]), flavour_discriminant("b", {"c": 0.02}, "light")
    found = w.working_points(TARGETS, sample, jets(400, 5), binning)
    text = to_yaml(found, discriminant)
    read, same = from_yaml(text, "points.yaml")
    assert (read.binning, same) == (binning, discriminant)
    assert list(read.points) == ["70%", "R100"]
    for name, point in found.points.items():
        assert read.points[name].target == point.target
        np.testing.assert_array_equal(read.points[name].threshold, point.threshold)
        for kind in CLASSES:
            np.testing.assert_array_equal(read.points[name].efficiency[kind], point.efficiency[kind])
            np.testing.assert_array_equal(read.points[name].jets[kind], point.jets[kind])
    for broken in ("a: 1", "[1]", text.replace("threshold", "thresh"), text.replace("light: 0.98", "b: 0.98")):
        with pytest.raises(ConfigError, match=r"points\.yaml: holds no working points"):
            from_yaml(broken, "points.yaml")


def test_a_threshold_too_few_is_no_file_of_ours():
    values = plain_yaml.parse(to_yaml(w.working_points(TARGETS, jets(), jets(), PT)), "")
    values["working_points"]["70%"]["threshold"].pop()
    with pytest.raises(ConfigError, match="3 numbers are needed, there are 2"):
        from_yaml(plain_yaml.dump(values), "x")


@pytest.mark.parametrize("binning", [None, PT, w.Binning("eta", (-np.inf, 30.0, 60.0, 90.5, np.inf))])
def test_correctionlib_reads_the_same_numbers(binning):
    found = w.working_points(TARGETS, jets(), jets(300, 5), binning)
    read = correctionlib.CorrectionSet.from_string(to_correctionlib("jets", found))
    assert sorted(read) == ["jets_efficiency", "jets_threshold"]
    rng = np.random.default_rng(6)
    values = np.concatenate([rng.normal(100, 200, 300), [20, 50, 300, 90.5, np.nan, np.inf, -np.inf]])
    inputs = [] if binning is None else [values]
    for name, point in found.points.items():
        # Its reader of JSON is off in the last bit of some numbers.
        np.testing.assert_allclose(read["jets_threshold"].evaluate(name, *inputs), found.threshold(name, values), rtol=3e-16)
        place = 0 if binning is None else binning.bin_of(values)
        for kind, efficiency in point.efficiency.items():
            for end, expected in zip(("nominal", "down", "up"), efficiency, strict=True):
                np.testing.assert_allclose(read["jets_efficiency"].evaluate(name, kind, end, *inputs), np.nan_to_num(expected)[place], rtol=3e-16)


@pytest.mark.parametrize("signal", [{"b": 1.0}, {"b": 0.5, "c": 2.0}, {"b": 0.5, "c": 0.2, "H": 0.1, "Z": 0.1, "W": 1e-9, "top": 0.3, "u": 1.0, "d": 2.0}])
@pytest.mark.parametrize("background", [{"q": 1.0}, {"q": 0.02, "g": 0.98}, {f"k{i}": 0.1 * i for i in range(5)}])
def test_correctionlib_has_the_same_discriminant(signal, background):
    discriminant = Discriminant(signal, background)
    text = to_correctionlib("jets", w.working_points(TARGETS, jets(), jets()), discriminant)
    read = correctionlib.CorrectionSet.from_string(text)["jets_discriminant"]
    names = [*signal, *background]
    probabilities = dict(zip(names, np.random.default_rng(7).dirichlet(np.full(len(names), 0.5), 200).T, strict=True))
    probabilities["q" if "q" in background else "k1"][0] = 0.0
    found = read.evaluate(*(probabilities[variable.name.removeprefix("p_")] for variable in read.inputs))
    np.testing.assert_allclose(found, discriminant.of(probabilities), rtol=1e-12, atol=1e-12)


def test_discriminants():
    p = {"b": np.array([0.7, 0.0]), "c": np.array([0.2, 0.0]), "u": np.array([0.1, 1.0])}
    found = flavour_discriminant("b", {"c": 0.1}, "u").of(p)
    assert found[0] == pytest.approx(np.log(0.7 / (0.1 * 0.2 + 0.9 * 0.1))) and found[1] < -60
    assert Discriminant({"b": 1, "c": 1}, {"u": 1}).of(p)[0] == pytest.approx(np.log(9))
    with pytest.raises(ValueError, match="'b' is signal and background"):
        Discriminant({"b": 1}, {"b": 1, "c": 1})
    with pytest.raises(ValueError, match="must not be negative"):
        Discriminant({"b": 1}, {"c": -0.1, "u": 1})
    with pytest.raises(ValueError, match="at most 1"):
        flavour_discriminant("b", {"c": 0.7, "t": 0.7}, "u")
