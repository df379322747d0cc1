"""Hits that are wrong, odd or too many for `track`: one clear sentence, or the sensible answer; no output is left."""

from __future__ import annotations

import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

NATIVE = ("runID", "eventID", "posX", "posY", "posZ", "edep", "time", "trackID", "parentID", "PDGEncoding")
HITS = ("posX", "posY", "posZ", "edep")


@pytest.fixture(scope="module")
def rows(protons):
    """Columns of the simulated file."""
    return uproot.open(protons)["Hits"].arrays(NATIVE, library="np")


def write(path, columns, tree="Hits"):
    with uproot.recreate(path) as file:
        target = file.mktree(tree, {name: values.dtype for name, values in columns.items()})
        if len(next(iter(columns.values()))):
            target.extend(columns)
    return path


def hits(x, z, y=0.0, edep=0.1, event=None):
    """Return steps at the given places, by default of a proton each."""
    n = len(x)
    columns = {"posX": x, "posY": np.full(n, y), "posZ": z, "edep": np.full(n, edep)}
    return {**{k: np.asarray(v, dtype=np.float32) for k, v in columns.items()},
            "eventID": np.arange(n, dtype=np.int32) if event is None else np.asarray(event, dtype=np.int32)}


@pytest.fixture
def refused(pphysml, tmp_path):
    """Check that a file is refused in one sentence with these words, and that nothing is left."""
    def check(path, *words, options=(), code=3):
        before = sorted(tmp_path.iterdir())
        done = pphysml("track", path, "--engine", "follower", "-o", tmp_path / "out.root", "-q", *options)
        assert done.code == code and len(done.err.splitlines()) == 1, done.err
        for word in words:
            assert word in done.err, done.err
        assert sorted(tmp_path.iterdir()) == before

    return check


@pytest.fixture
def tracks(pphysml, tmp_path, track_model):
    """Return what the network, or another engine, makes of a file."""
    def make(path, *options, engine="network"):
        model = ("--model", track_model) if engine == "network" else ("--engine", engine)
        done = pphysml("track", path, "-o", tmp_path / "tracks.root", "--force", *model, *options)
        assert done.code == 0, done.err
        return uproot.open(tmp_path / "tracks.root")["tracks"].arrays()

    return make


def test_files_of_other_programs(refused, tmp_path, pphysml):
    pphysml("simulate", "lcag", "--preset", "quick", "-n", 5, "-q", "-o", tmp_path / "leaves.root")
    refused(tmp_path / "leaves.root", "leaves.root", "there is no branch", "--map")
    rng = np.random.default_rng(0)
    angle, z = rng.uniform(0, 6.3, 4000), rng.uniform(-200, 200, 4000)
    scanner = hits(400 * np.cos(angle), z)
    scanner["posY"] = (400 * np.sin(angle)).astype(np.float32)
    refused(write(tmp_path / "pet.root", scanner), "pet.root", "'posZ'", "not in thin layers", "--geometry")


def test_one_layer_is_too_few(refused, tmp_path):
    refused(write(tmp_path / "one.root", hits([1, 2, 3], [5, 5, 5])), "one.root", "'posZ'", "all 3 hits lie in one layer", "needs two")
    refused(write(tmp_path / "hit.root", hits([1], [5])), "hit.root", "'posZ'", "the only hit")


@pytest.mark.parametrize("engine", ["network", "follower", "deflection", "straight"])
def test_where_the_geometry_is_known_few_hits_are_no_error(tracks, tmp_path, engine, rows):
    layers = np.unique(np.round(rows["posZ"], 1))
    known = ("--geometry", "dtc", "--set", "apply.filters.min_hits=1")
    single = tracks(write(tmp_path / "a.root", hits([1], layers[3:4])), *known, engine=engine)
    assert single["hit_previous"].tolist() == [[-1]] and single["n_hits_of_track"].tolist() == [[1]]
    flat = tracks(write(tmp_path / "b.root", hits([1, 2, 3], layers[[3, 3, 3]])), *known, engine=engine)
    assert flat["hit_previous"].tolist() == [[-1, -1, -1]] and len(flat["score"][0]) == 3


