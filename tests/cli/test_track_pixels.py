"""Fired pixels of a real readout, from the file to tracks, by every verb that reads."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from scipy.spatial import cKDTree

from pphysml.tasks.track.reading.clusters.hits import SCALE

SIZE = 25
PITCH, EDGE = np.array([0.02938, 0.02707]), np.array([270.8, 166.3]) / 2
"""Of the sensors of `dtc`."""


def flat(tracks, name):
    return ak.to_numpy(ak.flatten(tracks[name]))


def fired(rows):
    """Return frame, layer, column and row of the pixels that steps in `dtc` fire, each a disc around its own."""
    layer = np.where(rows["baseID"] == 0, rows["level1ID"], rows["level2ID"] + 2)
    place = (np.stack([rows["posX"], rows["posY"]], 1) + EDGE) / PITCH
    own = np.floor(place).astype(int)
    step = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 2, indexing="ij"), -1).reshape(-1, 2)
    radius = np.sqrt(SCALE * (rows["edep"] / 0.025) ** 0.65 / np.pi)
    near = np.hypot(*np.moveaxis(own[:, None] + step + 0.5 - place[:, None], -1, 0)) < radius[:, None]
    near |= (step == 0).all(1)
    hit, which = np.nonzero(near)
    frame = np.unique(rows["eventID"], return_inverse=True)[1] // SIZE
    return np.unique(np.column_stack([frame[hit], layer[hit], own[hit] + step[which]]), axis=0)


@pytest.fixture(scope="module")
def pixels(protons, tmp_path_factory):
    """The hits of a file as the pixels that fire."""
    path = tmp_path_factory.mktemp("pixels") / "pixels.root"
    found = fired(uproot.open(protons)["Hits"].arrays(library="np"))
    with uproot.recreate(path) as file:
        columns = dict(zip(("frame", "layer", "column", "row"), found.T.astype(np.int32), strict=True))
        file.mktree("pixels", {name: "int32" for name in columns}).extend(columns)
    return path


@pytest.fixture
def tracked(pphysml, tmp_path, pixels):
    """Make tracks of the pixels, and return them read back."""
    def call(*options):
        done = pphysml("track", pixels, "-o", tmp_path / "out.root", "--force", "--engine", "follower", "--geometry", "dtc", "--beam", "proton:230MeV", *options)
        assert done.code == 0, done.err
        return uproot.open(tmp_path / "out.root")["tracks"].arrays(), done

    return call


def test_pixels_make_the_tracks_of_the_steps_that_fired_them(tracked, pphysml, protons, tmp_path):
    found, done = tracked("--json")
    assert "fired pixels" in done.out
    assert pphysml("track", protons, "-o", tmp_path / "steps.root", "--engine", "follower", "--geometry", "dtc", "--protons-per-frame", SIZE).code == 0
    steps = uproot.open(tmp_path / "steps.root")["tracks"].arrays()
    assert abs(len(flat(found, "hit_x")) / len(flat(steps, "hit_x")) - 1) < 0.05
    assert abs(ak.sum(found["n_hits_of_track"] > 9) / ak.sum(steps["n_hits_of_track"] > 9) - 1) < 0.1
    for one, other in zip(found[:3], steps[:3], strict=True):
        place, true = (np.column_stack([frame[f"hit_{name}"] for name in ("layer", "x", "y")]) for frame in (one, other))
        distance, _ = cKDTree(true).query(place)
        assert np.median(distance) < 0.01 and np.mean(distance < 0.03) > 0.95
    assert np.isfinite(flat(found, "wepl")).mean() > 0.8


def test_blocks_of_the_file_do_not_change_the_frames(tracked, pixels):
    whole, _ = tracked()
    parts, _ = tracked("--set", "apply.block_size=700")
    for name in ("frame", "hit_entry", "hit_x", "hit_edep", "hit_previous"):
        assert whole[name].tolist() == parts[name].tolist(), name
    assert len(whole) > 5
    rows = uproot.open(pixels)["pixels"].arrays(library="np")
    assert np.array_equal(rows["layer"][flat(whole, "hit_entry")], flat(whole, "hit_layer"))
    assert whole["frame"].tolist() == np.unique(rows["frame"]).tolist()


def test_a_map_of_pixels_is_given_by_its_flag(tracked, tmp_path):
    (tmp_path / "mask.csv").write_text("layer,column,row,kind\n4-5,*,*,hot\n")
    found, _ = tracked("--pixel-mask", tmp_path / "mask.csv")
    layers = set(flat(found, "hit_layer"))
    assert {3, 6} < layers and not {4, 5} & layers


@pytest.mark.parametrize("verb", [("track",), ("validate", "track")])
@pytest.mark.parametrize("options, words", [
    ((), "--geometry"),
    (("--geometry", "dtc-3mm"), "give another --geometry"),
    (("--geometry", "dtc", "--pixel-mask", "MASK"), "mask.csv, line 2: kind 'hott' is neither"),
])
def test_what_pixels_lack_is_said(pphysml, pixels, tmp_path, verb, options, words):
    (tmp_path / "mask.csv").write_text("layer,column,row,kind\n1,2,3,hott\n")
    options = [tmp_path / "mask.csv" if option == "MASK" else option for option in options]
    if "dtc-3mm" in options:
        with uproot.recreate(tmp_path / "far.root") as file:
            file.mktree("pixels", {name: "int32" for name in ("frame", "layer", "column", "row")}).extend(
                {name: np.array([value], dtype=np.int32) for name, value in (("frame", 0), ("layer", 199), ("column", 1), ("row", 1))})
        pixels = tmp_path / "far.root"
    done = pphysml(*verb, pixels, *options, *(("--engine", "follower", "-o", tmp_path / "out.root") if verb == ("track",) else ()))
    assert done.code in (2, 3) and words in done.out + done.err, done.out + done.err


def test_other_verbs_know_pixels(pphysml, pixels, tmp_path):
    assert "pixels" in pphysml("inspect", pixels).out
    assert pphysml("validate", "track", pixels, "--geometry", "dtc").code == 0
    done = pphysml("evaluate", "track", pixels, "--engine", "follower", "--geometry", "dtc", "-o", tmp_path / "report")
    assert done.code == 0, done.err
    done = pphysml("export", "track", pixels, "--format", "pyg", "--geometry", "dtc", "-o", tmp_path / "graphs")
    assert done.code == 0, done.err
    done = pphysml("track", pixels, "-o", tmp_path / "out.root", "--engine", "follower", "--geometry", "dtc", "--keep", "frame")
    assert done.code == 2 and "hit_entry" in done.err
