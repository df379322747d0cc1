"""What jets weigh in a training: spectra that are made alike, by weights and by leaving jets out, and shares of classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.config import build
from pphysml.errors import ConfigError
from pphysml.io.ragged import length, take
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.learner import JetsLearner
from pphysml.tasks.jets.models.boosted_trees import NAMES, summed_trees
from pphysml.tasks.jets.models.class_weights import class_weights
from pphysml.tasks.jets.models.inputs import inputs_of
from pphysml.tasks.jets.models.jet_weights import drawn, weights_of

DECORRELATIONS = ("none", "planing", "adversarial", "disco", "mode", "quantile")


def config_of(**training):
    return configured(training)


def configured(training=None, **model):
    return build(JetsConfig, {"model": {"inputs": ["s"], **({} if "name" in model else {"layers": [8]}), **model}, "training": training or {}}, "test")


def sample(n=40_000, seed=0, signed=True, signals=0.5):
    """Return jets of background with falling spectra, and of a signal at a mass; their score s is Gaussian, 1 apart."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < signals).astype(np.int32)
    mass = np.where(label == 1, rng.normal(90, 25, n).clip(20), 20 + rng.exponential(60, n))
    pt = 300 + rng.exponential(np.where(label == 1, 250, 150)) + 0.3 * mass
    return {"class": label, "weight": rng.choice([1.5, 1.0, -0.5], n) if signed else rng.random(n) + 0.5, "jet_mass": mass, "jet_pt": pt, "jet_eta": rng.normal(0, np.where(label == 1, 0.8, 1.2)),
            "s": rng.normal(label, 1.0), "entry": np.arange(n), "jet": np.zeros(n, np.int64), "jet_resonance_mass": np.where(label == 1, 90.0, -1.0)}


def chi2_per_bin(examples, weight, names, bins):
    """Return chi2 / (bins - 1) between the normalised weighted spectra of both classes."""
    edges = [np.quantile(examples[name], np.linspace(0.02, 0.98, bins + 1)) for name in names]
    points = np.stack([examples[name] for name in names], 1)
    values, variances = [], []
    for c in (0, 1):
        own = examples["class"] == c
        sums, squares = (np.histogramdd(points[own], edges, weights=w[own])[0] for w in (weight, weight**2))
        values.append(sums / sums.sum())
        variances.append(squares / sums.sum() ** 2)
    return ((values[0] - values[1]) ** 2 / (variances[0] + variances[1])).sum() / (values[0].size - 1)


SPECTRA = [(["jet_mass"], "flat"), (["jet_mass"], "signal"), (["jet_pt", "jet_eta"], "background"), (["jet_pt", "jet_eta"], "flat")]


@pytest.mark.parametrize("by", ["weight", "sampling"])
@pytest.mark.parametrize(("texts", "reference"), SPECTRA)
def test_spectra_of_all_classes_agree_in_jets_that_the_factors_were_not_fitted_to(texts, reference, by) -> None:
    config = config_of(reweight=texts, reference=reference, reweight_by=by, largest_factor=20)
    found = JetsLearner(config).prepare([sample(120_000)])
    other = sample(30_000, seed=1)
    kept, weight = drawn(other, found, config, lambda: np.random.default_rng(2))
    bins = 12 if len(texts) == 1 else 5
    assert chi2_per_bin(other, other["weight"], texts, bins) > 20
    assert chi2_per_bin(kept, weight, texts, bins) < 2.0
    assert (length(kept) < length(other)) == (by == "sampling") and length(kept) > 300
    if by == "sampling":
        # Events keep their own weights, and classes weigh alike.
        assert np.ptp(weight / kept["weight"] / class_weights(kept["class"], found)) < 1e-12
    assert {*np.sign(weight)} >= {-1, 1}


def test_what_is_drawn_is_the_reweighted_sample_in_the_mean() -> None:
    """Of classes and bins, the sums over many drawings are those of the weights, up to one factor."""
    weighed, left_out = (config_of(reweight=["jet_mass"], reweight_by=by) for by in ("weight", "sampling"))
    examples = sample(20_000, signed=False)
    found = JetsLearner(weighed).prepare([examples])
    expected = weights_of(examples, found, weighed)
    bin_ = examples["class"] * 10 + np.searchsorted(np.quantile(examples["jet_mass"], np.linspace(0.1, 0.9, 9)), examples["jet_mass"])
    sums = np.zeros(20)
    rng = np.random.default_rng(3)
    for _ in range(100):
        kept, weight = drawn({**examples, "bin": bin_}, found, left_out, lambda: rng)
        sums += np.bincount(kept["bin"], weight, 20)
    ratio = sums / np.bincount(bin_, expected, 20)
    assert ratio.max() / ratio.min() < 1.15


