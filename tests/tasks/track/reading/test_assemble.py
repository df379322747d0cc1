"""Entries of files to frames: independent of chunks, true to the truth, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows, take
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.geometries.geometry import Geometry, GeometryConfig, load_geometry
from pphysml.tasks.track.reading.assemble import assemble, assemble_training, frames_of
from pphysml.tasks.track.reading.calorimeters import search as rooms
from pphysml.tasks.track.reading.idle_options import with_nothing_stated
from pphysml.tasks.track.schema import LAYOUTS

from .gate_files import PITCH, assembled, equal, gate_rows, readouts

ROWS = gate_rows()


@pytest.fixture(autouse=True)
def few_rows_to_learn_from(monkeypatch):
    monkeypatch.setattr(rooms, "LEARNING", 500)


def mine(**others):
    values = {"name": "mine", "layers": [{"first_z": 0.0, "pitch": PITCH, "count": 20, "wet": 8.2, "radiation_lengths": 0.04}], "beam": {"energy": 230.0}, **others}
    return GeometryConfig(**values)


@pytest.fixture
def yaml(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"name: mine\nlayers: [{{first_z: 0.0, pitch: {PITCH}, count: 20, wet: 8.2, radiation_lengths: 0.04}}]\nbeam: {{energy: 230.0}}\n")
    return str(path)


@pytest.mark.parametrize("step", [7, 97, 1000])
@pytest.mark.parametrize("make", [assemble, assemble_training])
def test_frames_do_not_depend_on_the_size_of_chunks(step, make):
    first, second = (crowded(gate_rows(40, seed=seed)) for seed in (1, 2))
    rows = concatenate([first, {**second, "file": np.ones(length(second), np.int32)}])
    options = {"protons_per_frame": [5, 12]} if make is assemble_training else {"protons_per_frame": 9}
    config = TrackConfig(data=options) if make is assemble_training else TrackConfig(apply=options)
    whole, parts = (_run(make, rows, n, config) for n in (length(rows), step))
    assert equal(whole, parts) and (whole["second_proton"].flat >= 0).any()
    assert len(whole["frame"]) > 5 and len(np.unique(whole["n_protons"])) > 1


def crowded(rows):
    """Return rows so near together that many deposits of a frame share pixels."""
    return {**rows, "x": 0.05 * rows["x"], "y": 0.05 * rows["y"]}


def test_clusters_hold_what_the_particles_of_a_frame_left():
    rows = crowded(ROWS)
    clusters, particles = (assembled(assemble, rows, hits=hits, min_cluster_size=0, protons_per_frame=10) for hits in ("clusters", "particles"))
    assert sum(clusters["edep"].flat) == pytest.approx(sum(particles["edep"].flat), rel=1e-5)
    assert 0.3 < len(clusters["x"].flat) / len(particles["x"].flat) < 0.9
    assert "second_proton" not in particles and particles["n_protons"].sum() == 120
    # What they count for is in the file, and each particle has one in a layer at most.
    frame = np.repeat(np.arange(length(clusters)), clusters["x"].counts)
    assert len(np.unique(np.stack([frame, clusters["particle"].flat, clusters["layer"].flat]), axis=1).T) == len(frame)
    kinds = np.stack([frame, clusters["particle"].flat, *[rows[name][clusters["hit_entry"].flat] for name in ("event", "track_id")]])
    assert np.unique(kinds, axis=1).shape[1] == np.unique(kinds[:2], axis=1).shape[1] == np.unique(kinds[2:], axis=1).shape[1]


def test_far_particles_make_the_same_hits_either_way():
    rows = {**ROWS, "x": 1000 * ROWS["x"]}
    clusters, particles = (assembled(assemble, rows, hits=hits, protons_per_frame=10) for hits in ("clusters", "particles"))
    assert equal({name: column for name, column in clusters.items() if name != "second_proton"}, particles)


def test_a_small_deposit_adds_to_the_cluster_beside_it(yaml):
    rows = slice_rows({**ROWS, "event": np.zeros(length(ROWS), int)}, 0, 4)
    rows |= {"z": PITCH * np.array([0.0, 0, 1, 2]), "x": np.array([0, 0.05, 0, 0]), "y": np.zeros(4), "edep": np.array([0.1, 0.004, 0.1, 0.1]), "track_id": np.array([1, 2, 1, 1])}
    for hits, edep, sizes in (("clusters", 0.104, 2), ("particles", 0.1, 2)):
        found = assembled(assemble, rows, hits=hits, geometry=yaml, min_cluster_size=sizes)
        assert len(found["x"].flat) == 3 and found["edep"].flat[0] == pytest.approx(edep)
    assert len(assembled(assemble, rows, hits="particles", geometry=yaml, min_cluster_size=1)["x"].flat) == 4


def test_steps_without_truth_add_up_to_clusters(yaml):
    rows = {name: np.repeat(values[:3], 3) for name, values in ROWS.items() if name in ("x", "y", "local_z", "file")}
    rows |= {"entry": np.arange(9), "z": np.repeat(PITCH * np.arange(3), 3), "edep": np.full(9, 0.005), "time": 1e-3 * np.arange(9)}
    found = assembled(assemble, rows, 2, frame_time=1.0, geometry=yaml, min_cluster_size=2)
    assert np.allclose(found["edep"].flat, 0.015) and found["layer"].flat.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="no hit has 2 pixels"):
        assembled(assemble, rows, 2, frame_time=1.0, geometry=yaml, min_cluster_size=2, hits="particles")


def _run(make, rows, step, config):
    carry, found = None, []
    for start in range(0, length(rows), step):
        examples, carry = make(slice_rows(rows, start, min(start + step, length(rows))), carry, config)
        found.append(examples)
    found.append(make(None, carry, config)[0])
    return concatenate([part for part in found if part])


def test_every_step_with_energy_is_in_one_hit_of_its_proton():
    found = assembled(assemble, ROWS, min_cluster_size=0, protons_per_frame=10)
    assert sum(found["edep"].flat) == pytest.approx(ROWS["edep"].sum(), rel=1e-5)
    assert found["n_protons"].sum() == 120
    entry = found["hit_entry"].flat
    frame = np.repeat(np.arange(length(found)), found["x"].counts)
    assert len(np.unique(entry)) == len(entry)
    for name, ids in (("proton", ["event"]), ("particle", ["event", "track_id"])):
        pairs = np.stack([frame, found[name].flat, *[ROWS[i][entry] for i in ids]])
        kinds = np.unique(pairs, axis=1).shape[1]
        assert kinds == np.unique(pairs[:2], axis=1).shape[1] == np.unique(pairs[2:], axis=1).shape[1]
    assert np.array_equal(found["primary"].flat, ROWS["track_id"][entry] == 1)
    assert np.array_equal(found["stop_depth"].flat, ROWS["event"][entry])
    assert np.array_equal(found["layer"].flat, ROWS["level1_id"][entry])


def test_hits_are_sorted_by_layer_and_within_it_as_in_the_file():
    found = assembled(assemble, ROWS)
    for i in range(length(found)):
        key = found["layer"][i].astype(np.int64) * 10**6 + found["hit_entry"][i]
        assert (np.diff(key) > 0).all()


def test_energy_loss_per_length_and_depth_follow_from_the_geometry(yaml):
    found = assembled(assemble, ROWS, geometry=yaml)
    assert np.allclose(found["dedx"].flat, found["edep"].flat / 0.025)
    assert np.allclose(found["depth"].flat, 8.2 * (found["layer"].flat + 1))
    assert (found["gap_lengths"].flat == np.float32(0.04)).all()
    assert found["beam_range"] == pytest.approx(329.8, abs=0.1)


def test_range_of_helium_is_that_of_protons_of_the_same_energy_per_nucleon():
    helium = Geometry.of(mine(beam={"particle": "helium", "energy": 920.0}))
    found = frames_of(ROWS, helium, TrackConfig(), 20)
    assert found["beam_range"] == pytest.approx(329.8, rel=0.02)


def test_without_a_known_geometry_materials_are_not_known():
    found = assembled(assemble, ROWS)
    assert all(np.isnan(found[name].flat).all() for name in ("depth", "gap_lengths"))
    assert np.isnan(found["beam_range"]).all()


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("step", [100, 10_000])
def test_few_hits_in_no_layer_are_left_out_and_counted_with_the_first_of_them(yaml, given, step):
    outside = np.random.default_rng(0).choice(np.arange(550, length(ROWS)), length(ROWS) // 100, replace=False)
    rows = {**ROWS, "z": ROWS["z"].copy()}
    rows["z"][outside] = np.random.default_rng(1).uniform(-40, 200, len(outside)) // PITCH * PITCH + 0.4 * PITCH
    found, carry = with_carry(rows, step, geometry=yaml if given else None, min_cluster_size=0)
    inside = assembled(assemble, take(ROWS, np.setdiff1d(np.arange(length(ROWS)), outside)), geometry=yaml if given else None, min_cluster_size=0)
    assert equal({**found, "hit_entry": 0}, {**inside, "hit_entry": 0})
    assert carry.facts()["hits_in_no_layer"] == len(outside)
    (said,) = [sentence for sentence in carry.warnings(lambda number: f"file {number}") if "none of" in sentence]
    assert said.startswith(f"{len(outside)} of {length(ROWS)} hits") and f"z = {rows['z'][outside.min()]:.6g} mm, entry {outside.min()} of file 0" in said


def test_many_hits_in_no_layer_are_refused_with_the_first_of_them(yaml):
    between = PITCH * (np.arange(length(ROWS)) % 17 + np.random.default_rng(1).uniform(0.1, 0.9, length(ROWS)))
    rows = {**ROWS, "z": np.where(np.arange(length(ROWS)) % 14 == 11, between, ROWS["z"])}
    for geometry, known in ((yaml, "of the geometry 'mine'"), (None, "that the hits show")):
        with pytest.raises(InputError, match=f"^input file 0, branch 'z', entry 11: .* of {length(ROWS)} hits lie in none of the layers {known}, the first at z = {between[11]:.6g} mm.*--geometry"):
            assembled(assemble, rows, geometry=geometry)


def test_noise_before_the_first_hit_of_the_beam_hides_nothing():
    noise = {name: values[:700].copy() for name, values in gate_rows(60, seed=3).items()}
    noise |= {"z": np.random.default_rng(1).uniform(-500, 900, 700), "event": np.full(700, -1)}
    rows = concatenate([noise, *({**gate_rows(seed=seed), "event": gate_rows(seed=seed)["event"] + 1000 * seed} for seed in range(9))])
    rows |= {"entry": np.arange(length(rows))}
    found, carry = with_carry(rows, 300)
    entry = found["hit_entry"].flat
    assert (found["layer"].flat == rows["level1_id"][entry])[entry >= 700].all() and carry.facts()["hits_in_no_layer"] > 500


def with_carry(rows, step, **options):
    """Return the examples of rows, and what carried them to the end."""
    last = []

    def keeping(chunk, carry, config):
        examples, after = assemble(chunk, carry, config)
        last.append(after or carry)
        return examples, after

    return assembled(keeping, rows, step, **options), last[-1]


def test_volume_numbers_that_disagree_are_refused_but_not_with_a_given_geometry(yaml):
    moved = np.arange(length(ROWS)) % 9 == 3
    rows = {**ROWS, "level1_id": np.where(moved, (ROWS["level1_id"] + 1) % 20, ROWS["level1_id"])}
    with pytest.raises(InputError, match=r"^input file 0, branch 'z', entry \d+: .*--geometry"):
        assembled(assemble, rows)
    assembled(assemble, rows, geometry=yaml)


def test_frames_of_rows_in_memory_are_those_of_a_file(yaml):
    found = frames_of(ROWS, Geometry.of(mine()), TrackConfig(), 10)
    assert equal(found, assembled(assemble, ROWS, geometry=yaml, protons_per_frame=10))


def test_a_frame_has_one_phantom():
    rows = {**ROWS, "phantom": np.where(ROWS["event"] % 4 == 1, 100.0, 200.0)}
    found = frames_of(rows, Geometry.of(mine()), TrackConfig(), [10])
    events = ROWS["event"][found["hit_entry"].flat]
    assert np.array_equal(np.repeat(found["phantom"], found["x"].counts) == 100, events % 4 == 1)


def test_without_events_frames_are_made_by_time():
    rows = {name: values for name, values in ROWS.items() if name not in ("event", "track_id", "parent_id", "pdg", "stop_depth")}
    with pytest.raises(InputError, match=r"'event'.*--frame-time"):
        assembled(assemble, rows)
    found = assembled(assemble, rows, 100, frame_time=0.02, min_cluster_size=0, hits="particles")
    assert np.array_equal(np.sort(found["hit_entry"].flat), np.arange(length(rows)))
    times = ROWS["time"][found["hit_entry"].flat]
    assert np.array_equal(np.repeat(found["frame"], found["x"].counts), np.floor(times / 0.02))
    assert "proton" not in found and "n_protons" not in found
    del rows["time"]
    with pytest.raises(InputError, match="'time'"):
        assembled(assemble, rows, frame_time=0.02)


def test_an_event_whose_rows_are_apart_is_refused():
    rows = take(ROWS, np.argsort(ROWS["entry"] % 2, kind="stable"))
    for step in (None, 60):
        with pytest.raises(InputError, match=r"goes on behind other events, but the rows of an event must follow one another: .*--sort"):
            assembled(assemble, rows, step)
    # Each event in one piece is enough, in whatever order.
    n = np.unique(ROWS["event"], return_inverse=True)[1]
    shuffled = np.random.default_rng(0).permutation(120)[n]
    found = assembled(assemble, take(ROWS, np.argsort(shuffled, kind="stable")), 50, protons_per_frame=10)
    assert (found["n_protons"] == 10).all()


def test_events_have_the_same_numbers_in_every_run():
    again = {**ROWS, "run": ROWS["run"] + 1, "entry": ROWS["entry"] + length(ROWS)}
    found = assembled(assemble, concatenate([ROWS, again]), 500, protons_per_frame=50)
    assert sorted(zip(found["run"], found["n_protons"], strict=True)) == [(0, 20), (0, 50), (0, 50), (1, 20), (1, 50), (1, 50)]


@pytest.mark.parametrize("change, said", [
    ({"z": np.full(length(ROWS), 4.0)}, "in one layer"),
    ({"edep": np.full(length(ROWS), 1e-9)}, "^input file 0, branch 'edep': no hit has 2 pixels or more"),
    ({"z": ROWS["x"] * 30}, "everywhere between"),
])
def test_what_cannot_be_tracked_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        assembled(assemble, {**ROWS, **change})


def test_one_hit_is_refused_unless_the_geometry_is_given(yaml):
    with pytest.raises(InputError, match="the only hit"):
        assembled(assemble, slice_rows(ROWS, 0, 1))
    assert len(assembled(assemble, slice_rows(ROWS, 0, 1), geometry=yaml)["x"].flat) == 1


def test_empty_chunks_change_nothing_and_no_rows_are_no_frames(yaml):
    config = TrackConfig()
    empty = slice_rows(ROWS, 0, 0)
    carry, found = None, []
    for chunk in (empty, slice_rows(ROWS, 0, 900), empty, slice_rows(ROWS, 900, length(ROWS)), empty, None):
        examples, carry = assemble(chunk, carry, config)
        found += [examples] if examples else []
    assert equal(concatenate(found), assembled(assemble, ROWS))
    assert assembled(assemble, empty) == assembled(assemble, empty, geometry=yaml) == {} and assemble(None, None, config) == ({}, None)


def test_no_complete_frame_is_said():
    with pytest.raises(InputError, match="120 particles have hits"):
        assembled(assemble, ROWS, protons_per_frame=1000, last_frame="drop")


def test_branches_of_steps_cannot_be_kept():
    with pytest.raises(ConfigError, match="hit_entry"):
        assembled(assemble, {**ROWS, "keep:weight": ROWS["x"]})


FRAMES = readouts()


@pytest.mark.parametrize("step", [1, 7])
def test_frames_of_a_file_stay_what_they_are(step):
    rows = {**FRAMES, "keep:mood": np.arange(30), "keep:angles": FRAMES["hit_x"]}
    found = assembled(assemble, rows, step, min_cluster_size=3)
    assert equal(found, assembled(assemble, rows, min_cluster_size=3))
    assert np.array_equal(found["frame"], FRAMES["frame"]) and np.array_equal(found["keep:mood"], np.arange(30))
    assert np.array_equal(found["keep:angles"].flat, FRAMES["hit_x"].flat)
    for i in range(30):
        kept = np.flatnonzero(FRAMES["hit_cluster_size"][i] >= 3)
        order = kept[np.argsort(FRAMES["hit_layer"][i][kept], kind="stable")]
        assert np.array_equal(found["hit_entry"][i], order)
        assert np.allclose(found["x"][i], FRAMES["hit_x"][i][order])
        event, track = FRAMES["hit_event"][i][order], FRAMES["hit_track"][i][order]
        noise = (event < 0) | (track < 1)
        assert ((found["proton"][i] < 0) == noise).all() and ((found["particle"][i] < 0) == noise).all()
        assert np.array_equal(found["proton"][i][~noise], np.unique(event[~noise], return_inverse=True)[1])
        assert found["n_protons"][i] == len(np.unique(event[~noise]))
        pairs = np.stack([event, track])[:, ~noise]
        assert np.array_equal(found["particle"][i][~noise], np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1))


def without(*names):
    return {name: column for name, column in FRAMES.items() if name not in names}


def test_layers_of_frames_follow_from_number_position_or_geometry(yaml):
    numbered = assembled(assemble, without("hit_layer"))
    assert np.array_equal(numbered["layer"].flat, assembled(assemble, FRAMES)["layer"].flat)
    placed = assembled(assemble, without("hit_z"), geometry=yaml)
    assert np.allclose(placed["z"].flat, PITCH * placed["layer"].flat)
    for rows in (without("hit_z"), without("hit_layer", "hit_z")):
        with pytest.raises(InputError, match=r"'hit_z'.*--geometry"):
            assembled(assemble, rows)
    with pytest.raises(InputError, match=r"^input file 0, branch 'hit_z': 100% .* in none of the layers of the geometry 'mine'; they lie in them if these are shifted by 3 mm"):
        assembled(assemble, FRAMES, geometry=yaml)


@pytest.mark.parametrize("step", [None, 1, 4])
def test_dead_layers_of_frames_without_positions_follow_from_the_numbers(yaml, step, monkeypatch):
    monkeypatch.setattr(rooms, "LEARNING", 300)
    rows = {**without("hit_z"), "hit_layer": Ragged(np.where(FRAMES["hit_layer"].flat == 5, 4, FRAMES["hit_layer"].flat), FRAMES["hit_layer"].offsets)}
    found = assembled(assemble, rows, step, geometry=yaml)
    depth = load_geometry(yaml).depth
    assert np.allclose(found["next_depth"].flat[found["layer"].flat == 4], depth[6]) and np.allclose(found["next_depth"].flat[found["layer"].flat == 3], depth[4])


PIXEL = {name: np.zeros(3, np.int64) for name in ("file", "entry", "frame", "layer", "column", "row")}


@pytest.mark.parametrize(("rows", "option", "value", "words"), [
    *((rows, option, value, f"apply.{option}: the input has readout frames {of}, which are taken as they are; leave {flag} out")
      for rows, of in ((FRAMES, "(layout 'frames')"), (PIXEL, "of pixels (layout 'pixels')"))
      # A number that is the default is meant as any other.
      for option, value, flag in (("protons_per_frame", 100, "--protons-per-frame"), ("frame_time", 1e-5, "--frame-time"), ("last_frame", "drop", "it"))),
    (FRAMES, "sort", "full", "apply.sort: the input has readout frames (layout 'frames'), each with all of its hits"),
    (FRAMES, "pixel_mask", "mask.csv", "apply.pixel_mask: the input has hits, and no pixels"),
    (ROWS, "pixel_mask", "mask.csv", "apply.pixel_mask: the input has hits, and no pixels"),
    (PIXEL, "beam_axis", "-z", "apply.beam_axis: the input has readout frames of pixels (layout 'pixels'), and the beam crosses"),
])
def test_options_without_effect_on_a_kind_of_input_are_refused(rows, option, value, words):
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}"):
        assembled(assemble, rows, **{option: value})


def test_options_that_ask_for_nothing_are_none_that_have_no_effect():
    usual = assembled(assemble, FRAMES)
    assert equal(usual, assembled(assemble, FRAMES, sort="none", last_frame="keep", frame_time=None, pixel_mask=None))
    # As a model has them, nobody has asked for them now.
    config = TrackConfig.model_validate({"apply": {"protons_per_frame": 7, "sort": "full", "frame_time": 1e-5, "last_frame": "drop"}})
    assert equal(usual, _run(assemble, FRAMES, length(FRAMES), with_nothing_stated(config)))
    # Training draws the frames of steps, whatever applying is to do.
    assert equal(usual, assembled(assemble_training, FRAMES, frame_time=1e-5, protons_per_frame=[7]))


def test_frames_of_another_detector_are_refused():
    rows = {**without("hit_layer"), "hit_z": Ragged(30 * FRAMES["hit_x"].flat, FRAMES["hit_x"].offsets)}
    with pytest.raises(InputError, match=r"'hit_z': .*not in thin layers"):
        assembled(assemble, rows)


def test_frames_without_any_hit_are_refused_by_the_name_of_their_file():
    empty = {name: Ragged.from_counts(column.flat[:0], np.zeros(30, dtype=np.int64)) if isinstance(column, Ragged) else column for name, column in FRAMES.items()}
    with pytest.raises(InputError, match=r"^input file 0, branch 'hit_x': no frame of the input has a hit"):
        assembled(assemble, empty)


def test_hits_that_are_all_elsewhere_are_no_front_tracker(yaml):
    for z, in_front in ((0.7 * ROWS["z"] - 300, False), (np.where(np.arange(length(ROWS)) % 5 == 0, ROWS["z"] - 300, ROWS["z"]), True)):
        with pytest.raises(InputError, match="lie in none of the layers of the geometry 'mine'") as caught:
            assembled(assemble, {**ROWS, "z": z}, geometry=yaml)
        assert ("front_tracker" in str(caught.value)) == in_front


def test_energy_follows_from_the_cluster_where_it_is_not_measured():
    found = assembled(assemble, without("hit_edep"), min_cluster_size=1)
    assert np.array_equal(np.floor(4.2267 * found["dedx"].flat.astype(float) ** 0.65 + 0.5 + 1e-5), found["cluster_size"].flat)
    law = assembled(assemble, without("hit_cluster_size"))
    assert np.array_equal(np.floor(4.2267 * law["dedx"].flat.astype(float) ** 0.65 + 0.5), law["cluster_size"].flat)
    with pytest.raises(InputError, match=r"'hit_edep'.*'hit_cluster_size'"):
        assembled(assemble, without("hit_edep", "hit_cluster_size"))


def test_frames_without_truth_have_none():
    found = assembled(assemble, without("hit_event", "hit_track", "hit_parent", "hit_pdg"))
    assert not {"proton", "particle", "primary", "pdg", "n_protons"} & set(found)


def test_many_hits_beyond_the_last_layer_are_refused(yaml):
    rows = {**without("hit_z"), "hit_layer": Ragged(FRAMES["hit_layer"].flat + 2, FRAMES["hit_layer"].offsets)}
    with pytest.raises(InputError, match=r"^input file 0, branch 'hit_z', entry \d+: \d+ of \d+ hits .* the first at layer 2\d"):
        assembled(assemble, rows, geometry=yaml)


REAL = Path(os.environ.get("PPHYSML_TEST_DATA", Path(__file__).parents[5] / "shared" / "data")) / "gate_dtc_hits_water250mm_part_a.root"


@pytest.mark.skipif(not REAL.exists(), reason="needs gate_dtc_hits_water250mm_part_a.root in the folder PPHYSML_TEST_DATA")
def test_the_geant4_file_of_the_aluminium_calorimeter_is_read_as_its_numbers_say(monkeypatch):
    monkeypatch.setattr(rooms, "LEARNING", 20_000)
    reader = Reader(resolve([str(REAL)], None), LAYOUTS)
    rows = concatenate(list(reader))
    found = assembled(assemble, rows, 5_000, min_cluster_size=0, hits="particles")
    entry = found["hit_entry"].flat
    layer = np.where(rows["base_id"] == 1, 0, rows["level1_id"] + 1)
    assert np.array_equal(found["layer"].flat, layer[entry])
    assert found["n_protons"].sum() == 2100
    assert (found["n_protons"] == 100).sum() == 21
    frame = np.repeat(np.arange(length(found)), found["x"].counts)
    primary = found["primary"].flat
    assert len(np.unique(np.stack([frame, found["proton"].flat])[:, primary], axis=1).T) == 1957
    assert found["dedx"].flat.sum() == pytest.approx(found["edep"].flat.sum() / 0.0139, rel=1e-3)


def test_frames_of_a_file_may_have_several_spots():
    counts = np.arange(30) % 3 + 1
    spots = {name: Ragged.from_counts(np.arange(counts.sum()) * factor, counts) for name, factor in (("spots_x", 1.0), ("spots_y", -2.0))}
    found = assembled(assemble, {**FRAMES, **spots}, min_cluster_size=3)
    for name, column in spots.items():
        np.testing.assert_array_equal(found[name].flat, column.flat)
        np.testing.assert_array_equal(found[name].offsets, column.offsets)
    assert found["spot_given"].all() and np.array_equal(found["spot_x"], spots["spots_x"].flat[spots["spots_x"].offsets[:-1]])
    spots["spots_x"] = spots["spots_y"] = Ragged.from_counts(np.zeros(29), np.repeat([1, 0, 1], [4, 1, 25])[:30])
    with pytest.raises(InputError, match=r"entry 4: .*every frame has a beam spot"):
        assembled(assemble, {**FRAMES, **spots})
