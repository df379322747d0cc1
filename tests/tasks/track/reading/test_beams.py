"""Where the beam is known from, and what becomes of WEPL without it."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import concatenate, slice_rows
from pphysml.physics.range_energy import HELIUM_MASS_RATIO, particle_range
from pphysml.tasks.track.config import ApplyConfig, TrackConfig
from pphysml.tasks.track.geometries.geometry import BeamConfig
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.reading.beam_statement import BeamStatement, beam_of, statement_of
from pphysml.tasks.track.reading.beams import Beams

from .gate_files import gate_rows

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
    assert Beams(BeamStatement(stated), described).columns(of_file)["beam_energy"].tolist() == [200.0] * 3
    found = Beams(described=described).columns(of_file)
    assert found["beam_energy"].tolist() == [100.0, 150.0, 900.0] and found["beam_charge"].tolist() == [1.0, 2.0, 1.0]
    assert found["beam_range"] == pytest.approx([particle_range(100.0), particle_range(150.0, HELIUM_MASS_RATIO, 2.0), particle_range(900.0)])
    nothing = Beams().columns(THREE)
    assert np.isnan(nothing["beam_energy"]).all() and np.isnan(nothing["beam_range"]).all() and (nothing["beam_charge"] == 1).all()


def test_a_beam_of_another_particle_is_refused_with_its_place():
    with pytest.raises(InputError, match="'beam_pdg', entry 1: 11 is neither"):
        Beams().columns({**THREE, "beam_pdg": np.array([2212, 11, 2212])})


def frames(run, energy):
    return {"frame": np.arange(len(run)), "run": np.array(run), "beam_energy": np.array(energy)}


def test_runs_have_beams_of_their_own_which_go_before_all_else():
    stated = BeamStatement(BeamConfig(energy=200.0), {3: BeamConfig(energy=190.0), 4: BeamConfig(particle="helium", energy=880.0)}, spread=1.5)
    beams = Beams(stated, BeamConfig(energy=100.0))
    found = beams.columns(frames([2, 3, 4, 3], [200.0, 190.0, 880.0, np.nan]))
    assert found["beam_energy"].tolist() == [200.0, 190.0, 880.0, 190.0] and found["beam_charge"].tolist() == [1.0, 1.0, 2.0, 1.0]
    assert found["beam_spread"].tolist() == [1.5] * 4
    assert beams.facts() == {"beam": "helium 880 MeV, as stated; proton 190 to 200 MeV, as stated"}
    runs_alone = Beams(BeamStatement(None, {3: BeamConfig(energy=190.0)}), BeamConfig(energy=100.0))
    assert runs_alone.columns(frames([2, 3, 5], [150.0, 150.0, 0.0]))["beam_energy"].tolist() == [150.0, 190.0, 100.0]


def test_a_file_that_says_another_beam_is_announced_once_and_rounding_is_not():
    beams = Beams(BeamStatement(BeamConfig(energy=200.0)))
    for _ in range(3):
        beams.columns({**frames([0, 0, 0], [200.3, 230.0, np.nan]), "beam_pdg": np.array([2212, 2212, 2212])})
    (said,) = beams.warnings()
    assert said.startswith("the beam is stated as proton 200 MeV, but the file says proton 230 MeV")
    other = Beams(BeamStatement(BeamConfig(energy=880.0)))
    other.columns({**frames([0], [880.0]), "beam_pdg": np.array([1000020040])})
    assert ["proton 880 MeV, but the file says helium 880 MeV" in said for said in other.warnings()] == [True]
    assert not list(Beams().warnings()) and not Beams().facts()


def test_what_is_not_known_is_a_fact_too():
    beams = Beams()
    beams.columns(frames([0, 0], [180.0, -1.0]))
    assert beams.facts() == {"beam": "proton 180 MeV, as the file says; not known"}


def test_statements_come_from_options_and_files(tmp_path):
    path = tmp_path / "beam.yaml"
    path.write_text("beam: proton:200MeV\nbeam_spread: 0.8\nbeam_of_run: {1: 'proton:190MeV', 2: 'proton:180MeV'}\n")
    found = statement_of(ApplyConfig(beam=str(path), beam_of_run={2: "helium:220MeV/u"}))
    assert (found.usual.energy, found.spread, found.of_run[1].energy, found.of_run[2].energy) == (200.0, 0.8, 190.0, 880.0)
    assert statement_of(ApplyConfig()).says_nothing and not found.says_nothing and not found.estimated
    here, there, plain = (statement_of(ApplyConfig(beam=text)) for text in ("estimate", "estimate:air.root:Hits", "air.root"))
    assert here.estimated and here.without_phantom is None
    assert (there.estimated, there.without_phantom, plain.without_phantom) == (True, "air.root:Hits", "air.root")
    helium = statement_of(ApplyConfig(beam="helium:estimate:air.root"))
    assert (helium.estimated, helium.charge, helium.without_phantom, here.charge) == (True, 2.0, "air.root", None)
    assert Beams(helium).columns(THREE)["beam_charge"].tolist() == [2.0] * 3
    with pytest.raises(ConfigError, match=r"apply\.beam: beam_of_run\.7: '190' is no beam"):
        statement_of(ApplyConfig(beam_of_run={7: "190"}))
    path.write_text("energy: 200\n")
    with pytest.raises(ConfigError, match=r"beam\.yaml: there is no option 'energy'"):
        statement_of(ApplyConfig(beam=str(path)))
    for text in ("", "- proton:200MeV\n", "200\n"):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"beam\.yaml: states no beam; give beam, beam_of_run or beam_spread"):
            statement_of(ApplyConfig(beam=str(path)))


@pytest.mark.parametrize("text", ["proton:200GeV", "proton:0.2MeV", "helium:2MeV"])
def test_energies_of_a_wrong_unit_are_refused(text):
    assert [beam_of(right).energy for right in ("helium:880MeV/u", "proton:1GeV", "proton:1MeV", "helium:4MeV")] == [3520.0, 1000.0, 1.0, 4.0]
    with pytest.raises(ConfigError, match=f"'{text}' is no beam for a calorimeter, .* is the unit right"):
        beam_of(text)


def frames_of_rows(rows, **apply):
    config = TrackConfig.model_validate({"apply": {"protons_per_frame": 10, **apply}})
    first, carry = assemble(rows, None, config)
    last, _ = assemble(None, carry, config)
    return concatenate([part for part in (first, last) if part]), carry


def test_energies_drawn_for_every_particle_make_frames_of_like_ones_with_mean_and_width():
    rows = gate_rows(400)
    number = np.unique(rows["event"], return_inverse=True)[1]
    found, carry = frames_of_rows(rows | {"beam_energy": np.random.default_rng(1).normal(200.0, 1.0, 400)[number]})
    assert len(found["frame"]) < 60 and (found["n_protons"] == 10).sum() > 30
    assert np.ptp(found["beam_energy"]) > 2 and np.average(found["beam_energy"], weights=found["n_protons"]) == pytest.approx(200, abs=0.2)
    full = found["n_protons"] == 10
    assert (found["beam_spread"][full] > 0.05).all() and (found["beam_spread"][full] < 0.6).all()
    assert carry.facts()["beam"].endswith("MeV, as the file says")


def test_two_energies_of_a_file_never_share_a_frame_and_unknown_ones_and_phantoms_do():
    rows = gate_rows(40)
    energy = np.where(np.unique(rows["event"], return_inverse=True)[1] % 2, 180.0, 190.0)
    found, _ = frames_of_rows(rows | {"beam_energy": energy})
    assert sorted(found["beam_energy"].tolist()) == [180.0] * 2 + [190.0] * 2 and not found["beam_spread"].any()
    nothing = np.full(len(energy), np.nan)
    found, carry = frames_of_rows(rows | {"beam_energy": nothing, "phantom": nothing})
    assert found["n_protons"].tolist() == [10] * 4 and np.isnan(found["beam_energy"]).all() and carry.facts()["beam"] == "not known"


@pytest.mark.parametrize("rows_at_a_time", [37, 10**9])
def test_energies_of_a_scan_share_no_frame_however_close_they_are(rows_at_a_time):
    # They are 2 mm apart in range. Frames of both would have 230.4 MeV, and all their protons WEPL that is 1 mm off.
    rows = gate_rows(40)
    number = np.unique(rows["event"], return_inverse=True)[1]
    rows |= {"beam_energy": np.where(number % 2, 230.0, 230.8)}
    config = TrackConfig.model_validate({"apply": {"protons_per_frame": 10}})
    parts, carry = [], None
    for start in range(0, len(number), rows_at_a_time):
        found, carry = assemble(slice_rows(rows, start, start + rows_at_a_time), carry, config)
        parts.append(found)
    found = concatenate([part for part in [*parts, assemble(None, carry, config)[0]] if part])
    assert sorted(found["beam_energy"].tolist()) == pytest.approx([230.0] * 2 + [230.8] * 2) and (found["beam_spread"] < 1e-6).all()


@pytest.mark.parametrize("energies", ["drawn", "stepped", "partly known"])
def test_a_readout_time_holds_the_protons_of_all_energies(energies):
    rows = gate_rows(40)
    number = np.unique(rows["event"], return_inverse=True)[1]
    energy = {"drawn": np.random.default_rng(1).normal(200.0, 2.0, 40), "stepped": np.repeat([200.0, 190.0], 20), "partly known": np.repeat([200.0, 0.0], 20)}[energies]
    expected, _ = frames_of_rows(rows, frame_time=0.01)
    found, _ = frames_of_rows(rows | {"beam_energy": energy[number]}, frame_time=0.01)
    assert found["n_protons"].tolist() == expected["n_protons"].tolist() and found["frame"].tolist() == expected["frame"].tolist()
    proton = 0
    for k, n in enumerate(found["n_protons"]):
        inside, proton = energy[proton : proton + n], proton + n
        mean, width = (inside.mean(), inside.std()) if (inside > 0).all() else (np.nan, np.nan)
        assert found["beam_energy"][k] == pytest.approx(mean, nan_ok=True)
        assert np.isnan(mean) or found["beam_spread"][k] == pytest.approx(width, abs=1e-4)


def test_a_contradiction_reaches_the_warnings_of_the_input():
    rows = gate_rows(20)
    _, carry = frames_of_rows(rows | {"beam_energy": np.full(len(rows["event"]), 230.0)}, beam="proton:200MeV")
    assert sum("the file says proton 230 MeV" in said for said in carry.warnings(lambda number: "rows.root")) == 1
