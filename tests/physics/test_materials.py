"""Materials against published stopping powers, radiation lengths and cross sections."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from pphysml.physics.electron_range import electron_energy, electron_range
from pphysml.physics.materials import MATERIALS, MaterialName
from pphysml.physics.multiple_scattering import SINGLE
from pphysml.physics.range_energy import PROTON_MASS, particle_range

LEAST = {"air": 1.815, "water": 1.992, "polyethylene": 2.079, "pmma": 1.929, "polycarbonate": 1.886, "graphite": 1.742,
         "aluminium": 1.615, "silicon": 1.664, "tungsten": 1.145}
"""Energy loss at its minimum, MeV cm2/g (Review of Particle Physics)."""


def csda_range(name: MaterialName, energy: float) -> float:
    """Return the range in mm, from 2 MeV on, by Bethe's formula in small steps."""
    energies = np.linspace(2.0, energy, 2000)
    return float(np.trapezoid([1.0 / MATERIALS[name].stopping_power(e) for e in energies], energies))


def test_every_name_of_a_configuration_has_a_material_whose_parts_are_the_whole() -> None:
    assert set(get_args(MaterialName)) == set(MATERIALS) == set(LEAST)
    for material in MATERIALS.values():
        assert sum(share for _, share in material.parts) == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize("name", LEAST)
def test_least_energy_loss_is_the_published_one(name: MaterialName) -> None:
    # The density effect, which is left out, takes a few per cent of it in what is dense.
    energies = PROTON_MASS * (np.sqrt(1 + np.linspace(2.5, 4.0, 40) ** 2) - 1)
    least = min(MATERIALS[name].stopping_power(e) for e in energies) / MATERIALS[name].density * 10
    assert 0.99 < least / LEAST[name] < 1.08


def test_water_slows_protons_as_in_the_tables_of_pstar() -> None:
    for energy, published in ((50.0, 12.45), (100.0, 7.289), (150.0, 5.445), (200.0, 4.492)):
        assert MATERIALS["water"].stopping_power(energy) * 10 == pytest.approx(published, rel=4e-3)


@pytest.mark.parametrize(("name", "published", "accuracy"), [
    ("aluminium", 2.12, 0.01), ("pmma", 1.16, 0.01), ("polycarbonate", 1.15, 0.01), ("polyethylene", 0.94 * 1.061, 0.01), ("air", 1.06e-3, 0.02),
])
def test_relative_stopping_powers_are_those_measured_with_protons(name: MaterialName, published: float, accuracy: float) -> None:
    assert MATERIALS[name].relative_stopping_power == pytest.approx(published, rel=accuracy)


@pytest.mark.parametrize("name", ["tungsten", "aluminium", "graphite", "polyethylene", "silicon"])
@pytest.mark.parametrize("energy", [100.0, 200.0])
def test_range_in_a_material_is_that_in_water_over_the_relative_stopping_power(name: MaterialName, energy: float) -> None:
    water = csda_range("water", energy)
    assert water == pytest.approx(float(particle_range(energy)), rel=0.02)
    # In heavy nuclei it grows with the energy, so that slow protons come a few per cent further.
    assert csda_range(name, energy) * MATERIALS[name].relative_stopping_power == pytest.approx(water, rel=0.05 if name == "tungsten" else 0.015)


@pytest.mark.parametrize(("name", "published"), [("aluminium", 88.97), ("tungsten", 3.504), ("silicon", 93.70), ("water", 360.8), ("pmma", 340.7)])
def test_radiation_lengths_are_the_published_ones(name: MaterialName, published: float) -> None:
    assert MATERIALS[name].radiation_length == pytest.approx(published, rel=1e-3)


def test_single_scatters_of_light_materials_have_the_common_scale() -> None:
    assert MATERIALS["water"].single_scale == pytest.approx(4.89, abs=0.01)
    for name in ("water", "aluminium", "graphite", "silicon"):
        assert MATERIALS[name].single_scale == pytest.approx(SINGLE, rel=0.04)
    assert MATERIALS["tungsten"].single_scale == pytest.approx(1.13 * SINGLE, rel=0.01)


@pytest.mark.parametrize("name", ["graphite", "aluminium", "silicon", "tungsten"])
def test_interactions_follow_from_cross_sections_of_fast_protons(name: MaterialName) -> None:
    """45 mb A^0.7 [1 + 0.016 sin(5.3 - 2.63 ln A)] (J. Letaw et al., Astrophys. J. Suppl. 51 (1983) 271)."""
    material = MATERIALS[name]
    mass = material.nucleus
    barn = 45e-3 * mass**0.7 * (1 + 0.016 * np.sin(5.3 - 2.63 * np.log(mass)))
    assert material.interactions == pytest.approx(0.1 * material.density * 0.60221 * barn / mass, rel=0.11)


def test_electrons_have_a_practical_range_and_an_energy_that_belongs_to_it() -> None:
    energy = np.geomspace(0.01, 2.0, 50)
    np.testing.assert_allclose(electron_energy(electron_range(energy)), energy, rtol=1e-9)
    assert (np.diff(electron_range(energy)) > 0).all()
    # 13.5 mg/cm2 at 100 keV, 0.42 g/cm2 at 1 MeV.
    np.testing.assert_allclose(electron_range(np.array([0.1, 1.0])), [0.0135, 0.42], rtol=0.03)
