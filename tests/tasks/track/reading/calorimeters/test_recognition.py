"""Which calorimeter hits lie in, where it stands, and what makes that sure."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows, take
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.reading.calorimeters import recognition as rooms
from pphysml.tasks.track.reading.calorimeters.axes import TURNS, turned, turned_positions
from pphysml.tasks.track.reading.calorimeters.layers import Layers
from pphysml.tasks.track.reading.calorimeters.recognition import Sample, recognise
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.tasks.track.simulation.simulate import TrackSimulation

KNOWN = ["dtc", "dtc-3mm"]
IDS = ("base_id", "level1_id", "level2_id")


@cache
def simulated(name):
    """Return rows of 150 protons, with the number of each row's layer in the place of its PDG id."""
    rows = TrackSimulation(TrackConfig.model_validate({"simulation": {"geometry": name}}), 3).block(0, 150)
    z = load_geometry(name).z
    return {**rows, "pdg": np.argmin(np.abs(np.asarray(rows["z"])[:, None] - z), 1)}


def frames_of(rows, **options):
    """Return the frames of rows, and what carried them."""
    config = TrackConfig.model_validate({"apply": options})
    n = length(rows)
    rows = {**rows, "entry": np.arange(n), "file": np.zeros(n, np.int32)}
    carry, parts = None, []
    for start in range(0, n, 1500):
        examples, carry = assemble(slice_rows(rows, start, min(start + 1500, n)), carry, config)
        parts.append(examples)
    parts.append(assemble(None, carry, config)[0])
    return concatenate([part for part in parts if part]), carry


def dead(rows, layers):
    return take(rows, np.flatnonzero(~np.isin(rows["pdg"], layers)))


def without_ids(rows):
    return {name: column for name, column in rows.items() if name not in IDS}