def test_the_flat_spectrum_is_flat_and_that_of_a_class_is_its_own() -> None:
    examples = sample(100_000, signed=False)
    for reference, power in (("flat", 0.0), ("background", 1 / 60)):
        config = config_of(reweight=["jet_mass"], reference=reference)
        weight = weights_of(examples, JetsLearner(config).prepare([examples]), config)
        edges = np.linspace(60, 120, 7)
        for c in (0, 1):
            own = examples["class"] == c
            counts = np.histogram(examples["jet_mass"][own], edges, weights=weight[own])[0]
            expected = np.exp(-power * 0.5 * (edges[1:] + edges[:-1]))
            np.testing.assert_allclose(counts / counts.sum(), expected / expected.sum(), rtol=0.12)


def test_planing_comes_last_so_that_its_spectra_agree_together_with_others() -> None:
    config = configured({"reweight": ["jet_pt", "jet_eta"]}, decorrelate="planing")
    examples = sample(80_000, signed=False)
    found = JetsLearner(config).prepare([examples])
    weight = weights_of(examples, found, config)
    assert chi2_per_bin(examples, weight, ["jet_mass"], 12) < 1.0
    assert chi2_per_bin(examples, weight, ["jet_pt"], 12) < 0.2 * chi2_per_bin(examples, examples["weight"], ["jet_pt"], 12)


@pytest.mark.parametrize("by", ["weight", "sampling"])
@pytest.mark.parametrize("decorrelate", DECORRELATIONS)
def test_every_decorrelation_takes_reweighted_jets(decorrelate, by) -> None:
    config = configured({"reweight": ["jet_pt"], "reweight_by": by, "class_weights": "given"}, decorrelate=decorrelate, parametrise=True)
    learner, examples = JetsLearner(config), sample(4000, signals=0.2)
    network = learner.build(learner.prepare([examples]))
    torch.manual_seed(1)
    batch = learner.collate(take(examples, np.arange(512)))
    assert (len(batch["class"]) < 512) == (by == "sampling") and len({len(value) for value in batch.values()}) == 1
    torch.stack([term.weight * term.total / term.count for term in learner.losses(network, batch).values()]).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    # A batch of which nothing is left teaches nothing, and does no harm.
    learner.losses(network, {name: value[:0] for name, value in batch.items()})["class"].total.backward()


@pytest.mark.parametrize(("stated", "shares"), [("alike", (0.5, 0.5)), ("given", (0.9, 0.1)), ({"signal": 3, "background": 1}, (0.25, 0.75))])
def test_classes_weigh_what_is_stated_and_probabilities_are_of_equal_shares(stated, shares) -> None:
    """Of two Gaussians 1 apart the logarithm of the ratio is s - 1/2, whatever the classes weigh."""
    config = configured({"class_weights": stated}, name="score")
    learner, examples = JetsLearner(config), sample(60_000, signals=0.1)
    found = learner.prepare([examples])
    weight = weights_of(examples, found, config)
    np.testing.assert_allclose(np.bincount(examples["class"], weight) / length(examples), shares, atol=0.01)
    network = learner.build(found)
    batch = learner.collate(examples)
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        term = learner.losses(network, batch)["class"]
        value = term.total / term.count
        value.backward()
        return value

    optimiser.step(loss)
    scores = torch.tensor([[-1.0], [0.5], [2.0]])
    standard = (scores - float(found["input_mean"][0])) / float(found["input_scale"][0])
    with torch.no_grad():
        logits = network(standard)
    np.testing.assert_allclose((logits[:, 1] - logits[:, 0]).numpy(), scores[:, 0].numpy() - 0.5, atol=0.12)


def test_trees_are_of_equal_shares_too() -> None:
    examples, medians = sample(20_000, signed=False, signals=0.1), []
    for stated in ("alike", "given"):
        config = configured({"class_weights": stated}, name="trees", trees=20, leaves=4)
        found = JetsLearner(config).prepare([examples])
        a = {name: found[f"trees.{name}"] for name in NAMES}
        sums = summed_trees(inputs_of(examples, config, found), *(a[name] for name in ("feature", "threshold", "left", "right", "value", "first"))) + a["baseline"]
        medians.append(np.median(sums[examples["class"] == 0]))
    assert medians[0] == pytest.approx(-0.5, abs=0.15) and medians[1] == pytest.approx(medians[0], abs=0.2)


@pytest.mark.parametrize(("training", "model", "reason"), [
    ({"reference": "signal"}, {}, r"training\.reference has no effect"), ({"reweight_by": "sampling"}, {}, "has no effect"), ({"largest_factor": 3}, {}, "has no effect"),
    ({"reweight": ["jet_pt"], "reference": "top"}, {}, "neither flat nor one of"), ({"reweight": ["a", "b", "c"]}, {}, "two different"), ({"reweight": "jet_pt,jet_pt"}, {}, "two different"),
    ({"class_weights": {"signal": 1}}, {}, "a share for each"), ({"class_weights": {"signal": 1, "background": 0}}, {}, "above 0"),
    ({"reweight": ["jet_mass"], "reference": "signal"}, {"decorrelate": "planing"}, "gives all classes this spectrum")])
def test_options_without_effect_are_refused(training, model, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        configured(training, **model)
