import numpy as np
import pytest
import yaml

from pphysml.errors import ConfigError
from pphysml.io.ragged import Columns, Ragged
from pphysml.physics.multiple_scattering import highland_angle, highland_factor
from pphysml.physics.range_energy import momentum_velocity, particle_energy, particle_range
from pphysml.physics.straggling import range_variance
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.config.simulation import SimulationConfig
from pphysml.tasks.track.geometries.geometry import GeometryConfig, known_geometries, load_geometry
from pphysml.tasks.track.schema import GATE
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.simulation.slabs import WATER_RADIATION_LENGTH, slabs_of

BARE = {"inelastic": False, "inefficiency": 0.0, "noise": 0.0, "resolution": 0.0}


def simulate(n: int = 3000, seed: int = 1, index: int = 0, **options) -> Columns:
    return TrackSimulation(SimulationConfig(**options), seed).block(index, n)


def layers(rows: Columns) -> np.ndarray:
    return np.where(rows["level2_id"] < 0, rows["level1_id"], rows["level2_id"] + 2)


def same(a: Columns, b: Columns) -> bool:
    def values(column):
        return (column.flat, column.offsets) if isinstance(column, Ragged) else (column,)

    return list(a) == list(b) and all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
                                      for name in a for x, y in zip(values(a[name]), values(b[name]), strict=True))


def first_slopes(rows: Columns, z: np.ndarray) -> np.ndarray:
    """Slope in x between the first two layers of each event that has both, of the particle of the beam."""
    at = {k: {e: x for e, x in zip(rows["event"][m], rows["x"][m], strict=True)}
          for k in (0, 1) for m in [(layers(rows) == k) & (rows["track_id"] == 1)]}
    return np.array([at[1][e] - at[0][e] for e in at[0].keys() & at[1].keys()]) / (z[1] - z[0])


def test_columns_are_those_of_the_layout():
    rows = simulate(300)
    expected = {field.name: np.dtype(field.dtype).kind for field in GATE.fields if field.name not in ("level3_id", "volume_id", "spot_tx", "spot_ty", "rotation_angle")}
    assert {name: column.dtype.kind for name, column in rows.items()} == expected
    assert len({len(column) for column in rows.values()}) == 1
    assert (np.diff(rows["event"]) >= 0).all()
    geometry = load_geometry("dtc")
    assert rows["z"] - rows["local_z"] == pytest.approx(geometry.z[layers(rows)])
    assert np.abs(rows["local_z"]).max() == pytest.approx(geometry.sensor.thickness / 2)
    assert (np.abs(rows["x"]) < geometry.sensor.size[0] / 2 + 0.1).all()


def test_block_depends_on_seed_and_index_only():
    simulation = TrackSimulation(SimulationConfig(), 5)
    first = simulation.block(3, 200)
    simulation.block(4, 50)
    assert same(first, simulation.block(3, 200))
    assert same(first, simulate(200, 5, 3))
    assert first["event"].min() >= 600 and first["event"].max() < 800
    for other in (simulate(200, 5, 2), simulate(200, 6, 3)):
        assert not np.array_equal(other["x"][:50], first["x"][:50])


def test_without_nuclei_every_proton_reaches_its_range():
    rows = simulate(phantoms=[0.0], **BARE)
    geometry = load_geometry("dtc")
    events, first = np.unique(rows["event"], return_index=True)
    assert len(events) == 3000
    stop = rows["stop_depth"][first].astype(float)
    expected = float(particle_range(geometry.beam.energy))
    # A winding path is a few tenths of a per cent longer than the depth.
    assert 0.993 * expected < np.median(stop) < expected
    primary = rows["track_id"] == 1
    deepest = np.zeros(3000, dtype=int)
    np.maximum.at(deepest, rows["event"][primary], layers(rows)[primary])
    assert (np.bincount(rows["event"][primary], minlength=3000) == deepest + 1).all()
    # The sensor has a thickness; a particle may stop inside it.
    assert (np.abs(deepest - (np.searchsorted(geometry.depth, stop + 1e-3) - 1)) <= 0).mean() > 0.995
    assert set(np.unique(rows["pdg"])) == {11, 2212}