@pytest.mark.parametrize("engine", ["network", "follower", "deflection", "straight"])
def test_layers_without_hits_and_more_deep_hits_than_shallow(tracks, tmp_path, rows, engine):
    layer = np.round(rows["posZ"] - rows["posZ"].min(), 0)
    dead = np.unique(layer)[[4, 5, 9]]
    front = (layer == np.unique(layer)[0]) & (rows["eventID"] % 3 > 0)
    keep = ~np.isin(layer, dead) & ~front
    found = tracks(write(tmp_path / "a.root", {k: v[keep] for k, v in rows.items()}), "--protons-per-frame", 30, engine=engine)
    number = ak.to_numpy(ak.flatten(found["hit_layer"]))
    assert {4, 5, 9}.isdisjoint(number) and number.max() > 10
    counts = [np.bincount(frame, minlength=2)[:2] for frame in found["hit_layer"]]
    assert all(a < b for a, b in counts)
    assert ak.all(ak.num(found["score"]) > 0)


def test_hits_that_are_there_twice(refused, tmp_path, rows):
    doubled = {k: np.repeat(v, 2) for k, v in rows.items()}
    refused(write(tmp_path / "a.root", doubled), "a.root", "'posX'", "entry 1", "repeats entry 0")


def test_a_position_that_is_no_number_is_placed(refused, tmp_path, rows):
    for name in ("posX", "posZ"):
        broken = {**rows, name: rows[name].copy()}
        broken[name][37] = np.nan
        refused(write(tmp_path / f"{name}.root", broken), f"{name}.root", name, "entry 37")


