"""Weights and masses with which networks and trees are trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.config import build
from pphysml.errors import InputError
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.learner import JetsLearner
from pphysml.tasks.jets.models.class_weights import without_negative
from pphysml.tasks.jets.models.jet_weights import fit_planing, fit_weights, weights_of
from pphysml.tasks.jets.models.resonance_masses import fit_masses, stated_or_true, with_drawn


def test_background_is_given_masses_as_often_as_signal_has_them_by_weight() -> None:
    mass, weight = np.repeat([-1.0, 100.0, 200.0], [500, 900, 100]), np.repeat([1.0, 1.0, 27.0], [500, 900, 100])
    found = fit_masses({"jet_resonance_mass": mass}, mass > 0, weight)
    drawn = with_drawn(np.full(40_000, -1.0), found, np.random.default_rng(2))
    assert set(drawn) == {100.0, 200.0}
    assert np.mean(drawn == 200) == pytest.approx(2700 / 3600, abs=0.01)
    plain = fit_masses({"jet_resonance_mass": mass}, mass > 0, np.ones(1500))
    assert np.mean(plain["masses"] == 200) == pytest.approx(0.1, abs=1 / 256)
    with pytest.raises(InputError, match="jet_resonance_mass"):
        fit_masses({"jet_resonance_mass": mass}, mass < 0, weight)


def test_classes_keep_their_weights_where_negative_ones_are_taken_for_none() -> None:
    label, weight = np.array([0, 0, 0, 1, 1, 1]), np.array([2.0, -1.0, 3.0, 1.0, 1.0, 2.0])
    kept = without_negative(weight, label)
    np.testing.assert_allclose(kept, [1.6, 0, 2.4, 1, 1, 2])


def test_signal_jets_keep_their_own_mass_and_those_of_background_do_not_depend_on_the_block() -> None:
    config = build(JetsConfig, {"model": {"parametrise": True}}, "test")
    mass = np.where(np.arange(3000) % 2 == 0, -1.0, 80.0 + np.arange(3000) % 7)
    examples = {"jet_resonance_mass": mass, "entry": np.arange(3000) // 2, "jet": np.arange(3000) % 2}
    prepared = {"masses": np.repeat([100.0, 150.0, 300.0, 500.0], 64)}
    for found in (with_drawn(mass, prepared, np.random.default_rng(1)), stated_or_true(examples, config, prepared)):
        np.testing.assert_array_equal(found[mass > 0], mass[mass > 0])
        assert np.bincount(found[mass < 0].astype(int), minlength=501)[[100, 150, 300, 500]] == pytest.approx([375] * 4, abs=80)
    part = {name: column[1001:1100] for name, column in examples.items()}
    np.testing.assert_array_equal(stated_or_true(part, config, prepared), stated_or_true(examples, config, prepared)[1001:1100])


def test_planing_gives_background_the_spectrum_of_signal_and_leaves_that_as_it_is() -> None:
    rng = np.random.default_rng(6)
    label = np.arange(20_000) % 2
    mass = np.where(label == 1, rng.normal(100, 20, 20_000), rng.uniform(20, 220, 20_000))
    examples = {"class": label, "weight": np.ones(20_000), "jet_mass": mass}
    config = build(JetsConfig, {"model": {"decorrelate": "planing"}}, "test")
    found = fit_weights(examples, config)
    weight = weights_of(examples, found | fit_planing(examples, found, config), config)
    edges = np.linspace(60, 140, 5)
    background, signal = (np.histogram(mass[label == k], edges, weights=weight[label == k])[0] for k in (0, 1))
    np.testing.assert_allclose(background / background.sum(), signal / signal.sum(), atol=0.03)
    assert np.ptp(weight[label == 1]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("against", [["jet_mass"], ["jet_mass", "jet_pt"]])
def test_for_a_parametrised_network_planing_does_so_at_each_resonance_mass(against) -> None:
    """The spectrum of all signals together would leave background at each mass its own."""
    rng, n, grid = np.random.default_rng(7), 60_000, np.array([60.0, 90.0, 120.0, 200.0])
    label, resonance = np.arange(n) % 2, rng.choice(grid, n)
    mass = np.where(label == 1, resonance * rng.normal(1, 0.1, n), 20 + rng.exponential(80, n))
    examples = {"class": label, "weight": np.ones(n), "jet_mass": mass, "jet_pt": rng.uniform(300, 900, n), "jet_eta": rng.normal(size=n), "s": rng.normal(size=n),
                "jet_resonance_mass": np.where(label == 1, resonance, -1.0)}
    config = build(JetsConfig, {"model": {"inputs": ["s"], "decorrelate": "planing", "parametrise": True, "against": against}}, "test")
    learner = JetsLearner(config)
    learner.build(learner.prepare([examples]))
    torch.manual_seed(1)
    batch = learner.collate(examples)
    weight, drawn = batch["weight"].numpy(), np.exp(batch["inputs"][:, -1].numpy() * learner.prepared["log_mass"][1] + learner.prepared["log_mass"][0])
    for at in grid:
        spectra = [np.histogram(mass[own] / at, np.linspace(0.85, 1.15, 6), weights=weight[own])[0] for own in ((label == k) & np.isclose(drawn, at, rtol=1e-3) for k in (0, 1))]
        background, signal = (spectrum / spectrum.sum() for spectrum in spectra)
        np.testing.assert_allclose(background, signal, atol=0.08)
