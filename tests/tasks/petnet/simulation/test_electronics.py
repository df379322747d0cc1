"""Measured energies and times of given deposits, against the formulas of their resolutions."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.petnet.config.simulation import SimulationConfig
from pphysml.tasks.petnet.scanner.scanner import load_scanner
from pphysml.tasks.petnet.simulation.deposit_kernel import (
    ROW_CRYSTAL,
    ROW_END,
    ROW_ENERGY,
    ROW_EVENT,
    ROW_TIME,
)
from pphysml.tasks.petnet.simulation.electronics import Electronics

NUMBER = 20_000
FWHM = 2 * np.sqrt(2 * np.log(2))


def measured(energy, rng=None, **options):
    """Return the singles of deposits far from each other in time."""
    settings = SimulationConfig(dead_time=0.0, integration_time=0.0, threshold=0.0, **options)
    rows = np.zeros((len(energy), ROW_END))
    rows[:, ROW_EVENT] = np.arange(len(energy))
    rows[:, ROW_CRYSTAL] = np.arange(len(energy)) % 100
    rows[:, ROW_TIME] = 1e-6 * (1 + np.arange(len(energy)))
    rows[:, ROW_ENERGY] = energy
    return rows, Electronics(settings, load_scanner(settings.scanner)).measure(rows, rng or np.random.default_rng(5))


@pytest.mark.parametrize("energy", [0.128, 0.511, 1.275])
@pytest.mark.parametrize("resolution", [0.05, 0.13])
def test_the_width_of_the_energy_is_given_at_511_kev_and_grows_with_its_root(energy, resolution):
    """As photons that are counted: half the energy has 0.71 of the width, not half."""
    _, singles = measured(np.full(NUMBER, energy), energy_resolution=resolution)
    width = resolution * 0.511 * np.sqrt(energy / 0.511) / FWHM
    assert singles.energy.std() == pytest.approx(width, rel=5 / np.sqrt(2 * NUMBER))
    assert singles.energy.mean() == pytest.approx(energy, abs=5 * width / np.sqrt(NUMBER))


def test_the_width_of_a_time_is_that_of_a_difference_over_the_root_of_two():
    rows, singles = measured(np.full(NUMBER, 0.511), coincidence_resolution=300.0)
    error = singles.time - rows[singles.deposit, ROW_TIME]
    assert error.std() == pytest.approx(300e-12 / FWHM / np.sqrt(2), rel=5 / np.sqrt(2 * NUMBER))
    assert np.diff(error).std() * FWHM == pytest.approx(300e-12, rel=0.03)


def test_a_perfect_detector_measures_what_was_deposited():
    energy = np.random.default_rng(1).uniform(0.1, 1.2, 50)
    rows, singles = measured(energy, energy_resolution=0.0, coincidence_resolution=0.0)
    assert np.array_equal(singles.energy, energy) and np.array_equal(singles.deposit, np.arange(50))
    assert np.array_equal(singles.time, rows[:, ROW_TIME]) and np.array_equal(singles.crystal, rows[:, ROW_CRYSTAL])