def with_foreign(rows, when, seed=0):
    """Return rows and 1 % of others anywhere along the beam, of which the PDG id is -1; `early` and `late` put all of them into one event."""
    rng = np.random.default_rng(seed)
    n = length(rows)
    others = take(rows, rng.integers(0, n, n // 100))
    others |= {"track_id": np.zeros(n // 100, int), "parent_id": np.full(n // 100, -1), "z": rng.uniform(-60, 420, n // 100), "pdg": np.full(n // 100, -1)}
    if when != "anywhere":
        others["event"] = np.full(n // 100, -1 if when == "early" else 10**6)
    joined = concatenate([rows, others])
    return take(joined, np.argsort(np.asarray(joined["event"]), kind="stable"))


def right(frames, name):
    """Return whether all hits of particles are in their layers and depths."""
    layer, true = frames["layer"].flat, frames["pdg"].flat
    depth = load_geometry(name).depth
    return np.array_equal(layer[true >= 0], true[true >= 0]) and np.allclose(frames["depth"].flat, depth[layer])


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("layers", [[], [0], [1], [5], [5, 6], [0, 1]])
def test_dead_layers_shift_nothing_and_are_named(name, ids, layers):
    rows = dead(simulated(name) if ids else without_ids(simulated(name)), layers)
    frames, carry = frames_of(rows)
    assert right(frames, name)
    said = carry.facts()["calorimeter"]
    assert said.startswith(f"{name}, recognised") and "absolute z" in said and ("volume ids" in said) == ids
    assert (f"dead: layer {', '.join(map(str, layers))}" in said) if layers else ("dead" not in said)
    assert carry.warnings(str) == []


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("when", ["anywhere", "early", "late"])
def test_foreign_hits_are_counted_and_change_nothing_else(name, when):
    rows = with_foreign(simulated(name), when)
    frames, carry = frames_of(rows)
    assert right(frames, name)
    z, known = np.asarray(rows["z"]), Layers.of(load_geometry(name))
    assert carry.facts()["hits_in_no_layer"] == (known.number(z) < 0).sum() > 10
    assert any("in none of the layers" in sentence for sentence in carry.warnings(str))


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("axis", list(TURNS))
@pytest.mark.parametrize("stated", [True, False])
def test_beams_along_any_axis_are_turned_and_said(name, axis, stated):
    rows = simulated(name)
    plain, _ = frames_of(rows)
    frames, carry = frames_of(against(rows, axis), **({"beam_axis": axis} if stated else {}))
    assert right(frames, name)
    for column in ("x", "y", "z", "spot_x", "edep"):
        values, expected = ((f[column].flat if isinstance(f[column], Ragged) else f[column]) for f in (frames, plain))
        np.testing.assert_allclose(values, expected, atol=1e-6)
    assert carry.facts()["beam_axis"].startswith(f"{axis}, as stated" if stated else axis)
    assert any(axis in sentence for sentence in carry.warnings(str)) == (axis != "+z" and not stated)


def against(rows, axis):
    """Return rows as a file has them whose beam runs along an axis: the inverse of `turned`."""
    positions = np.stack([np.asarray(rows[name]) for name in "xyz"], 1)
    matrix = turned_positions(np.eye(3), axis)
    return {**rows, **dict(zip("xyz", (positions @ matrix.T).T, strict=True))}


@pytest.mark.parametrize("axis", list(TURNS))
def test_turns_are_rotations_that_bring_the_beam_to_z(axis):
    matrix = turned_positions(np.eye(3), axis).T
    assert np.linalg.det(matrix) == pytest.approx(1) and np.allclose(matrix @ matrix.T, np.eye(3))
    beam = {name: np.array([float(name == axis[1]) * (1 if axis[0] == "+" else -1)]) for name in "xyz"}
    assert [turned(beam, axis)[name][0] for name in "xyz"] == [0, 0, 1]


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("layers", [[], [0]])
def test_a_shifted_calorimeter_is_placed_by_volume_ids_and_the_shift_is_said(name, layers):
    rows = dead({**simulated(name), "z": np.asarray(simulated(name)["z"]) + 10}, layers)
    frames, carry = frames_of(rows)
    assert right(frames, name)
    assert "shifted by 10" in carry.facts()["calorimeter"]
    assert any("10.0" in sentence or "10 mm" in sentence for sentence in carry.warnings(str))


def test_a_shifted_stack_without_volume_ids_has_no_materials_and_says_why():
    rows = without_ids({**simulated("dtc-3mm"), "z": np.asarray(simulated("dtc-3mm")["z"]) + 10})
    frames, carry = frames_of(rows)
    assert np.isnan(frames["depth"].flat).all() and np.array_equal(frames["layer"].flat, frames["pdg"].flat)
    (said,) = carry.warnings(str)
    assert "dtc-3mm" in said and "neither" in said and "--geometry" in said


def test_volume_ids_against_absolute_z_decide_nothing():
    rows = {**simulated("dtc-3mm"), "z": np.asarray(simulated("dtc-3mm")["z"]) + 3.435}
    frames, carry = frames_of(rows)
    assert np.isnan(frames["depth"].flat).all() and "contradict" in carry.warnings(str)[0]
    # Without them, it is the same calorimeter whose first layer sees nothing.
    _, carry = frames_of(without_ids(rows))
    assert "dead: layer 0" in carry.facts()["calorimeter"]


def test_an_irregular_front_decides_alone():
    rows = without_ids({**simulated("dtc"), "z": np.asarray(simulated("dtc")["z"]) - 77})
    for layers in ([], [1], [7]):
        frames, carry = frames_of(dead(rows, layers))
        assert right(frames, "dtc") and "recognised by the distances of its layers with" in carry.facts()["calorimeter"]


@pytest.mark.parametrize(("change", "said"), [
    (lambda z: z + 10, r"shifted by 10(\.0\d*)? mm"), (lambda z: -z, "--beam-axis -z"), (lambda z: 1.1 * z, "give another --geometry"),
])
def test_hits_that_do_not_lie_in_the_given_geometry_are_refused_with_where_they_lie(change, said):
    rows = simulated("dtc")
    with pytest.raises(InputError, match=said):
        frames_of({**rows, "z": change(np.asarray(rows["z"]))}, geometry="dtc")


def test_a_given_geometry_is_taken_where_it_stands_with_what_is_off():
    rows = {**simulated("dtc"), "z": np.asarray(simulated("dtc")["z"]) + 0.2}
    frames, carry = frames_of(rows, geometry="dtc")
    assert right(frames, "dtc") and carry.facts()["calorimeter"].startswith("dtc, as given")
    assert any("behind the positions" in sentence for sentence in carry.warnings(str))


def test_an_unknown_stack_whose_hits_become_more_along_z_asks_for_the_axis():
    rows = {name: column for name, column in simulated("dtc").items() if name not in IDS}
    stretched = {**rows, "z": -1.07 * np.asarray(rows["z"])}
    with pytest.raises(InputError, match="--beam-axis"):
        frames_of(stretched)
    frames, _ = frames_of(stretched, beam_axis="-z")
    assert np.array_equal(frames["layer"].flat, frames["pdg"].flat)
    with pytest.raises(InputError, match=r"along x.*--beam-axis \(as \+x\)"):
        frames_of({**rows, "x": 1.07 * np.asarray(rows["z"]), "z": np.asarray(rows["x"])})


def test_hits_behind_the_last_layer_of_a_known_geometry_do_not_lose_it(monkeypatch):
    short = load_geometry("dtc")
    short = replace(short, z=short.z[:29], wet=short.wet[:29], radiation_lengths=short.radiation_lengths[:29])
    monkeypatch.setattr(rooms, "load_geometry", lambda name: short)
    monkeypatch.setattr(rooms, "known_geometries", lambda: ["dtc"])
    rows = simulated("dtc")
    frames, carry = frames_of(rows)
    assert right(frames, "dtc") and carry.facts()["calorimeter"].startswith("dtc, recognised by")
    assert carry.facts()["hits_in_no_layer"] == (rows["pdg"] >= 29).sum() > 50


def test_dead_layers_are_no_sensors_but_their_materials_are_crossed():
    geometry = load_geometry("dtc")
    lengths = np.cumsum(geometry.radiation_lengths)
    frames, _ = frames_of(dead(simulated("dtc"), [0, 5, 6]))
    for layer, before, after, second in ((1, None, 2, 3), (3, 2, 4, 7), (4, 3, 7, 8), (7, 4, 8, 9), (9, 8, 10, 11)):
        hit = int(np.argmax(frames["layer"].flat == layer))
        expected = {"depth": geometry.depth[layer], "next_depth": geometry.depth[after], "second_depth": geometry.depth[second], "lengths": lengths[layer],
                    "gap_lengths": lengths[layer] - (0 if before is None else lengths[before]), "next_gap_lengths": lengths[after] - lengths[layer]}
        assert {name: frames[name].flat[hit] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_few_layers_at_equal_distances_say_nothing():
    for count, claimed in ((4, False), (15, True)):
        z = np.repeat(3.3 + 5.5 * np.arange(count), 30)
        found = recognise(Sample(np.stack([0 * z, 0 * z, z], 1), {}))
        assert found.placement is None and ("dtc" in found.reason) == claimed


def test_random_hits_are_no_known_calorimeter():
    rng = np.random.default_rng(7)
    for n in [3, 4, 5, 6, 8, 10, 15, 20, 40] * 12:
        kind = rng.integers(0, 3)
        centres = np.cumsum(rng.uniform(1, 8, rng.integers(3, 12))) if kind == 1 else rng.uniform(0, 200, rng.integers(3, 12))
        z = rng.uniform(0, rng.choice([20, 60, 300]), n) if kind == 0 else rng.choice(centres, n) + rng.uniform(-0.01, 0.01, n)
        try:
            found = recognise(Sample(np.stack([rng.normal(0, 30, n), rng.normal(0, 30, n), z], 1), {}), stated="+z")
        except InputError:
            continue
        assert found.placement is None


def test_whatever_lies_anywhere_is_an_answer_or_a_refusal():
    rng = np.random.default_rng(3)
    answers = 0
    for _ in range(60):
        rows = simulated(str(rng.choice(KNOWN)))
        n = int(rng.choice([30, 300, 2000]))
        z = np.asarray(rows["z"])[:n].copy()
        wide = rng.random(n) < rng.uniform(0, 0.3)
        z[wide] = rng.uniform(-1e4, 1e4, wide.sum()) if rng.random() < 0.5 else rng.uniform(300, 700, wide.sum()) // 9 * 9
        positions = np.stack([np.asarray(rows["x"])[:n], np.asarray(rows["y"])[:n], z * rng.choice([1, -1, 3])], 1)
        try:
            found = recognise(Sample(positions[:, rng.permutation(3)], {}))
        except InputError:
            continue
        answers += 1
        assert (found.layers.number(found.z) >= 0).mean() >= 0.9 and (np.diff(found.layers.z) > 0).all()
        assert found.facts()["calorimeter"] and list(found.warnings()) is not None
    assert 5 < answers < 55


REAL = Path(os.environ.get("PPHYSML_TEST_DATA", Path(__file__).parents[6] / "shared" / "data")) / "gate_dtc_hits_water250mm_part_a.root"


@pytest.mark.skipif(not REAL.exists(), reason="needs gate_dtc_hits_water250mm_part_a.root in the folder PPHYSML_TEST_DATA")
@pytest.mark.parametrize("layers", [[], [0], [5, 6]])
def test_a_real_gate_file_is_recognised_with_its_volume_ids_and_hits_behind_the_last_layer_are_left_out(layers, tmp_path):
    rows = concatenate(list(Reader(resolve([str(REAL)]), LAYOUTS)))
    number = np.rint((np.asarray(rows["z"]) - 0.007) / 3.435).astype(int)
    rows = take({**rows, "pdg": number}, np.flatnonzero(~np.isin(number, layers)))
    whole, carry = frames_of(rows)
    assert right(whole, "dtc-3mm") and "volume ids and absolute z" in carry.facts()["calorimeter"] and carry.facts()["hits_in_no_layer"] == 0
    source = Path(__file__).parents[5] / "pphysml/tasks/track/geometries/dtc-3mm.yaml"
    (tmp_path / "short.yaml").write_text(source.read_text().replace("count: 149", "count: 30"))
    short, carry = frames_of(rows, geometry=str(tmp_path / "short.yaml"))
    assert right(short, "dtc-3mm") and 0 < carry.facts()["hits_in_no_layer"] == (rows["pdg"] >= 32).sum() < 600


def as_frames(rows, numbered=False, size=300):
    """Return rows as entries of the layout `frames`, of `size` hits each."""
    n = length(rows)
    counts = np.diff(np.append(np.arange(0, n, size), n))
    names = {"x": "hit_x", "y": "hit_y", "z": "hit_z", "edep": "hit_edep", "pdg": "hit_pdg"}
    columns = {new: Ragged.from_counts(np.asarray(rows[name]), counts) for name, new in names.items()}
    if numbered:
        columns["hit_layer"] = Ragged.from_counts(np.where(np.asarray(rows["pdg"]) < 0, np.arange(n) % 30, rows["pdg"]), counts)
    return {"file": np.zeros(len(counts), np.int32), "entry": np.arange(len(counts)), **columns}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize("axis", ["+z", "-z"])
def test_frames_of_a_detector_are_recognised_alike(name, numbered, axis):
    rows = with_foreign(dead(against(simulated(name), axis), [0, 5]), "anywhere")
    examples, carry = assemble(as_frames(rows, numbered), None, TrackConfig())
    examples = concatenate([part for part in (examples, assemble(None, carry, TrackConfig())[0]) if part])
    assert right(examples, name)
    facts = carry.facts()
    assert facts["calorimeter"].startswith(name) and facts["beam_axis"].startswith(axis) and facts["hits_in_no_layer"] > 10
    assert ("the layer numbers of the file" in facts["calorimeter"]) == numbered
    entry = np.repeat(examples["entry"], examples["layer"].counts) * 300 + examples["hit_entry"].flat
    assert np.array_equal(np.asarray(rows["pdg"])[entry], examples["pdg"].flat)
