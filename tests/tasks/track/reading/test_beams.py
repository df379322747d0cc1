"""Where the beam is known from, and what becomes of WEPL without it."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.physics.range_energy import HELIUM_MASS_RATIO, particle_range
from pphysml.tasks.track.geometries.geometry import BeamConfig
from pphysml.tasks.track.reading.beams import Beams, beam_of

THREE = {"frame": np.arange(3)}


@pytest.mark.parametrize("text, particle, energy", [
    ("proton:200MeV", "proton", 200.0), ("Proton:0.25GeV", "proton", 250.0), ("helium:220MeV/u", "helium", 880.0),
    ("helium:880MeV", "helium", 880.0), ("proton:1.5e2MeV", "proton", 150.0), ("proton:70MeV/u", "proton", 70.0),
])
def test_a_beam_is_stated_with_particle_and_unit(text, particle, energy):
    found = beam_of(text)
    assert (found.particle, found.energy) == (particle, pytest.approx(energy))


@pytest.mark.parametrize("text", ["200", "200MeV", "proton:200", "proton:200 furlongs", "carbon:400MeV/u", "proton:0MeV", "proton:-3MeV", "proton:.MeV",
                                  "", "proton:1e400MeV"])
def test_what_is_no_beam_is_refused(text):
    with pytest.raises(ConfigError, match=r"apply\.beam"):
        beam_of(text)


def test_what_is_stated_goes_before_the_file_and_that_before_the_geometry():
    stated, described = BeamConfig(energy=200.0), BeamConfig(particle="helium", energy=900.0)
    of_file = {**THREE, "beam_energy": np.array([100.0, 150.0, np.nan]), "beam_pdg": np.array([2212, 1000020040, 2212])}
    assert Beams(stated, described).columns(of_file)["beam_energy"].tolist() == [200.0] * 3
    found = Beams(None, described).columns(of_file)
    assert found["beam_energy"].tolist() == [100.0, 150.0, 900.0] and found["beam_charge"].tolist() == [1.0, 2.0, 1.0]
    assert found["beam_range"] == pytest.approx([particle_range(100.0), particle_range(150.0, HELIUM_MASS_RATIO, 2.0), particle_range(900.0)])
    nothing = Beams().columns(THREE)
    assert np.isnan(nothing["beam_energy"]).all() and np.isnan(nothing["beam_range"]).all() and (nothing["beam_charge"] == 1).all()


def test_a_beam_of_another_particle_is_refused_with_its_place():
    with pytest.raises(InputError, match="'beam_pdg', entry 1: 11 is neither"):
        Beams().columns({**THREE, "beam_pdg": np.array([2212, 11, 2212])})
