"""Hits of a front tracker: set aside by all ways of reading, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows, take
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import load_geometry
from pphysml.tasks.track.reading.assemble import assemble
from pphysml.tasks.track.reading.calorimeters import search
from pphysml.tasks.track.reading.calorimeters.layers import Layers

from .gate_files import PITCH, assembled, equal, gate_rows, readouts

PLANES = [-60.0, -40.0]
FRONT = ("plane_lengths", "front_plane", "front_x", "front_y", "front_z", "front_proton")


@pytest.fixture(autouse=True)
def few_rows_to_learn_from(monkeypatch):
    monkeypatch.setattr(search, "LEARNING", 500)


@pytest.fixture
def yaml(tmp_path):
    def write(planes=PLANES, first=0.0, count=20, name="mine"):
        path = tmp_path / f"{name}.yaml"
        front = "" if planes is None else f"front_tracker: {{layers: {planes}}}\n"
        path.write_text(f"name: mine\nlayers: [{{first_z: {first}, pitch: {PITCH}, count: {count}, wet: 8.2, radiation_lengths: 0.04}}]\nbeam: {{energy: 230.0}}\n{front}")
        return str(path)

    return write


def with_front(rows, lost=15):
    """Return steps with one hit of each proton in each plane, and protons that have no others."""
    events = np.unique(rows["event"])
    gone = 2 * np.arange(0, 2 * lost, 2)
    parts = [rows]
    for plane, z in enumerate(PLANES):
        event = np.concatenate([events, gone])
        n = len(event)
        some = take({name: values for name, values in rows.items()}, np.zeros(n, dtype=int))
        rng = np.random.default_rng(plane)
        parts.append({**some, "event": event, "track_id": np.ones(n, int), "parent_id": np.zeros(n, int), "x": rng.normal(0, 5, n), "y": rng.normal(0, 5, n),
                      "z": np.full(n, z), "edep": np.full(n, 0.02), "time": 1e-3 * event + 1e-9, "level1_id": np.full(n, 50 + plane), "entry": 100_000 + 1000 * plane + np.arange(n)})
    joined = concatenate(parts)
    return take(joined, np.lexsort((joined["z"] > -1, joined["event"])))


def without(examples):
    return {name: column for name, column in examples.items() if name not in FRONT and not name.startswith("beam_")}


@pytest.mark.parametrize("hits", ["clusters", "particles"])
@pytest.mark.parametrize("step", [None, 97])
def test_the_calorimeter_sees_what_it_sees_without_them(yaml, hits, step):
    rows = gate_rows()
    bare = assembled(assemble, rows, step, geometry=yaml(None, name="bare"), protons_per_frame=10, hits=hits)
    found = assembled(assemble, with_front(rows), step, geometry=yaml(), protons_per_frame=10, hits=hits)
    assert equal({**without(found), "entry": 0}, {**without(bare), "entry": 0})
    protons, proton = np.unique(rows["event"]), found["front_proton"]
    assert (proton.flat < 0).sum() == 2 * 15 and sum(proton.flat >= 0) == 2 * len(protons)
    planes = found["front_plane"].flat
    np.testing.assert_array_equal(np.array(PLANES)[planes], found["front_z"].flat)
    # A proton of the front is that of the hits behind it.
    position = {(event, z): x for event, z, x in zip(*(with_front(rows)[name] for name in ("event", "z", "x")), strict=True) if z < 0}
    for k in range(length(found)):
        event = {p: rows["event"][e] for p, e in zip(found["proton"][k], np.flatnonzero(np.isin(rows["entry"], found["hit_entry"][k]))[np.argsort(np.argsort(found["hit_entry"][k]))], strict=True)}
        for p, z, x in zip(proton[k], found["front_z"][k], found["front_x"][k], strict=True):
            assert p < 0 or position[event[p], z] == pytest.approx(x, rel=1e-6)


def test_what_the_planes_stop_is_no_part_of_wepl(yaml):
    found = [assembled(assemble, gate_rows(), geometry=yaml(planes, name=f"n{len(planes or [])}"), protons_per_frame=10) for planes in (None, PLANES, [-80.0, *PLANES])]
    bare, two, three = (frames["beam_range"][0] for frames in found)
    wet = load_geometry(yaml()).front.wet
    assert [bare - two, bare - three] == pytest.approx([2 * wet, 3 * wet], abs=1e-3) and 0.6 < wet < 0.7


def test_frames_of_a_time_hold_the_hits_in_front_of_their_protons(yaml):
    rows = with_front(gate_rows())
    found = assembled(assemble, rows, 113, geometry=yaml(), frame_time=0.02)
    time, behind = np.floor(rows["time"] / 0.02), rows["z"] > -1
    assert len(found["front_x"].flat) == (np.isin(time, time[behind]) & ~behind).sum() and (found["layer"].counts > 0).all()
    np.testing.assert_array_equal(found["n_protons"], [len(np.unique(p)) for p in (found["proton"][k] for k in range(length(found)))])


@pytest.mark.parametrize("known_by", ["positions", "positions and numbers", "numbers"])
def test_frames_of_a_detector(yaml, known_by):
    rows = readouts()
    rows["hit_z"] = Ragged(rows["hit_z"].flat - 3.0, rows["hit_z"].offsets)
    in_front = np.arange(len(rows["hit_x"].flat)) % 9 == 0
    plane = np.arange(in_front.sum()) % 2
    layer, z = rows["hit_layer"].flat.copy(), rows["hit_z"].flat.copy()
    layer[in_front], z[in_front] = (20 + plane if known_by == "numbers" else 3), np.array(PLANES)[plane]
    moved = {**rows, "hit_layer": Ragged(layer, rows["hit_x"].offsets), "hit_z": Ragged(z, rows["hit_x"].offsets)}
    for name in {"positions": ["hit_layer"], "numbers": ["hit_z"]}.get(known_by, []):
        del moved[name]
    found = assembled(assemble, moved, 7, geometry=yaml())
    large = rows["hit_cluster_size"].flat >= 2
    assert length(found) == length(rows)
    np.testing.assert_array_equal(np.sort(found["front_x"].flat), np.sort(rows["hit_x"].flat[in_front & large].astype(np.float32)))
    np.testing.assert_array_equal(np.sort(found["x"].flat), np.sort(rows["hit_x"].flat[~in_front & large].astype(np.float32)))
    kept = {name: column.take(np.arange(length(rows))) for name, column in rows.items() if isinstance(column, Ragged)}
    counts = np.array([(~in_front[a:b]).sum() for a, b in zip(rows["hit_x"].offsets, rows["hit_x"].offsets[1:], strict=False)])
    bare = assembled(assemble, {**rows, **{name: Ragged.from_counts(column.flat[~in_front], counts) for name, column in kept.items()}}, geometry=yaml(None, name="bare"))
    for name in ("proton", "n_protons", "layer", "z", "particle"):
        same = [column.flat if isinstance(column, Ragged) else column for column in (found[name], bare[name])]
        np.testing.assert_array_equal(*same, err_msg=name)


def test_pixels_have_planes_behind_the_layers(yaml):
    rng = np.random.default_rng(4)
    n = 600
    frame = np.sort(rng.integers(0, 6, n))
    rows = {"frame": frame, "layer": rng.integers(0, 22, n), "column": 3 * rng.integers(0, 900, n), "row": 3 * rng.integers(0, 900, n), "file": np.zeros(n, np.int32), "entry": np.arange(n)}
    found = assembled(assemble, rows, 50, geometry=yaml(), min_cluster_size=1)
    assert len(found["front_x"].flat) > 20 and set(found["front_z"].flat) == set(PLANES)
    bare = assembled(assemble, take(rows, rows["layer"] < 20), 50, geometry=yaml(None, name="bare"), min_cluster_size=1)
    assert equal(without(found), without(bare))


def test_what_is_beside_a_plane_is_in_none(yaml):
    layers = Layers.of(load_geometry(yaml()))
    assert layers.numbered(layers.number(np.array([-60.2, -59.7, 0.0, -50.0])), np.array([-60.2, -59.7, 0.0, -50.0])).tolist() == [20, -1, 0, -1]


def test_bad_planes_are_refused(yaml):
    for planes, words in (([-60.0], "must have 2 to 20 planes, as one alone shows no direction"), ([-40.0, -60.0], "follow one another"), ([-60.0, 30.0], "not in front of the calorimeter, which begins at 0 mm")):
        with pytest.raises(ConfigError, match=words):
            load_geometry(yaml(planes))


def test_a_geometry_that_knows_no_planes_says_how_they_are_described(yaml, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(InputError, match=r"some lie at -60, -40 mm; .*front_tracker: \{layers: \[-60, -40\]\}"):
        patch.setattr(search, "LEARNING", 10_000)
        assembled(assemble, with_front(gate_rows(), 200), geometry=yaml(None, name="bare"))
    with pytest.raises(InputError, match=r"the first at z = -60 mm.*front_tracker"):
        assembled(assemble, with_front(gate_rows()), geometry=yaml(None, name="bare"))
    only = slice_rows({**gate_rows(), "z": np.full(length(gate_rows()), -60.0)}, 0, 600)
    with pytest.raises(InputError, match="hits lie in the planes of the front tracker"):
        assembled(assemble, only, geometry=yaml())


def test_a_known_calorimeter_behind_planes_that_it_does_not_know_is_named():
    rows = with_front(gate_rows(positions=load_geometry("dtc").z[:20]))
    carry, warnings = None, []
    for chunk in (rows, None):
        before = carry
        _, carry = assemble(chunk, carry, TrackConfig())
        warnings = (carry or before).warnings(str)
    assert any("the calorimeter is dtc" in sentence and "front_tracker: {layers: [-60, -40]}" in sentence for sentence in warnings)
