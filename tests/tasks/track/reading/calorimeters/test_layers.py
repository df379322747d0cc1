"""Layers learnt from positions, and compared with the numbers of volumes."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged, slice_rows
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig, load_geometry
from pphysml.tasks.track.reading.calorimeters import recognition as rooms
from pphysml.tasks.track.reading.calorimeters.layer_ids import LayerIds
from pphysml.tasks.track.reading.calorimeters.layers import (
    Layers,
    learn_layers,
    learn_numbered,
    numbered_layers,
)
from pphysml.tasks.track.reading.calorimeters.recognition import Sample, recognise
from pphysml.tasks.track.reading.calorimeters.seen import seen_layers

STACK = 4.1 * np.arange(60)
TRACKERS = np.concatenate([[0.2315, 52.6315], 108.3815 + 5.5 * np.arange(48)])


def hits(positions, thickness=0.025, per_layer=40, seed=0):
    """Return positions of hits in some layers, and the number of each hit's layer in the list."""
    rng = np.random.default_rng(seed)
    layer = rng.permutation(np.repeat(np.arange(len(positions)), per_layer))
    return positions[layer] + rng.uniform(-thickness / 2, thickness / 2, len(layer)), layer


def shown(z, local=None):
    """Return the layers that positions show, whatever geometries are known."""
    return learn_layers(seen_layers(z, local))


def recognised(z, **rows):
    """Return the calorimeter in which hits lie at x = y = 0."""
    return recognise(Sample(np.stack([0 * z, 0 * z, z], 1), rows))


@pytest.mark.parametrize("positions", [STACK, TRACKERS], ids=["stack", "trackers"])
@pytest.mark.parametrize("dead", [[], [5], [20, 21, 40]])
def test_layers_are_numbered_as_in_the_detector_whichever_are_dead(positions, dead):
    z, layer = hits(positions)
    alive = ~np.isin(layer, dead)
    learnt = shown(z[alive])
    assert np.array_equal(learnt.number(z[alive]), layer[alive])


@pytest.mark.parametrize("positions", [STACK, TRACKERS], ids=["stack", "trackers"])
def test_deeper_layers_and_missing_ones_get_their_number_when_they_appear(positions):
    z, layer = hits(positions)
    first = (layer < 15) & (layer != 8)
    assert np.array_equal(shown(z[first]).number(z), layer)


