"""Masses by name: units, spellings, antiparticles, and what is not in the tables."""

from __future__ import annotations

import math

import pytest

from pphysml.errors import ConfigError
from pphysml.physics.particle_masses import mass_of_number, particle_mass, particle_number


@pytest.mark.parametrize(("name", "mass"), [("e-", 0.000510999), ("pi0", 0.134977), ("p", 0.938272), ("B0", 5.2797), ("gamma", 0.0)])
def test_masses_are_in_gev(name, mass):
    assert particle_mass(name) == pytest.approx(mass, rel=1e-4)


@pytest.mark.parametrize(("name", "anti"), [("K+", "K-"), ("p", "p~"), ("D0", "anti-D0"), ("B0", "B~0"), ("mu-", "mu+")])
def test_antiparticles_have_the_same_mass(name, anti):
    assert particle_mass(name) == particle_mass(anti)


@pytest.mark.parametrize(("pdg", "evtgen"), [("K(S)0", "K_S0"), ("D(s)+", "D_s+"), ("J/psi(1S)", "J/psi"), ("D*(2010)+", "D*+")])
def test_names_of_the_particle_data_group_and_of_evtgen(pdg, evtgen):
    assert particle_mass(pdg) == particle_mass(evtgen)


@pytest.mark.parametrize(("name", "message"), [
    ("pi", "Did you mean 'pi0' or 'pi+' or 'pi-'?"),
    ("jpsi", "Did you mean 'J/psi'"),
    ("Kplus", "Names are those of the PDG or of EvtGen."),
    ("nu_tau", "give a number in GeV"),
])
def test_what_has_no_mass_is_an_error(name, message):
    with pytest.raises(ConfigError) as caught:
        particle_mass(name)
    assert repr(name) in str(caught.value) and message in str(caught.value)


def test_numbers_lead_to_the_same_masses_and_charges_of_antiparticles():
    for name in ("pi+", "K-", "p", "mu-", "gamma", "K_S0"):
        assert mass_of_number(particle_number(name)) == particle_mass(name)
    assert particle_number("K-") == -particle_number("K+") == -321
    assert all(math.isnan(mass_of_number(number)) for number in (0, 987654, 16))