@pytest.mark.parametrize(("particle", "energy", "mass_ratio", "charge"), [("proton", 230.0, 1.0, 1.0), ("helium", 917.0, 3.9726, 2.0)])
def test_ranges_spread_as_by_bohr(tmp_path, particle, energy, mass_ratio, charge):
    config = load_yaml("dtc")
    config["beam"] |= {"particle": particle, "energy": energy}
    # Without scattering, depth is path.
    for group in config["layers"]:
        group["radiation_lengths"] = 1e-9
    rows = simulate(geometry=write(tmp_path, config), phantoms=[0.0], **BARE)
    _, first = np.unique(rows["event"], return_index=True)
    stop = rows["stop_depth"][first].astype(float)
    expected = particle_range(energy, mass_ratio, charge)
    assert stop.mean() == pytest.approx(expected, abs=0.3)
    assert stop.std() == pytest.approx(np.sqrt(range_variance(expected, mass_ratio, charge)), rel=0.06)


def test_angle_behind_the_phantom_is_highlands():
    geometry, phantom = load_geometry("dtc"), 150.0
    rows = simulate(6000, phantoms=[phantom], **BARE)
    depth = np.linspace(0, phantom, 1001)
    pv = momentum_velocity(particle_energy(particle_range(geometry.beam.energy) - depth))
    lengths = phantom / WATER_RADIATION_LENGTH
    expected = highland_angle(lengths, 1.0) * np.sqrt(np.mean(1 / pv**2))
    found = first_slopes(rows, geometry.z)
    assert np.quantile(np.abs(found), 0.5) / 0.6745 == pytest.approx(expected, rel=0.05)


def test_slabs_of_the_phantom_have_the_logarithm_of_the_whole():
    slabs = slabs_of(load_geometry("dtc"), 200.0)
    water = slabs.layer < 0
    assert slabs.wet[water].sum() == pytest.approx(200.0)
    assert slabs.share[water].sum() == pytest.approx(1.0)
    assert (slabs.soft[water] ** 2).sum() < (13.6 * highland_factor(200 / WATER_RADIATION_LENGTH)) ** 2 * 200 / WATER_RADIATION_LENGTH
    assert slabs.start + slabs.length == pytest.approx(np.append(slabs.start[1:], load_geometry("dtc").z[-1]))
    assert slabs.depth[~water][0] == pytest.approx(0.0)
    assert len(slabs_of(load_geometry("dtc"), 0.0).wet) == len(load_geometry("dtc").z)


@pytest.mark.parametrize(("displaced", "correlation"), [(True, 0.25), (False, 0.0)])
def test_deflections_in_neighbouring_layers(tmp_path, displaced, correlation):
    """A thick scatterer turns the track half in front and half behind: correlation 1/4."""
    config = load_yaml("dtc-3mm") | {"lateral_displacement": displaced}
    rows = simulate(6000, geometry=write(tmp_path, config), **BARE)
    x = np.full((6000, 12), np.nan)
    chosen = (rows["track_id"] == 1) & (layers(rows) < 12)
    x[rows["event"][chosen], layers(rows)[chosen]] = rows["x"][chosen]
    kink = np.diff(x, 2, axis=1)[:, 3:]
    first, second = kink[:, :-1].ravel(), kink[:, 1:].ravel()
    small = (np.abs(first) < 0.2) & (np.abs(second) < 0.2)
    assert np.corrcoef(first[small], second[small])[0, 1] == pytest.approx(correlation, abs=0.04)


def test_energy_in_the_sensors_is_no_more_than_there_was():
    rows = simulate(phantoms=[100.0])
    energy = np.bincount(rows["event"], rows["edep"])
    behind = particle_energy(particle_range(230.0) - 100.0)
    assert (rows["edep"] >= 0).all()
    assert energy.max() < behind + 5
    rows = simulate(phantoms=[100.0], **BARE)
    # Sensors are 25 um of 8.2 mm of water: the share of the energy that stays in them.
    shares = np.bincount(rows["event"], rows["edep"]) / behind
    assert 0.8 < shares[shares > 0].mean() / (0.025 * 1.9 / 8.2) < 1.3