@pytest.mark.parametrize("positions", [STACK, 1.02 * TRACKERS, np.array([0.0, 30.0, 31.5, 90.0])], ids=["stack", "trackers", "four"])
@pytest.mark.parametrize("per_layer", [10, 20, 300, 3000])
def test_layers_of_an_unknown_detector_are_learnt_amid_hits_that_lie_anywhere(positions, per_layer):
    for seed in range(4):
        z, layer = hits(positions, per_layer=per_layer, seed=seed)
        foreign = np.random.default_rng(seed).uniform(-100, 500, max(len(z) // 100, 1))
        learnt = shown(np.concatenate([z, foreign]))
        assert np.array_equal(learnt.number(z), layer)
        assert (learnt.number(foreign) >= 0).mean() < 0.5


def test_a_second_layer_that_is_dead_leaves_a_gap_in_a_stack_but_not_between_trackers():
    z, layer = hits(STACK)
    assert np.array_equal(shown(z[layer != 1]).number(z), layer)
    trackers, number = hits(TRACKERS)
    without = shown(trackers[number != 1])
    assert without.number(TRACKERS[2]) == 1


def test_positions_between_layers_belong_to_none():
    learnt = shown(hits(TRACKERS)[0])
    assert (learnt.number(np.array([-3.0, 30.0, 111.0])) == -1).all()


@pytest.mark.parametrize("thickness", [0.0139, 0.025, 0.1])
def test_thickness_of_sensors_is_measured(thickness):
    z, _ = hits(STACK, thickness)
    local = z - 4.1 * np.rint(z / 4.1)
    assert shown(z).thickness == pytest.approx(thickness, rel=0.03)
    assert shown(z, local).thickness == pytest.approx(thickness, rel=0.03)
    # Local positions of a volume that holds many sensors say nothing of one.
    assert shown(z, 100 * local + 300 * (z > 50)).thickness == pytest.approx(thickness, rel=0.03)


def test_thickness_that_cannot_be_measured_is_that_of_alpide():
    assert shown(np.repeat(STACK, 40)).thickness == 0.025


def calorimeter(**others):
    values = {"name": "mine", "layers": [{"first_z": 10.0, "pitch": 52.4, "count": 2, "wet": 2.0, "radiation_lengths": 0.003},
                                         {"first_z": 118.15, "pitch": 5.5, "count": 48, "wet": 8.2, "radiation_lengths": 0.04}],
              "beam": {"energy": 230.0}, **others}
    return Geometry.of(GeometryConfig(**values))


@pytest.fixture
def only_mine(monkeypatch):
    monkeypatch.setattr(rooms, "known_geometries", lambda: ["mine"])
    monkeypatch.setattr(rooms, "load_geometry", lambda name: calorimeter())


GOOD = "layers: [{count: 5, wet: 8.2, radiation_lengths: 0.04}]\nbeam: {energy: 230.0}\n"


@pytest.mark.parametrize("change, said", [
    (("230.0", "0"), "beam.energy"), (("230.0", ".inf"), "beam.energy"), (("energy: 230.0", "sigma: 3.0"), "beam.energy"),
    (("8.2", "-8.2"), "layers.0.wet"), (("8.2", ".nan"), "layers.0.wet"), (("wet: 8.2, ", ""), "layers.0: give either wet and radiation_lengths, or absorber"),
    (("0.04", "0"), "layers.0.radiation_lengths"), (("count", "number"), "number"), ((GOOD, ""), "holds no settings"), ((GOOD, "[1, 2]"), "holds no settings"),
])
def test_a_geometry_with_a_mistake_is_refused_by_the_name_of_its_file(tmp_path, change, said):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert load_geometry(str(path)).depth[-1] == pytest.approx(5 * 8.2)
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError) as error:
        load_geometry(str(path))
    assert str(path) in str(error.value) and said in str(error.value)


def test_what_is_no_text_is_no_geometry(tmp_path):
    (tmp_path / "binary.yaml").write_bytes(bytes(range(128, 256)))
    for path, said in ((tmp_path / "binary.yaml", "is not UTF-8 text"), (tmp_path, "is a folder"), (tmp_path / "no.yaml", "There is no geometry")):
        with pytest.raises(ConfigError, match=said):
            load_geometry(str(path))


@pytest.mark.usefixtures("only_mine")
def test_a_known_geometry_is_recognised_wherever_it_begins_and_however_little_is_seen():
    z, layer = hits(TRACKERS - 300)
    seen = (layer < 9) & (layer != 4)
    learnt = recognised(z[seen]).layers
    assert learnt.geometry is not None and learnt.geometry.name == "mine"
    assert np.array_equal(learnt.number(z), layer)
    assert np.allclose(learnt.depth[:4], [2.0, 4.0, 12.2, 20.4])


@pytest.mark.usefixtures("only_mine")
@pytest.mark.parametrize("positions, thickness", [(TRACKERS * 1.02, 0.025), (STACK, 0.025), (TRACKERS, 0.014)])
def test_another_geometry_has_positions_only(positions, thickness):
    learnt = recognised(hits(positions, thickness)[0]).layers
    assert learnt.geometry is None
    assert np.isnan(learnt.depth).all() and np.isnan(learnt.gap_lengths).all()


def cylinder(rng):
    return rng.uniform(-150, 150, 3000)


@pytest.mark.parametrize("z, said", [
    (np.full(50, 7.0), "all 50 hits lie in one layer at 7 mm"),
    (np.array([7.0]), "the only hit lies in one layer"),
    (cylinder(np.random.default_rng(0)), "everywhere between"),
    (cylinder(np.random.default_rng(0))[:60], "well apart"),
    (np.cumsum(3.0 * 1.2 ** np.arange(15)), "without order"),
    (np.repeat(2.0 * np.arange(201), 10), "201 layers"),
    (hits(np.array([0.0, 10.0, 12.0]), 1.9)[0], "everywhere between"),
])
def test_what_is_no_calorimeter_is_refused(z, said):
    with pytest.raises(InputError, match=said) as caught:
        shown(z)
    assert "--geometry" in str(caught.value) and "'z'" in str(caught.value)


def test_one_particle_is_enough():
    assert shown(TRACKERS[:20]).number(TRACKERS[30]) == 30


def test_given_numbers_are_taken_with_dead_layers_anywhere():
    z, layer = hits(TRACKERS)
    seen = (layer > 0) & (layer < 30) & (layer != 12)
    learnt = numbered_layers(*learn_numbered(layer[seen], z[seen]))
    assert np.allclose(learnt.z[1:48], TRACKERS[1:48], atol=0.05)
    with pytest.raises(InputError, match="numbered along the beam"):
        learn_numbered(49 - layer, z)


@pytest.mark.parametrize("count", [1, 201])
def test_a_geometry_of_one_layer_or_very_many_is_refused(count):
    with pytest.raises(ConfigError, match=f"has {count} layers"):
        Layers.of(calorimeter(layers=[{"count": count, "wet": 2.0, "radiation_lengths": 0.04}]))


def test_a_stack_with_a_stray_hit_far_behind_is_refused():
    with pytest.raises(InputError, match="in layer 300"):
        shown(np.append(STACK, 300 * 4.1))


def gate_rows(layer, z, **ids):
    n = len(layer)
    return {"file": np.zeros(n, int), "entry": np.arange(n), "z": z, **ids}


def gate91(layer):
    """Numbers as in GATE 9.1: the first layer in a volume of its own."""
    return {"base_id": np.where(layer == 0, 1, 2), "level1_id": np.maximum(layer - 1, 0)}


def gate92(layer):
    return {"level1_id": np.where(layer < 2, layer, 0), "level2_id": np.where(layer < 2, -1, layer - 2)}


def volumes(layer):
    rows = np.stack([np.zeros_like(layer), layer // 2, layer % 2, np.full_like(layer, -1)], -1)
    return {"volume_id": Ragged.from_counts(rows.reshape(-1), np.full(len(layer), 4))}


@pytest.mark.parametrize("numbers", [gate91, gate92, volumes])
def test_volume_numbers_that_agree_with_layers_say_nothing_few_others_are_counted_and_many_refused(numbers):
    z, layer = hits(STACK, per_layer=25)
    rows = gate_rows(layer, z, **numbers(layer))
    check = LayerIds(rows)
    check.see(rows, layer)
    check.end()
    assert list(check.warnings()) == []
    for share, refused in ((0.01, False), (0.2, True)):
        moved = layer.copy()
        chosen = np.random.default_rng(2).choice(len(layer), int(share * len(layer)), replace=False)
        moved[chosen] = (moved[chosen] + 1) % 60
        # However the rows come, the same are counted.
        for step in (len(z), 137):
            check = LayerIds(rows)
            for first in range(0, len(z), step):
                check.see(slice_rows(rows, first, min(first + step, len(z))), moved[first : first + step])
            assert check.others == len(chosen)
            if not refused:
                check.end()
                assert f"{len(chosen)} of {len(z)} hits" in next(check.warnings())
                continue
            with pytest.raises(InputError, match=r"^input file 0, branch 'z', entry \d+: .*_id.*--geometry"):
                check.end()


def test_volume_numbers_that_are_all_the_same_say_nothing():
    z, layer = hits(STACK, per_layer=5)
    rows = gate_rows(layer, z, base_id=np.zeros(len(z), int), level1_id=np.zeros(len(z), int))
    check = LayerIds(rows)
    check.see(rows, layer)
    assert not check.useful and check.others == 0


@pytest.mark.parametrize(("numbers", "missing"), [(gate91, "level1_id"), (gate92, "level2_id")])
def test_volume_numbers_of_which_a_level_is_missing_say_nothing(numbers, missing):
    z, layer = hits(STACK, per_layer=5)
    rows = gate_rows(layer, z, **{name: column for name, column in numbers(layer).items() if name != missing})
    check = LayerIds(rows)
    check.see(rows, layer)
    assert check.useful and check.others > 0
    check.end()
    assert list(check.warnings()) == []


def test_several_chips_of_a_layer_have_numbers_of_their_own():
    z, layer = hits(STACK, per_layer=8)
    chip = np.random.default_rng(1).integers(0, 4, len(z))
    rows = gate_rows(layer, z, level1_id=layer, level2_id=chip)
    check = LayerIds(rows)
    check.see(rows, layer)
    assert check.useful and check.others == 0


@pytest.mark.parametrize("steps_of_one, dead", [(False, (10,)), (True, ())])
def test_a_layer_is_dead_where_nearly_all_stop_if_several_particles_reach_the_next_but_not_if_one_leaves_many_steps(steps_of_one, dead):
    layers = Layers.of(load_geometry("dtc"))
    through, behind = np.repeat(np.arange(10), 1500), np.full(40, 11)
    particle = np.concatenate([np.tile(np.arange(1500), 10), np.full(40, 7) if steps_of_one else np.arange(40)])
    assert layers.without_dead_of(np.concatenate([through, behind]), particle).dead == dead
