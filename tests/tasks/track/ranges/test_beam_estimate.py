"""The beam's energy from the particles that stop last."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.random import SeedSequence, default_rng

from pphysml.io.ragged import concatenate, slice_rows
from pphysml.physics.range_energy import HELIUM_MASS_RATIO, particle_range
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import BeamConfig, load_geometry
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.output.estimated_beam import EstimatedBeam
from pphysml.tasks.track.ranges.beam_estimate import BeamSurvey
from pphysml.tasks.track.ranges.stop_peak import StopPeak, last_peak
from pphysml.tasks.track.reading.assemble import frames_of
from pphysml.tasks.track.reading.beam_statement import BeamStatement
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.simulation.slabs import slabs_of
from pphysml.tasks.track.tracks.links import Links, true_links

CONFIG = TrackConfig.model_validate({"simulation": {"geometry": "dtc"}})
HELIUM = {"mass_ratio": HELIUM_MASS_RATIO, "charge": 2.0, "pdg": 1000020040}


@cache
def simulated(*parts, energy=230.0, seed=0, helium=False):
    """Return frames of protons behind slabs of water, each as (mm, number), or (mm, number, run); the beam as the file says it."""
    simulation = TrackSimulation(CONFIG, seed)
    rows = []
    for number, (phantom, n, *run) in enumerate(parts):
        simulation.slabs[phantom] = slabs_of(simulation.geometry, phantom)
        simulation.beam = simulation.beam._replace(energy=energy, **(HELIUM if helium else {}))
        new = simulation.rows(SeedSequence([seed, number]), n, phantom)
        size = len(new["event"])
        rows.append({**new, "event": np.asarray(new["event"]) + 10**6 * number, "run": np.full(size, run[0] if run else 0), "phantom": np.zeros(size)})
    joined = concatenate(rows)
    total = len(joined["event"])
    joined |= {"file": np.zeros(total, np.int32), "entry": np.arange(total)}
    frames = frames_of(joined, load_geometry("dtc"), CONFIG, 100)
    return frames | {"beam_charge": np.full(len(frames["run"]), 2.0 if helium else 1.0, np.float32)}


def perfect(examples):
    return Links(true_links(examples, 1), np.ones(len(examples["layer"].flat), np.float32))


def estimated(frames, **statement):
    beam = EstimatedBeam(CONFIG, BeamStatement(estimated=True, **statement))
    beam.survey(frames, perfect)
    return beam, beam.put_on(frames)


@pytest.mark.parametrize("energy", [100.0, 200.0, 230.0])
def test_half_of_the_protons_beside_a_phantom_give_the_energy_within_its_error(energy):
    beam, frames = estimated(simulated((0.0, 500), (40.0, 500), energy=energy))
    assert not beam.found.refused
    assert abs(beam.found.energy - energy) < 3 * beam.found.energy_error < 0.005 * energy
    assert 250 < beam.found.tracks < 500
    assert frames["beam_energy"] == pytest.approx(beam.found.energy) and frames["beam_range"] == pytest.approx(beam.found.range)
    (text,) = beam.facts().values()
    assert text.startswith(f"proton {beam.found.energy:.5g} +- ") and f"estimated from {beam.found.tracks} tracks" in text
    assert not list(beam.warnings())


def test_helium_is_estimated_with_its_own_range_and_straggling():
    beam, _ = estimated(simulated((0.0, 500), (60.0, 500), energy=800.0, helium=True), charge=2.0)
    assert not beam.found.refused and abs(beam.found.energy - 800) < 3 * beam.found.energy_error
    assert beam.facts()["beam"].startswith("helium ")


@pytest.mark.parametrize("phantom, energy", [(100.0, 230.0), (100.0, 200.0), (200.0, 230.0), (40.0, 100.0)])
def test_a_slab_over_everything_is_refused_by_the_width_of_the_ranges(phantom, energy):
    beam, frames = estimated(simulated((phantom, 900), energy=energy))
    assert "have a width of" in beam.found.refused and np.isnan(frames["beam_energy"]).all()
    (said,) = beam.warnings()
    assert "no WEPL is given" in said and beam.facts() == {"beam": "not known, since it could not be estimated"}


def test_the_slab_that_would_not_be_noticed_is_stated_and_grows_with_fewer_tracks():
    many, few = (estimated(simulated((0.0, n)))[0].found.unseen for n in (2000, 300))
    assert 5 < many < few < 80
    beam, _ = estimated(simulated((many / 3, 900)))
    assert not beam.found.refused
    assert beam.found.range == pytest.approx(particle_range(230.0) - many / 3, abs=0.6)


def test_a_peak_of_hardly_known_width_hides_as_much_as_is_looked_for():
    survey = BeamSurvey(0.0)
    assert survey._unseen(StopPeak(200.0, 0.1, 2.3, 0.3, 100.0)) < 500 == survey._unseen(StopPeak(200.0, 0.1, 2.3, 30.0, 100.0))


def test_too_few_tracks_are_refused():
    beam, _ = estimated(simulated((0.0, 30)))
    assert "tracks that end in a Bragg peak" in beam.found.refused


def test_a_run_of_another_energy_gets_no_beam_and_a_stated_one_keeps_its_own():
    frames = concatenate([simulated((0.0, 300, 1)), simulated((0.0, 300, 2), energy=200.0)])
    beam, found = estimated(frames)
    assert beam.found.energy == pytest.approx(230.0, abs=0.5)
    assert np.isfinite(found["beam_energy"]).tolist() == (found["run"] == 1).tolist()
    assert "track of run 2 stops" in next(iter(beam.warnings()))
    stated = {2: BeamConfig(energy=200.0)}
    other = {**frames, "beam_energy": np.where(frames["run"] == 2, 200.0, np.nan), "beam_range": np.where(frames["run"] == 2, 258.8, np.nan)}
    beam, found = estimated(other, of_run=stated)
    assert found["beam_energy"][found["run"] == 2] == pytest.approx(200.0) and found["beam_range"][found["run"] == 2] == pytest.approx(258.8)
    assert found["beam_energy"][found["run"] == 1] == pytest.approx(230.0, abs=0.5) and not list(beam.warnings())
    assert beam.facts()["beam"].endswith("; of run 2 proton 200 MeV, as stated")


def test_what_the_file_says_instead_is_announced():
    frames = simulated((0.0, 300))
    beam, _ = estimated({**frames, "beam_energy": np.full(len(frames["run"]), 220.0, np.float32)})
    assert "but the file says 220 MeV" in next(iter(beam.warnings()))


def test_known_depths_give_mean_and_deviation_of_a_sample():
    depth = default_rng(1).normal(200.0, 2.0, 4000)
    peak = last_peak(depth[:, None], np.ones((4000, 1)), lambda d: np.full(len(d), 2.0))
    assert (peak.depth, peak.width) == (pytest.approx(depth.mean(), abs=0.02), pytest.approx(depth.std(), abs=0.03))
    assert (peak.depth_error, peak.width_error) == (pytest.approx(2 / 4000**0.5, rel=0.1), pytest.approx(2 / 8000**0.5, rel=0.2))
    assert peak.tracks == pytest.approx(4000, rel=0.02)


def test_the_last_of_several_populations_is_taken_and_strays_behind_it_are_not():
    rng = default_rng(2)
    depth = np.concatenate([rng.normal(120, 2, 3000), rng.uniform(0, 180, 500), rng.normal(200, 2, 600), rng.uniform(0, 300, 60)])
    peak = last_peak(depth[:, None], np.ones((len(depth), 1)), lambda d: np.full(len(d), 2.0))
    assert abs(peak.depth - 200) < 3 * peak.depth_error < 0.4 and peak.tracks == pytest.approx(600, rel=0.1)
    assert last_peak(np.linspace(0, 300, 49)[:, None], np.ones((49, 1)), lambda d: np.full(len(d), 2.0)) is None


def test_a_survey_wants_no_more_than_enough(monkeypatch):
    monkeypatch.setattr("pphysml.tasks.track.ranges.beam_estimate.MOST_TRACKS", 100)
    beam = EstimatedBeam(CONFIG, BeamStatement(estimated=True))
    assert not beam.survey(simulated((0.0, 300)), perfect)
    assert BeamSurvey(0.0).estimate().refused


@pytest.mark.parametrize("energy, said", [(200.0, True), (230.0, False)])
def test_a_run_behind_those_that_were_surveyed_is_announced_if_it_stops_elsewhere(monkeypatch, energy, said):
    monkeypatch.setattr("pphysml.tasks.track.ranges.beam_estimate.MOST_TRACKS", 100)
    first, second = simulated((0.0, 300, 1)), simulated((0.0, 300, 2), energy=energy)
    beam = EstimatedBeam(CONFIG, BeamStatement(estimated=True))
    assert not beam.survey(first, perfect)
    for frames in (first, second):
        taken = beam.put_on({**frames, "beam_energy": np.full(len(frames["run"]), np.nan, np.float32)})
        assert taken["beam_energy"] == pytest.approx(230, abs=0.7)
        beam.see(taken, output_columns(taken, perfect(taken), CONFIG))
    assert ["hardly any track of run 2, which came behind" in sentence for sentence in beam.warnings()] == [True] * said


def test_an_estimate_does_not_depend_on_how_many_frames_come_at_a_time(monkeypatch):
    monkeypatch.setattr("pphysml.tasks.track.ranges.beam_estimate.MOST_TRACKS", 150)
    frames, found = simulated((0.0, 500)), []
    for step in (1, 2, 5):
        beam = EstimatedBeam(CONFIG, BeamStatement(estimated=True))
        for start in range(0, 5, step):
            if not beam.survey(slice_rows(frames, start, min(start + step, 5)), perfect):
                break
        beam.put_on(frames)
        found.append(beam.found)
    assert len({one.tracks for one in found}) == 1 and 50 < found[0].tracks <= 150
    assert [(one.energy, one.energy_error) for one in found] == [pytest.approx((found[0].energy, found[0].energy_error), rel=1e-9)] * 3