def test_nuclei_take_protons_on_the_way():
    n = 6000
    with_nuclei, without = simulate(n, phantoms=[200.0]), simulate(n, phantoms=[200.0], inelastic=False)
    reached = [len(np.unique(rows["event"][(layers(rows) == 0) & (rows["track_id"] == 1)])) / n for rows in (with_nuclei, without)]
    assert reached[1] > 0.995
    # About 1 % per cm of water.
    assert 0.77 < reached[0] < 0.85
    secondary = with_nuclei["parent_id"] > 0
    assert (with_nuclei["pdg"][secondary] == 2212).sum() > 100
    assert (with_nuclei["stop_depth"] == -1).any()
    assert ((with_nuclei["parent_id"] == 0) == (with_nuclei["track_id"] == 1))[with_nuclei["track_id"] > 0].all()


def test_sensors_miss_particles_and_smear_positions():
    plain = simulate(**BARE | {"inelastic": True})
    missed = simulate(**BARE | {"inelastic": True, "inefficiency": 0.2})
    key = {(e, t, k) for e, t, k in zip(plain["event"], plain["track_id"], layers(plain), strict=True)}
    kept = [(e, t, k) for e, t, k in zip(missed["event"], missed["track_id"], layers(missed), strict=True)]
    assert set(kept) <= key
    assert len(kept) / len(plain["x"]) == pytest.approx(0.8, abs=0.01)
    smeared = simulate(**BARE | {"inelastic": True, "resolution": 0.5})
    assert np.array_equal(smeared["edep"], plain["edep"])
    assert (smeared["x"] - plain["x"]).std() == pytest.approx(0.5, rel=0.02)


def test_noise_comes_on_top():
    plain, noisy = simulate(**BARE), simulate(**BARE | {"noise": 0.5})
    noise = noisy["track_id"] == 0
    assert np.array_equal(noisy["x"][~noise], plain["x"])
    n_layers = len(load_geometry("dtc").z)
    assert noise.sum() == pytest.approx(3000 / 100 * 0.5 * n_layers, rel=0.15)
    assert (np.diff(noisy["event"]) >= 0).all()


def test_frames_of_a_pencil_beam_whose_clusters_merge_take_no_more_particles(monkeypatch) -> None:
    config = {"simulation": {"geometry": "dtc", "phantoms": [50]}, "data": {"protons_per_frame": [60]}}
    simulation = TrackSimulation(TrackConfig.model_validate(config), 1)
    calls: list[int] = []

    def narrow(seed, n, phantom):
        calls.append(n)
        rows = TrackSimulation.rows(simulation, seed, n, phantom)
        return rows | {"x": 0.01 * np.asarray(rows["x"]), "y": 0.01 * np.asarray(rows["y"])}

    monkeypatch.setattr(simulation, "rows", narrow)
    frames = simulation.examples(0, 3)
    assert len(calls) == 1 and len(frames["n_protons"]) == 3
    assert (frames["n_protons"] < 60).all() and (frames["second_proton"].flat >= 0).mean() > 0.3


def test_frames_have_the_configured_densities_and_phantoms():
    config = TrackConfig(simulation={"phantoms": [100.0, 150.0]}, data={"protons_per_frame": [5, 10]})
    simulation = TrackSimulation(config, 3)
    frames = simulation.examples(2, 30)
    assert same(frames, simulation.examples(2, 30))
    assert not same(frames, simulation.examples(1, 30))
    assert set(frames["n_protons"].tolist()) == {5, 10}
    assert set(frames["phantom"].tolist()) == {100.0, 150.0}
    assert np.array_equal(frames["frame"], 60 + np.arange(30))
    thick = np.repeat(frames["phantom"] == 150.0, frames["stop_depth"].counts)
    stop = frames["stop_depth"].flat
    assert np.median(stop[~thick & (stop > 0)]) - np.median(stop[thick & (stop > 0)]) == pytest.approx(50.0, abs=4.0)
    for i in range(30):
        assert (np.diff(frames["layer"][i]) >= 0).all()
        proton = frames["proton"][i]
        assert set(proton[proton >= 0]) == set(range(frames["n_protons"][i]))
    assert simulation.examples(0, 0) == {}


