"""Drawn calorimeters: inside their ranges, of (seed, index) only, deep enough, and fit for frames and ranges."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import SeedSequence

from pphysml import plain_yaml
from pphysml.errors import ConfigError
from pphysml.io.ragged import length
from pphysml.physics.range_energy import particle_range
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.simulation import DrawnGeometriesConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.ranges.energy_loss import PARTICLES
from pphysml.tasks.track.ranges.wepl import fit_ranges
from pphysml.tasks.track.reading.assemble import frames_of
from pphysml.tasks.track.simulation.drawn_geometry import drawn_geometry
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.tracks import find_tracks
from pphysml.tasks.track.tracks.true_tracks import true_hits

RANGES = DrawnGeometriesConfig()


def reach(geometry) -> float:
    return float(particle_range(geometry.beam.energy, *PARTICLES[geometry.beam.particle]))


def test_a_number_has_one_calorimeter_inside_the_ranges() -> None:
    drawn = [drawn_geometry(4, k, RANGES) for k in range(40)]
    again, _ = drawn_geometry(4, 7, RANGES)
    other, _ = drawn_geometry(5, 7, RANGES)
    assert np.array_equal(again.wet, drawn[7][0].wet) and again.beam == drawn[7][0].beam and again.phantom == drawn[7][0].phantom
    assert len(other.wet) != len(again.wet) or not np.array_equal(other.wet, again.wet)
    for geometry, config in drawn:
        absorber = config.layers[-1].absorber
        assert absorber is not None and absorber.material in RANGES.materials
        assert 1.0 <= absorber.thickness <= 6.0
        assert 1.0 <= config.layers[-1].pitch - absorber.thickness <= 4.0
        assert 0.025 <= geometry.sensor.thickness <= 0.5
        assert all(0.02 <= pixel <= 0.05 for pixel in geometry.sensor.pixel)
        # Helium has the range of a proton that could have been drawn.
        assert particle_range(70.0) <= reach(geometry) <= particle_range(250.0) * (1 + 1e-9)
        assert 0 <= geometry.phantom.thickness <= 0.8 * reach(geometry)
        assert len(geometry.z) <= 199
        assert 5 <= np.searchsorted(geometry.depth, reach(geometry) - geometry.phantom.thickness) <= 100
    assert {g.beam.particle for g, _ in drawn} == {"proton", "helium"}
    assert {g.lateral_displacement for g, _ in drawn} == {g.electrons for g, _ in drawn} == {True, False}
    assert {c.layers[-1].absorber.material for _, c in drawn} == {*RANGES.materials}
    assert {len(c.layers) for _, c in drawn} == {2, 3}


def test_a_drawn_calorimeter_can_be_written(tmp_path) -> None:
    geometry, config = drawn_geometry(4, 3, RANGES)
    path = tmp_path / "drawn.yaml"
    path.write_text(plain_yaml.dump(config.model_dump(mode="json")))
    read = load_geometry(str(path))
    for name in ("z", "wet", "radiation_lengths"):
        np.testing.assert_allclose(vars(read)[name], vars(geometry)[name])
    assert (read.sensor, read.beam, read.phantom, read.materials) == (geometry.sensor, geometry.beam, geometry.phantom, geometry.materials)
    assert (read.lateral_displacement, read.electrons) == (geometry.lateral_displacement, geometry.electrons)


@pytest.mark.parametrize("index", range(6))
def test_nothing_leaves_drawn_calorimeters_at_the_back(index) -> None:
    geometry, _ = drawn_geometry(6, index, RANGES)
    simulation = TrackSimulation(TrackConfig.model_validate({"simulation": {"inelastic": False, "noise": 0.0}}), 1, geometry)
    rows = simulation.rows(SeedSequence(1), 100, geometry.phantom.thickness)
    assert np.searchsorted(geometry.z, np.asarray(rows["z"]).max()) < len(geometry.z) - 1
    inside = np.bincount(rows["event"]) > 0
    stops = np.zeros(len(inside))
    stops[rows["event"]] = rows["stop_depth"]
    assert (stops[inside] > 0).mean() > 0.97


def test_blocks_take_turns_with_drawn_calorimeters_and_depend_on_their_number() -> None:
    fixed = {"geometry": "dtc", "phantoms": [200.0], "further_geometries": {"dtc-3mm": [250.0]}}
    data = {"protons_per_frame": [10]}
    turns = TrackSimulation(TrackConfig.model_validate({"simulation": fixed | {"drawn_geometries": {"share": 0.5, "helium": 1.0}}, "data": data}), 3)
    blocks = [turns.examples(k, 2) for k in range(6)]
    drawn = [bool(block["beam_charge"][0] == 2) for block in blocks]
    assert drawn == [False, True] * 3
    assert [float(block["phantom"][0]) for block in blocks[::2]] == [200.0, 250.0, 200.0]
    assert len({float(block["beam_energy"][0]) for block in blocks[1::2]}) == 3
    geometry, _ = drawn_geometry(3, 1, turns.options.drawn_geometries)
    np.testing.assert_allclose([blocks[1]["beam_energy"], blocks[1]["beam_spread"]], [[geometry.beam.energy] * 2, [geometry.beam.energy_spread] * 2])
    again = turns.examples(3, 2)
    assert np.array_equal(again["x"].flat, blocks[3]["x"].flat)
    without = TrackSimulation(TrackConfig.model_validate({"simulation": fixed, "data": data}), 3)
    assert np.array_equal(without.examples(0, 2)["x"].flat, blocks[0]["x"].flat)
    for block in blocks[1::2]:
        assert set(block["n_protons"].tolist()) == {10}
        assert length(block) == 2
        assert np.isfinite(block["depth"].flat).all() and np.isfinite(block["beam_range"]).all()


def test_ranges_without_a_deep_calorimeter_are_refused() -> None:
    thick = DrawnGeometriesConfig(materials=["tungsten"], absorber=[6.0, 6.0], energy=[70.0, 80.0])
    with pytest.raises(ConfigError, match="calorimeters of tungsten none has 5 to 100 layers"):
        drawn_geometry(1, 0, thick)
    mixed = thick.model_copy(update={"materials": ["water", "tungsten"], "share": 0.1})
    with pytest.raises(ConfigError, match="calorimeters of tungsten"):
        TrackSimulation(TrackConfig.model_validate({"simulation": {"drawn_geometries": mixed.model_dump()}}), 1)
    for values in ({"absorber": [6.0, 1.0]}, {"phantom": [0.0, 1.0]}, {"sensor": [0.0, 0.1]}):
        with pytest.raises(ValueError, match=next(iter(values))):
            DrawnGeometriesConfig.model_validate(values)


@pytest.mark.parametrize(("particle", "material", "sensor"), [
    ("proton", "aluminium", 0.5), ("proton", "tungsten", 0.1), ("helium", "pmma", 0.3), ("helium", "tungsten", 0.03), ("proton", "graphite", 0.03),
])
def test_ranges_in_drawn_calorimeters_are_found_without_bias(particle, material, sensor) -> None:
    """Over all places in a gap: the fit takes none of them for likelier than another."""
    ranges = DrawnGeometriesConfig(materials=[material], sensor=[sensor, sensor], helium=float(particle == "helium"), absorber=[1.0, 2.0])
    geometry, _ = drawn_geometry(8, 2, ranges)
    off, pull = [], []
    for i in range(6):
        phantom = geometry.phantom.thickness + geometry.wet[-1] * (i / 6 - 0.5)
        simulation = TrackSimulation(TrackConfig.model_validate({"simulation": {"phantoms": [phantom]}}), 1, geometry)
        frames = frames_of(simulation.rows(SeedSequence([9, i]), 200, phantom), geometry, simulation.config, 50)
        previous = true_hits(frames).previous
        tracks = find_tracks(frames, Links(previous, np.ones(len(previous), dtype=np.float32)))
        tracks = tracks.keep(tracks.hits.counts >= 3)
        fit = fit_ranges(frames, tracks)
        stop = frames["stop_depth"].flat[tracks.first]
        good = frames["primary"].flat[tracks.first] & (stop >= 0) & ~fit.no_peak
        off.append((fit.range - stop)[good])
        pull.append(off[-1] / fit.range_error[good])
    middle = np.abs(np.concatenate(pull)) < 5
    assert middle.mean() > 0.98
    assert abs(np.concatenate(off)[middle].mean()) < 0.3
    assert 0.65 < np.concatenate(pull)[middle].std() < 1.25
