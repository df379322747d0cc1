"""Simulated particles in absorbers of named materials: limits, and formulae that the simulation does not use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import SeedSequence

from pphysml.errors import ConfigError
from pphysml.io.ragged import Columns
from pphysml.physics.electron_range import electron_range
from pphysml.physics.materials import MATERIALS, MaterialName
from pphysml.physics.multiple_scattering import highland_angle
from pphysml.physics.range_energy import (
    beta_squared,
    momentum_velocity,
    particle_energy,
    particle_range,
)
from pphysml.physics.straggling import landau_scale, largest_transfer
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.simulation import SimulationConfig
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig, load_geometry
from pphysml.tasks.track.ranges.energy_loss import PARTICLES, mean_loss
from pphysml.tasks.track.simulation.nuclei import ABSORBER, WATER, nuclei_of
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.simulation.slabs import slabs_of

NOISELESS = {"inefficiency": 0.0, "noise": 0.0, "resolution": 0.0}
SOLID: list[MaterialName] = ["polyethylene", "pmma", "polycarbonate", "graphite", "aluminium", "tungsten"]


def calorimeter(absorbers, pitch: float, sensor: float = 0.01, energy: float = 200.0, **others) -> Geometry:
    """Return sensors at one pitch, with an absorber (material, mm) in front of each but for the first."""
    bare = {"support_wet": 0.0, "support_radiation_lengths": 0.0}
    layers = [{"first_z": pitch * i, "count": 1, "absorber": {"material": material, "thickness": thickness, **bare}}
              for i, (material, thickness) in enumerate([("air", 0.0), *absorbers])]
    config = {"layers": layers, "sensor": {"thickness": sensor, "size": [2000.0, 2000.0]}, "beam": {"energy": energy, "sigma": 0.0},
              "phantom": {"thickness": 0.0, "distance": 1.0}, **others}
    return Geometry.of(GeometryConfig.model_validate(config))


def simulated(geometry: Geometry, n: int, phantom: float = 0.0, **options) -> Columns:
    simulation = TrackSimulation(SimulationConfig(**NOISELESS, **options), 1, geometry)
    simulation.slabs[phantom] = slabs_of(geometry, phantom)
    rows = simulation.rows(SeedSequence(2), n, phantom)
    layer = np.where(np.asarray(rows["level2_id"]) < 0, rows["level1_id"], np.asarray(rows["level2_id"]) + 2)
    return rows | {"layer": layer}


def reached(rows: Columns, layer: int) -> int:
    """Return how many particles of the beam reach a layer."""
    return int(((rows["layer"] == layer) & (rows["track_id"] == 1)).sum())


@pytest.mark.parametrize(("name", "phantom", "counted", "sums", "hits", "in_frames"), [
    ("dtc", 150.0, 5740, [-1823.9776770852504, 861431.9777854347, 242.75263332466278, 856073.7509613037], 1570, 68.07477858383209),
    ("dtc-3mm", 250.0, 4190, [-599.3600114277929, 127994.53635555108, 115.19850806926863, 444195.70378017426], 1378, 38.8150759418495),
])
def test_the_calorimeters_of_the_package_are_simulated_as_they_were(name, phantom, counted, sums, hits, in_frames) -> None:
    """The weights that ship learnt from such data."""
    config = {"simulation": {"geometry": name, "phantoms": [phantom]}, "data": {"hits": "particles", "protons_per_frame": [10, 30]}}
    simulation = TrackSimulation(TrackConfig.model_validate(config), 7)
    rows, frames = simulation.block(1, 300), simulation.examples(2, 4)
    assert (len(rows["x"]), len(frames["x"].flat)) == (counted, hits)
    np.testing.assert_allclose([np.asarray(rows[column], dtype=float).sum() for column in ("x", "z", "edep", "stop_depth")], sums, rtol=1e-6)
    assert frames["edep"].flat.astype(float).sum() == pytest.approx(in_frames, rel=1e-6)


def test_absorbers_of_water_are_water() -> None:
    """Sheets of 10 mm let as many protons through, as far apart, as a phantom of as many slabs."""
    assert nuclei_of("water") is WATER
    sheets = calorimeter([("water", 10.0)] * 20, 10.01, sensor=1e-6)
    assert sheets.depth[-1] == pytest.approx(200.0, abs=0.01)
    assert sheets.radiation_lengths[1:].sum() == pytest.approx(200.0 / 360.8, rel=1e-3)
    phantom = calorimeter([("water", 10.0)], 10.01, sensor=1e-6)
    n = 3000
    behind_sheets, behind_phantom = reached(simulated(sheets, n), 20), reached(simulated(phantom, n, 200.0), 0)
    assert behind_sheets == pytest.approx(behind_phantom, abs=4 * np.sqrt(2 * n * 0.2 * 0.8))
    assert 0.75 < behind_sheets / n < 0.9


def test_aluminium_is_the_absorber_without_a_name() -> None:
    found = nuclei_of("aluminium")
    assert found.collisions == pytest.approx(ABSORBER.collisions)
    assert (found.hydrogen, found.elastic, found.escape) == (0.0, ABSORBER.elastic, ABSORBER.escape)
    assert found.transfer == pytest.approx(ABSORBER.transfer, rel=0.08)
    named = calorimeter([("aluminium", 3.5)] * 3, 5.5, sensor=0.1).wet[2]
    assert named == pytest.approx(load_geometry("dtc").wet[10] - 0.6, abs=0.05)  # support, of which the sensor is not a part here


@pytest.mark.parametrize("name", SOLID)
def test_protons_stop_where_the_water_equivalent_thickness_says(name: MaterialName) -> None:
    thickness = 15.0 / MATERIALS[name].relative_stopping_power
    # Without scattering, depth is path.
    geometry = calorimeter([(name, thickness)] * 15, thickness + 0.2, energy=150.0)
    geometry.radiation_lengths[:] = 1e-9
    rows = simulated(geometry, 400, inelastic=False)
    _, first = np.unique(rows["event"], return_index=True)
    stop = np.asarray(rows["stop_depth"])[first]
    expected = float(particle_range(150.0))
    assert stop.mean() == pytest.approx(expected, abs=0.3)
    assert np.searchsorted(geometry.depth, expected) == pytest.approx(expected / 15.0, abs=1.0)


@pytest.mark.parametrize("name", SOLID)
def test_a_plate_scatters_by_highlands_width(name: MaterialName) -> None:
    thickness = 20.0 / MATERIALS[name].relative_stopping_power
    geometry = calorimeter([(name, thickness), ("air", 0.0)], 60.0, lateral_displacement=False)
    rows = simulated(geometry, 4000, inelastic=False)
    x = np.full((4000, 3), np.nan)
    own = np.asarray(rows["track_id"]) == 1
    x[rows["event"][own], rows["layer"][own]] = rows["x"][own]
    energy = particle_energy(float(particle_range(200.0)) - 10.0)
    air = 60.0 / MATERIALS["air"].radiation_length
    expected = highland_angle(thickness / MATERIALS[name].radiation_length + air, momentum_velocity(energy))
    assert np.nanmedian(np.abs(x[:, 2] - x[:, 1])) / 60.0 / 0.6745 == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("name", SOLID)
def test_nuclei_take_as_many_protons_as_cross_sections_say(name: MaterialName) -> None:
    """Cross sections at 180 MeV by J. Letaw et al., Astrophys. J. Suppl. 51 (1983) 271, and 23 mb for hydrogen."""
    material, n, energy = MATERIALS[name], 15_000, 180.0
    falls = 1 - 0.62 * np.exp(-energy / 200) * np.sin(10.9 * energy**-0.28)
    per_mm = 0.0
    for element, share in material.parts:
        mass = element.mass
        mb = 23.0 if mass < 2 else 45 * falls * mass**0.7 * (1 + 0.016 * np.sin(5.3 - 2.63 * np.log(mass)))
        per_mm += 0.1 * material.density * share * 0.60221e-3 * mb / mass
    thickness = 60.0 / material.relative_stopping_power
    rows = simulated(calorimeter([(name, thickness)], thickness + 1, energy=215.0), n)
    # Those that a nucleus takes, without the elastic scatters behind which a proton goes on as itself.
    rate = -np.log(np.unique(rows["event"][(rows["layer"] == 1) & (rows["track_id"] == 1)]).size / n) / thickness
    hydrogen = nuclei_of(name).hydrogen * material.relative_stopping_power
    assert hydrogen == pytest.approx(0.1 * material.hydrogen_density * 0.60221e-3 * 23.0 / 1.008, rel=0.01)
    assert rate + hydrogen == pytest.approx(per_mm, rel=0.2)


@pytest.mark.parametrize("thickness", [0.03, 0.3, 0.5])
@pytest.mark.parametrize(("particle", "energy"), [("proton", 200.0), ("proton", 20.0), ("helium", 400.0)])
def test_mean_deposit_is_that_of_the_table_of_ranges(thickness: float, particle, energy: float) -> None:
    geometry = calorimeter([("air", 0.0)], 5.0, sensor=thickness, energy=energy, electrons=thickness > 0.1, beam={"particle": particle, "energy": energy, "sigma": 0.0})
    rows = simulated(geometry, 4000, inelastic=False)
    first = rows["layer"] == 0
    deposit = np.bincount(rows["event"][first], rows["edep"][first])
    mass, charge = PARTICLES[particle]
    residual = np.array([float(particle_range(energy, mass, charge)) - geometry.wet[0]])
    assert deposit.mean() == pytest.approx(mean_loss(residual, thickness, PARTICLES[particle])[0] * thickness,
                                           rel=0.04 if thickness < 0.1 else 0.02)  # electrons leave a thin one
    if (energy, thickness) == (200.0, 0.5):
        assert deposit.mean() == pytest.approx(thickness * MATERIALS["silicon"].stopping_power(energy), rel=0.03)


@pytest.mark.parametrize("pixel", [0.02, 0.05])
def test_electrons_come_further_than_a_pixel_as_often_as_rutherford_says(pixel: float) -> None:
    geometry = calorimeter([("air", 0.0)] * 20, 5.0, sensor=0.1, energy=160.0, electrons=True)
    geometry.sensor.pixel[:] = [pixel, pixel]
    rows = simulated(geometry, 1500, inelastic=False)
    electron, beta2 = rows["pdg"] == 11, float(beta_squared(155.0))
    energies = np.geomspace(0.02, float(largest_transfer(beta2)), 2001)
    enough = energies[electron_range(energies) > 0.2329 * pixel]
    steps = np.sqrt(enough[1:] * enough[:-1])
    expected = float(landau_scale(beta2, 0.1)) * ((1 - beta2 * steps / enough[-1]) / steps**2 * np.diff(enough)).sum()
    assert electron.sum() / (rows["track_id"] == 1).sum() == pytest.approx(expected, rel=0.08)
    place = {(e, k): (x, y) for e, k, x, y, t in zip(*(rows[c] for c in ("event", "layer", "x", "y", "track_id")), strict=True) if t == 1}
    distance = [np.hypot(x - place[e, k][0], y - place[e, k][1]) for e, k, x, y in zip(*(rows[c][electron] for c in ("event", "layer", "x", "y")), strict=True)]
    assert min(distance) == pytest.approx(pixel, rel=0.03)
    # Their energy is no longer in the hits of the protons.
    without = simulated(replace(geometry, electrons=False), 1500, inelastic=False)
    assert (without["pdg"] == 11).sum() < 0.1 * electron.sum()
    assert rows["edep"][~electron].sum() < without["edep"].sum() - 0.05 * electron.sum()
    assert rows["edep"].sum() == pytest.approx(without["edep"].sum(), rel=0.03)


def test_particles_stop_inside_thick_sensors() -> None:
    geometry = calorimeter([("air", 0.0)] * 200, 1.0, sensor=0.5, energy=60.0)
    rows = simulated(geometry, 300, inelastic=False)
    own = rows["track_id"] == 1
    energy = np.bincount(rows["event"], rows["edep"])
    # All but what is lost in 0.2 m of air is left in silicon.
    assert energy.mean() == pytest.approx(60.0, rel=0.03)
    _, last = np.unique(rows["event"][own][::-1], return_index=True)
    place = np.asarray(rows["local_z"])[own][::-1][last] / 0.5
    assert abs(place.mean()) < 0.06
    assert place.std() == pytest.approx(1 / np.sqrt(12), rel=0.1)


def test_materials_find_their_room_between_the_sensors() -> None:
    with pytest.raises(ConfigError, match="find no room in the 5 mm"):
        calorimeter([("aluminium", 4.9)], 5.0, sensor=0.2)
    light, dense = (Geometry.of(GeometryConfig.model_validate({
        "layers": [{"first_z": 0.0, "pitch": 5.0, "count": 2, "absorber": {"material": "tungsten", "thickness": 3.0, "density": density}}],
        "beam": {"energy": 200.0}})) for density in (9.65, None))
    assert dense.wet[1] - light.wet[1] == pytest.approx(1.5 * MATERIALS["tungsten"].relative_stopping_power)
    assert dense.radiation_lengths[1] - light.radiation_lengths[1] == pytest.approx(1.5 / 3.504, rel=1e-3)
