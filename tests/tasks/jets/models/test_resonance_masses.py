"""Masses at which the map of a parametrised network is fitted lie between those of the grid, too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from pphysml.config import build
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.models.domain import outside
from pphysml.tasks.jets.models.resonance_masses import between_all


def test_masses_are_even_in_their_logarithm_over_all_of_the_grid() -> None:
    grid = np.repeat([50.0, 100.0, 300.0], 4)
    drawn = between_all(5000, {"masses": grid}, np.random.default_rng(2))
    assert drawn.shape[1] > 1 and drawn.min() >= 50 and drawn.max() <= 300
    assert all(kstest(np.log(column / 50) / np.log(6), "uniform").pvalue > 0.001 for column in drawn.T)


@pytest.mark.parametrize(("stated", "said"), [(None, False), (50.0, False), (47.0, False), (215.0, False), (40.0, True), (250.0, True), (1e9, True)])
def test_a_stated_mass_outside_those_of_the_training_is_said(stated: float | None, said: bool) -> None:
    config = build(JetsConfig, {"model": {"parametrise": True}, "apply": {"resonance_mass": stated}}, "test")
    found = list(outside({}, {"masses": np.array([50.0, 80.0, 200.0])}, config))
    assert bool(found) == said and all("in the training 50 to 200" in sentence for sentence in found)