@pytest.mark.parametrize("name", ["dtc", "dtc-3mm"])
def test_nothing_leaves_known_calorimeters_at_the_back(name):
    assert name in known_geometries()
    rows = simulate(500, geometry=name, phantoms=[0.0], **BARE)
    assert layers(rows).max() < len(load_geometry(name).z) - 2
    assert (rows["stop_depth"] > 0).mean() > 0.99


def test_what_cannot_be_simulated_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="reaches 330 mm"):
        TrackSimulation(SimulationConfig(phantoms=[100.0, 340.0]), 1)
    few = TrackSimulation(TrackConfig(simulation={"phantoms": [329.0], "inelastic": True}, data={"protons_per_frame": [200]}), 1)
    few.geometry.sensor.size[0] = 0.01
    with pytest.raises(ConfigError, match="thinner"):
        few.examples(0, 1)


def load_yaml(name: str) -> dict:
    geometry = load_geometry(name)
    names = {"z", "wet", "radiation_lengths"}
    layer = [{"first_z": float(z), "pitch": 1.0, "count": 1, "wet": float(w), "radiation_lengths": float(r)}
             for z, w, r in zip(geometry.z, geometry.wet, geometry.radiation_lengths, strict=True)]
    others = {key: getattr(geometry, key) for key in GeometryConfig.model_fields if key not in names | {"layers", "volume_ids", "front_tracker"}}
    return {"layers": layer} | {key: value.model_dump() if hasattr(value, "model_dump") else value for key, value in others.items()}


def write(folder, config: dict) -> str:
    path = folder / "geometry.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def with_planes(tmp_path, planes):
    values = load_yaml("dtc") | {"name": "planes", "front_tracker": {"layers": planes}}
    path = tmp_path / "planes.yaml"
    path.write_text(yaml.safe_dump(values))
    return load_geometry(str(path))


def test_planes_in_front_see_the_beam_and_scatter_it(tmp_path):
    geometry = with_planes(tmp_path, [-300.0, -250.0])
    config = SimulationConfig(phantoms=[100.0], **BARE)
    rows = TrackSimulation(config, 1, geometry).block(0, 4000)
    primary = rows["track_id"] == 1
    assert np.unique(np.rint(rows["z"][rows["base_id"] == 2])).tolist() == [-300, -250]
    first, second = ({e: x for e, x in zip(rows["event"][chosen], rows["x"][chosen], strict=True)}
                     for chosen in (primary & (rows["z"] < -299), primary & (np.abs(rows["z"] + 250) < 1)))
    assert len(first) == len(second) == 4000
    assert np.std(list(first.values())) == pytest.approx(geometry.beam.sigma, rel=0.05)
    slope = np.array([second[e] - first[e] for e in second]) / 50
    expected = highland_angle(geometry.front.radiation_lengths, momentum_velocity(230.0, 1.0))
    assert np.subtract(*np.quantile(slope, [0.84, 0.16])) / 2 == pytest.approx(expected, rel=0.1)
    # What planes and air take is missing behind the phantom.
    bare = TrackSimulation(config, 1, load_geometry("dtc")).block(0, 4000)
    stops = [np.median(block["stop_depth"][block["stop_depth"] > 0]) for block in (bare, rows)]
    assert stops[0] - stops[1] == pytest.approx(2 * geometry.front.wet + 0.2, abs=0.25)


def test_planes_inside_the_phantom_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"front tracker reaches to -150 mm, but the phantom begins at -199"):
        TrackSimulation(SimulationConfig(phantoms=[100.0]), 1, with_planes(tmp_path, [-250.0, -150.0]))


def test_frames_for_training_are_those_of_the_calorimeter_alone(tmp_path):
    config = TrackConfig(simulation={"phantoms": [100.0]}, data={"protons_per_frame": [10]})
    bare, found = (TrackSimulation(config, 1, geometry).examples(0, 2) for geometry in (load_geometry("dtc"), with_planes(tmp_path, [-300.0, -250.0])))
    assert list(bare) == list(found) and found["layer"].flat.max() < 50
