"""Scores that are to be independent of two variables lose both, whatever keeps them from showing these."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from pphysml.config import build
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.learner import JetsLearner
from pphysml.tasks.jets.models.decorrelated import Adversaries, dependence, fit_spectrum

BOTH = ["jet_mass", "jet_pt"]


def config_of(against=BOTH, decorrelate="disco", **data):
    return build(JetsConfig, {"model": {"inputs": ["jet_mass", "jet_pt", "z"], "layers": [4], "decorrelate": decorrelate, "against": against}, "data": data}, "test")


def sample(n=4000, seed=0, classes=2):
    """Return jets whose mass, momentum and z are normal, and 1 higher in signal, the last class, each by itself."""
    rng = np.random.default_rng(seed)
    label = (np.arange(n) % classes).astype(np.int32)
    mass, pt, z = rng.normal(size=(3, n)) + (label == classes - 1)
    return {"class": label, "weight": np.ones(n), "jet_mass": mass, "jet_pt": 10 * pt, "z": z, "entry": np.arange(n), "jet": np.zeros(n, np.int64)}


def directions(against, decorrelate):
    """Return the squared coefficients of mass, momentum and z of a linear score that is trained, their sum is 1."""
    torch.manual_seed(1)
    config = config_of(against, decorrelate)
    learner, examples = JetsLearner(config), sample()
    prepared = learner.prepare([examples])
    learner.build(prepared)
    batch = learner.collate(examples)
    slope = torch.full((3,), 0.5, requires_grad=True)
    optimizer = torch.optim.Adam([slope], 0.1)
    for _ in range(80):
        logits = torch.stack([torch.zeros(len(examples["z"])), batch["inputs"] @ slope - 0.5], 1)
        each = torch.nn.functional.cross_entropy(logits, batch["class"], reduction="none")
        loss = (batch["weight"] * each).mean()
        if decorrelate in ("disco", "mode"):
            loss = loss + {"disco": 30.0, "mode": 300.0}[decorrelate] * dependence(logits, batch["against"], batch["background_weight"], batch["background"], config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    squares = slope.detach().numpy() ** 2
    return squares / squares.sum()


@pytest.mark.parametrize("decorrelate", ["disco", "mode", "planing"])
def test_all_variables_are_lost_and_not_the_first_alone(decorrelate) -> None:
    one, both = directions(BOTH[:1], decorrelate), directions(BOTH, decorrelate)
    # What planing leaves is inside its bins, ten in each variable here.
    least = 0.1 if decorrelate == "planing" else 0.01
    assert one[0] < least and one[1] > 0.3 and max(both[:2]) < least


def crossed(n=3000):
    """Return variables and a score that is independent of each, and the sign of their product."""
    rng = np.random.default_rng(3)
    against = rng.normal(size=(n, 2)) * [1, 40]
    score = np.clip(0.5 + 0.3 * np.sign(against[:, 0] * against[:, 1]) + 0.05 * rng.normal(size=n), 0.01, 0.99)
    return torch.tensor(against, dtype=torch.float32), torch.tensor(score, dtype=torch.float32)


@pytest.mark.parametrize("density", ["bins", "mixture"])
def test_adversaries_guess_both_together(density) -> None:
    """The score says nothing of either alone; of both it says in which two of four quarters they are, which is log 2."""
    torch.manual_seed(0)
    against, score = crossed()
    config = build(JetsConfig, {"model": {"decorrelate": "adversarial", "against": BOTH, "adversary_density": density}}, "test")
    guesses = Adversaries(config, fit_spectrum(against.numpy()))
    optimizer, values = torch.optim.Adam(guesses.parameters(), 0.02), {}
    for name, given in (("nothing", torch.full_like(score, 0.5)), ("score", score)):
        for _ in range(120):
            loss = guesses(given[:, None], against).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        values[name] = loss.item()
    assert values["nothing"] - values["score"] > 0.65 * np.log(2)


def test_distance_correlation_sees_both_together_and_moments_do_not() -> None:
    against, score = crossed(2000)
    logits = torch.stack([torch.zeros(2000), torch.logit(score)], 1)
    ones = torch.ones(2000)
    value = {name: float(dependence(logits, against, ones, ones > 0, config_of(decorrelate=name))) for name in ("disco", "mode")}
    alone = float(dependence(logits, against[:, :1], ones, ones > 0, config_of(BOTH[:1])))
    assert value["disco"] > 0.02 > 5 * alone and abs(value["mode"]) < 1e-3


@pytest.mark.parametrize("decorrelate", ["disco", "mode"])
def test_a_variable_that_is_not_shown_does_not_weaken_what_another_costs(decorrelate) -> None:
    rng, ones = np.random.default_rng(5), torch.ones(3000)
    against = torch.tensor(rng.normal(size=(3000, 3)) * [1, 50, 0.1], dtype=torch.float32)
    logits = torch.stack([torch.zeros(3000), 0.5 * against[:, 0] + torch.tensor(rng.normal(size=3000), dtype=torch.float32)], 1)
    one, two, three = (float(dependence(logits, against[:, :n], ones, ones > 0, config_of(decorrelate=decorrelate))) for n in (1, 2, 3))
    assert two == pytest.approx(one, rel=0.15) and three == pytest.approx(one, rel=0.2)


def test_one_adversary_is_as_before_and_bins_of_few_values_are_stored() -> None:
    rng = np.random.default_rng(1)
    found = fit_spectrum(rng.normal(size=(1000, 1)))
    assert found["adversary_edges"].shape == (9,) and found["adversary_range"].shape == (2,)
    np.testing.assert_allclose(found["adversary_edges"], norm.ppf(np.arange(1, 10) / 10), atol=0.15)
    found = fit_spectrum(np.stack([rng.integers(0, 2, 1000), rng.normal(size=1000)], 1))
    assert found["adversary_edges"].shape == (2, 9) and set(found["adversary_edges"][0]) <= {0, 1}
    guesses = Adversaries(config_of(decorrelate="adversarial"), found)
    assert torch.isfinite(guesses(torch.rand(5, 1), torch.rand(5, 2))).all() and len(guesses(torch.rand(0, 1), torch.rand(0, 2))) == 0


@pytest.mark.parametrize(("fractions", "shares"), [({}, (0.75, 0.25)), ({"c": 0.07, "light": 0.93}, (0.93, 0.07))])
@pytest.mark.parametrize("decorrelate", ["disco", "adversarial"])
def test_several_backgrounds_weigh_where_scores_are_made_flat_as_where_they_are_judged(fractions, shares, decorrelate) -> None:
    """As in the files, three times as many light as c jets, or by stated fractions; whatever the classes weigh in the training."""
    config = config_of(decorrelate=decorrelate, classes={"light": "jet_label == 0", "c": "jet_label == 1", "b": "jet_label == 2"}, background=["light", "c"], fractions=fractions)
    examples = sample(6000, classes=3)
    kept = (examples["class"] != 1) | (np.arange(6000) % 9 == 1)
    learner, examples = JetsLearner(config), {name: values[kept] for name, values in examples.items()}
    learner.build(learner.prepare([examples]))
    batch = learner.collate(examples)
    sums = np.bincount(batch["class"].numpy(), batch["background_weight"].numpy(), 3)
    np.testing.assert_allclose(sums / sums.sum(), [*shares, 0], atol=0.01)
    np.testing.assert_allclose(np.bincount(batch["class"].numpy(), batch["weight"].numpy()), len(kept[kept]) / 3, rtol=1e-4)
