"""`track` from simulation to evaluation, as it is used; what is written is read back and compared with the input."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import uproot

ENGINES = ("network", "follower", "deflection", "straight", "perfect")
SIZE = 25


@pytest.fixture
def track(pphysml, track_model):
    """Make tracks with an engine, and return those read back and the outcome."""
    def call(path, out, engine="network", *options):
        model = ["--model", track_model] if engine == "network" else ["--engine", engine]
        done = pphysml("track", path, "-o", out, *model, *options)
        assert done.code == 0, done.err
        return uproot.open(out)["tracks"].arrays(), done

    return call


def flat(tracks, name):
    return ak.to_numpy(ak.flatten(tracks[name]))


def assert_consistent(tracks):
    """Check what must hold between the columns of any output."""
    for frame in tracks:
        layer, index, previous = (np.asarray(frame[name]) for name in ("hit_layer", "hit_track_index", "hit_previous"))
        assert (np.diff(layer) >= 0).all()
        counts = np.asarray(frame["n_hits_of_track"])
        hits = np.split(np.asarray(frame["track_hits"]), np.cumsum(counts)[:-1])
        assert sorted(np.concatenate(hits)) == np.flatnonzero(index >= 0).tolist()
        for number, members in enumerate(hits[: len(counts)]):
            assert (index[members] == number).all() and (np.diff(layer[members]) > 0).all()
            assert previous[members].tolist() == [-1, *members[:-1]]
            assert np.isclose(frame["score"][number], np.prod(np.asarray(frame["hit_link_prob"])[members]), rtol=1e-5)
            assert frame["x0"][number] == frame["hit_x"][members[0]]
        assert (previous[index < 0] == -1).all() and set(np.asarray(frame["hit_link_prob"])[previous < 0]) <= {1.0}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_writes_frames_that_fit_together(protons, track, tmp_path, engine):
    tracks, done = track(protons, tmp_path / "out.root", engine, "--protons-per-frame", SIZE, "--json")
    assert_consistent(tracks)
    rows = uproot.open(protons)["Hits"].arrays(library="np")
    entry, layer = flat(tracks, "hit_entry"), flat(tracks, "hit_layer")
    assert len(np.unique(entry)) == len(entry)
    assert np.allclose(rows["posZ"][entry], flat(tracks, "hit_z"), atol=0.05)
    off = np.abs(rows["posX"][entry] - flat(tracks, "hit_x"))
    # A few clusters hold what several particles left, near to one another.
    assert (off < 1e-3).mean() > 0.98 and off.max() < 0.2
    assert len(np.unique(np.stack([layer, rows["baseID"][entry], rows["level1ID"][entry], rows["level2ID"][entry]]), axis=1).T) == len(np.unique(layer))
    frame = np.repeat(np.arange(len(tracks)), ak.num(tracks["hit_entry"]))
    owner = rows["eventID"][entry]
    sizes = [len(np.unique(owner[(frame == k) & (flat(tracks, "hit_proton") >= 0)])) for k in range(len(tracks))]
    assert sizes == tracks["n_protons"].tolist() and set(sizes[:-1]) == {SIZE}
    assert tracks["frame"].tolist() == list(range(len(tracks)))
    assert json.loads(done.out)["written"] == len(tracks) == -(-sum(sizes) // SIZE)


def test_perfect_tracks_are_the_particles_of_the_file(protons, track, tmp_path):
    tracks, _ = track(protons, tmp_path / "out.root", "perfect", "--protons-per-frame", SIZE)
    rows = uproot.open(protons)["Hits"].arrays(library="np")
    entry, previous = flat(tracks, "hit_entry"), flat(tracks, "hit_previous")
    start = np.repeat(np.cumsum(ak.num(tracks["hit_entry"])) - ak.num(tracks["hit_entry"]), ak.num(tracks["hit_entry"]))
    linked = np.flatnonzero(previous >= 0)
    one, other = entry[linked], entry[(previous + np.asarray(start))[linked]]
    assert len(linked) > 500
    for name in ("eventID", "trackID"):
        assert (rows[name][one] == rows[name][other]).all()


def test_batches_do_not_change_the_tracks(protons, track, tmp_path):
    options = ("--protons-per-frame", SIZE)
    whole, _ = track(protons, tmp_path / "a.root", "network", *options)
    parts, _ = track(protons, tmp_path / "b.root", "network", *options, "--set", "apply.batch_size=1")
    for name in ("hit_entry", "hit_previous", "hit_track_index", "track_hits"):
        assert whole[name].tolist() == parts[name].tolist()
    assert np.allclose(flat(whole, "score"), flat(parts, "score"), atol=1e-5)


def test_two_files_never_share_a_frame(protons, track, tmp_path):
    both, _ = track(protons, tmp_path / "one.root", "straight", "--protons-per-frame", 70)
    copy = tmp_path / "copy.root"
    copy.write_bytes(protons.read_bytes())
    found, _ = track(protons, tmp_path / "two.root", "straight", "--protons-per-frame", 70, "-i", copy)
    assert sorted(found["file"].tolist()) == [0] * len(both) + [1] * len(both)
    for file in (0, 1):
        assert found[found["file"] == file]["hit_entry"].tolist() == both["hit_entry"].tolist()


def test_readout_times_make_frames(protons, track, tmp_path):
    rows = uproot.open(protons)["Hits"].arrays(library="np")
    time = rows["time"]
    length = (time.max() - time.min()) / 5
    tracks, _ = track(protons, tmp_path / "out.root", "straight", "--frame-time", length)
    entry = flat(tracks, "hit_entry")
    frame = np.repeat(np.asarray(tracks["frame"]), ak.num(tracks["hit_entry"]))
    assert 5 <= len(tracks) <= 6
    first = {event: time[rows["eventID"] == event].min() for event in np.unique(rows["eventID"])}
    assert (np.floor(np.array([first[event] for event in rows["eventID"][entry]]) / length) == frame).mean() > 0.99


def test_a_number_of_protons_goes_before_the_readout_time_of_a_file(protons, track, tmp_path):
    (tmp_path / "mine.yaml").write_text("apply: {frame_time: 1.0e+6}")
    options = ("straight", "-c", tmp_path / "mine.yaml", "--preset", "quick")
    by_time, _ = track(protons, tmp_path / "time.root", *options)
    by_number, _ = track(protons, tmp_path / "number.root", *options, "--protons-per-frame", SIZE)
    assert len(by_time) == 1 and by_number["n_protons"].tolist()[:-1] == [SIZE] * (len(by_number) - 1) and len(by_number) > 5


def test_inspect_and_validate_know_the_file(protons, pphysml):
    assert pphysml("validate", "track", protons, "--truth").out == "No problem found.\n"
    facts = json.loads(pphysml("inspect", protons, "--json").out)
    assert facts[0]["tasks"]["track"]["gate-hits"] == []


def test_engines_are_evaluated_beside_each_other(protons, track_model, pphysml, tmp_path):
    done = pphysml("evaluate", "track", protons, "--model", track_model, "--engine", "network", "--engine", "perfect", "--json",
                   "--max-entries", 1000, "--set", f"apply.protons_per_frame={SIZE}", "-o", tmp_path / "report")
    assert done.code == 0, done.err
    assert all(engine in done.out for engine in ("network", "perfect")) and (tmp_path / "report" / "report.html").exists()


@pytest.fixture(scope="module")
def detector(protons, tmp_path_factory):
    """The same hits as a detector gives them: frames of 25 protons, without truth, in an order of its own."""
    rows = uproot.open(protons)["Hits"].arrays(library="np")
    rng = np.random.default_rng(0)
    edges = np.searchsorted(rows["eventID"], np.arange(0, 240, SIZE))
    parts = [rng.permutation(np.arange(low, high)) for low, high in zip(edges, [*edges[1:], len(rows["posX"])], strict=True)]
    parts.insert(3, np.zeros(0, dtype=np.int64))
    columns = {"hit_x": "posX", "hit_y": "posY", "hit_z": "posZ", "hit_edep": "edep"}
    path = tmp_path_factory.mktemp("detector") / "frames.root"
    arrays = {name: ak.unflatten(rows[branch][np.concatenate(parts)], [len(p) for p in parts]) for name, branch in columns.items()}
    arrays["temperature"] = ak.Array(20.0 + np.arange(len(parts)))
    with uproot.recreate(path) as file:
        file.mktree("frames", {name: a.type.content for name, a in arrays.items()}).extend(arrays)
    return path


@pytest.mark.parametrize("engine", ENGINES[:-1])
def test_frames_of_a_detector_have_an_entry_each(detector, track, tmp_path, engine):
    tracks, done = track(detector, tmp_path / "out.root", engine, "--beam", "proton:230MeV")
    given = uproot.open(detector)["frames"].arrays()
    assert_consistent(tracks)
    assert len(tracks) == len(given) and tracks["entry"].tolist() == list(range(len(given)))
    assert len(tracks["hit_x"][3]) == len(tracks["score"][3]) == 0
    assert "hit_proton" not in tracks.fields and "n_protons" not in tracks.fields
    for name in ("hit_x", "hit_z", "hit_edep"):
        assert (given[name][tracks["hit_entry"]] == tracks[name]).to_list() == [[True] * n for n in ak.num(tracks[name])]
    assert np.isfinite(flat(tracks, "wepl")).all()
    assert "warning" not in done.err


def test_without_a_known_beam_ranges_are_the_same_and_there_is_no_wepl(detector, track, tmp_path):
    known, _ = track(detector, tmp_path / "known.root", "straight", "--beam", "proton:230MeV")
    unknown, done = track(detector, tmp_path / "unknown.root", "straight")
    inside = flat(known, "flags") & 34 == 0
    np.testing.assert_allclose(flat(unknown, "range")[inside], flat(known, "range")[inside], rtol=1e-5)
    assert np.isnan(flat(unknown, "wepl")).all() and len(uproot.open(tmp_path / "unknown.root")["wepl"].arrays()) == 0
    assert "the beam is not known" in done.err and "--beam" in done.err


@pytest.mark.parametrize("verb", [("track", "--engine", "straight"), ("validate", "track"), ("evaluate", "track", "--engine", "straight")])
def test_options_for_steps_alone_are_refused_for_frames_where_the_user_states_them(detector, pphysml, tmp_path, verb):
    out = ("-o", tmp_path / "out") if verb[0] != "validate" else ()
    for option, name in ((("--protons-per-frame", 100), "apply.protons_per_frame"), (("--sort",), "apply.sort"), (("--set", "apply.last_frame=drop"), "apply.last_frame")):
        done = pphysml(*verb, detector, *option, *out)
        assert done.code == 2 and done.err.startswith(f"pphysml: error: {name}: the input has readout frames (layout 'frames')"), done.err
    # A whole configuration states nothing by having all; what it has of its own it states.
    whole = tmp_path / "whole.yaml"
    whole.write_text(pphysml("config", "track", "show").out)
    assert pphysml(*verb, detector, "-c", whole, *out).code == 0
    whole.write_text(whole.read_text().replace("protons_per_frame: 100", "protons_per_frame: 50"))
    assert "apply.protons_per_frame" in pphysml(*verb, detector, "-c", whole, *out, *(("--force",) if out else ())).err


def test_frames_carry_branches_and_have_no_perfect_tracks(detector, pphysml, tmp_path):
    done = pphysml("track", detector, "-o", tmp_path / "out.root", "--engine", "straight", "--keep", "temperature")
    assert done.code == 0, done.err
    assert uproot.open(tmp_path / "out.root")["tracks/temperature"].array().tolist() == [20.0 + k for k in range(11)]
    done = pphysml("track", detector, "-o", tmp_path / "none.root", "--engine", "perfect")
    assert done.code == 3 and "truth" in done.err and not (tmp_path / "none.root").exists()
    done = pphysml("evaluate", "track", detector, "--engine", "straight")
    assert done.code == 0, done.err
