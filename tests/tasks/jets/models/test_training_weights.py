"""Weights and masses with which networks and trees are trained."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.tasks.jets.models.class_weights import without_negative
from pphysml.tasks.jets.models.resonance_masses import fit_masses, with_drawn


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