def test_a_tree_without_entries_and_a_file_that_is_cut_short(refused, tracks, tmp_path, rows, protons):
    nothing = tracks(write(tmp_path / "empty.root", {k: v[:0] for k, v in rows.items()}))
    assert len(nothing) == 0
    content = protons.read_bytes()
    (tmp_path / "cut.root").write_bytes(content[: len(content) // 2])
    refused(tmp_path / "cut.root", "cut.root", "cut short")


def test_one_event_and_no_truth(tracks, pphysml, tmp_path, rows):
    one = {k: v[rows["eventID"] == rows["eventID"][0]] for k, v in rows.items()}
    assert len(tracks(write(tmp_path / "one.root", one))) == 1
    real = write(tmp_path / "real.root", {k: rows[k] for k in (*HITS, "time")})
    found = tracks(real, "--frame-time", 1e6)
    assert len(found) == 1 and "hit_proton" not in found.fields and "n_protons" not in found.fields
    assert len(found["hit_x"][0]) > 0.9 * len(rows["posX"])
    done = pphysml("evaluate", "track", real, "--engine", "straight", "--set", "apply.frame_time=1e6")
    assert done.code == 0 and "no truth of its hits (eventID, trackID, parentID" in done.out + done.err and "complete_efficiency" not in done.out


def test_materials_that_are_not_known_are_said_at_once_and_refused_by_strict(pphysml, tmp_path, rows, protons, track_model):
    stretched = write(tmp_path / "other.root", {**rows, "posZ": (1.1 * rows["posZ"]).astype(np.float32)})
    network = ("--model", track_model, "--protons-per-frame", 20, "-o", tmp_path / "out.root")
    said = "the materials of the calorimeter are not known"
    done = pphysml("track", stretched, *network)
    assert done.code == 0 and said in done.err.splitlines()[0]
    (tmp_path / "out.root").unlink()
    done = pphysml("track", stretched, *network, "--strict", "-q")
    assert done.code == 3 and done.err.count(said) == len(done.err.splitlines()) == 1 and list(tmp_path.iterdir()) == [stretched]
    # The same network takes the calorimeter that it was trained on.
    assert pphysml("track", protons, *network, "--strict").code == 0


def test_particles_cannot_be_counted_without_events(refused, tmp_path, rows):
    path = write(tmp_path / "a.root", {k: rows[k] for k in HITS})
    refused(path, "'event'", "--map event=BRANCH", "--frame-time")
    refused(path, "'time'", "--map time=BRANCH", options=("--frame-time", 1))


def test_branches_of_other_names_are_mapped(refused, tracks, tmp_path, rows, protons):
    names = {"posX": "u", "posY": "v", "posZ": "w"}
    path = write(tmp_path / "a.root", {names.get(k, k): v if k not in names else v / 10 for k, v in rows.items()}, tree="mine")
    refused(path, "a.root", "there is no branch", "--map")
    mapped = tracks(path, "--map", "x=u:cm", "--map", "y=v:cm", "--map", "z=w:cm")
    plain = tracks(protons)
    assert mapped["hit_previous"].tolist() == plain["hit_previous"].tolist()


@pytest.mark.parametrize("engine", ["network", "follower"])
def test_ten_thousand_protons_in_a_frame_name_the_limit(pphysml, tmp_path, track_model, engine):
    n, layers = 10_000, 6
    rng = np.random.default_rng(0)
    x = np.tile(rng.normal(0, 5, n), layers)
    # Small clusters, of which few overlap.
    crowd = hits(x, np.repeat(5.5 * np.arange(layers), n), y=np.tile(rng.normal(0, 5, n), layers), edep=0.006, event=np.tile(np.arange(n), layers))
    order = np.argsort(crowd["eventID"], kind="stable")
    path = write(tmp_path / "a.root", {k: v[order] for k, v in crowd.items()})
    model = ("--model", track_model) if engine == "network" else ("--engine", engine)
    done = pphysml("track", path, "-o", tmp_path / "out.root", "-q", "--protons-per-frame", n, *model)
    assert done.code == 3 and re.search(r"[45]\d{4} hits", done.err) and "--protons-per-frame" in done.err and "more than" in done.err, done.err
    assert list(tmp_path.iterdir()) == [path]


def test_a_part_of_the_truth_is_not_enough(pphysml, tmp_path, rows):
    some = {name: values for name, values in rows.items() if name not in ("trackID", "parentID")}
    path = write(tmp_path / "some.root", some)
    for verb in (["validate", "track", path, "--truth"], ["evaluate", "track", path, "--engine", "follower"],
                 ["train", "track", path, "--preset", "quick", "-o", tmp_path / "run"]):
        done = pphysml(*verb, *([] if verb[0] == "validate" else ["-q"]))
        assert done.code == 3 and "track_id" in done.err + done.out and "some.root" in done.err + done.out, verb
    assert not (tmp_path / "run").exists()
    assert pphysml("validate", "track", path).code == 0


def test_frames_are_made_in_one_way(pphysml, tmp_path, protons):
    done = pphysml("track", protons, "--engine", "straight", "--protons-per-frame", 50, "--frame-time", 1, "-o", tmp_path / "out.root")
    assert done.code == 2 and "--frame-time and --protons-per-frame exclude each other" in done.err


def test_a_model_has_its_own_configuration(pphysml, tmp_path, protons, track_model):
    done = pphysml("track", protons, "--model", track_model, "--preset", "quick", "-o", tmp_path / "out.root")
    assert done.code == 2 and "quick: has data.protons_per_frame=" in done.err and "but the model was made with" in done.err


def test_a_tree_without_entries_is_told(pphysml, tmp_path, rows):
    path = write(tmp_path / "empty.root", {name: values[:0] for name, values in rows.items()})
    done = pphysml("track", path, "--engine", "straight", "-o", tmp_path / "out.root")
    assert done.code == 0 and "no entry" in done.err


def test_an_engine_is_not_tuned_to_a_part_in_which_no_frame_is(pphysml):
    sample = str(Path(__file__).parents[2] / "data/track_hits.root")
    tuned = ("--engine", "follower", "--set", "apply.follower.tune=true", "--protons-per-frame", "10000", "--max-entries", "300")
    ended = pphysml("evaluate", "track", sample, *tuned)
    assert ended.code == 3 and "too few examples to set some aside" in ended.err
