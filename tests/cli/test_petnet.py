"""`pphysml petnet` from files to files: the branches of GATE, hits, scanners, and what no option may change."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot

sys.path.append(str(Path(__file__).parent))
from petnet_files import COUNTERS, IDS, hits_of, in_gate10, one_per_crystal, read, selected, write

SORT = ("--engine", "classical", "-q")

TABLE = {
    "eventID": "int32_t", "sourceID": "int32_t", "sourcePosX": "float", "sourcePosY": "float", "sourcePosZ": "float", "time": "double", "energy": "float",
    "globalPosX": "float", "globalPosY": "float", "globalPosZ": "float", "gantryID": "int32_t", "rsectorID": "int32_t", "moduleID": "int32_t",
    "submoduleID": "int32_t", "crystalID": "int32_t", "layerID": "int32_t", "comptonPhantom": "int32_t", "comptonCrystal": "int32_t",
    "RayleighPhantom": "int32_t", "RayleighCrystal": "int32_t", "photonID": "int32_t",
}
"""What GATE's tree of coincidences has of each single."""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A file of singles."""
    from pphysml_cli.main import main

    path = tmp_path_factory.mktemp("petnet") / "singles.root"
    assert main(["simulate", "petnet", "--preset", "mouse-500", "-n", "30000", "--seed", "3", "-q", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def rows(source):
    """Its columns."""
    return read(source, "Singles")


@pytest.fixture
def sort(pphysml, tmp_path):
    """Return the coincidences of files, or the delayed ones."""
    def call(*arguments, tree="Coincidences", warned=""):
        done = pphysml("petnet", *arguments, *SORT, "-o", tmp_path / "sorted.root", "--force")
        assert done.code == 0, done.err
        assert warned in done.out, done.out
        return read(tmp_path / "sorted.root", tree)

    return call


def same(a, b, but=()):
    assert set(a) == set(b)
    for name in set(a) - set(but):
        assert a[name].dtype == b[name].dtype
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_branches_have_the_names_and_types_of_gate(sort, source, rows, tmp_path):
    found = sort(source)
    with uproot.open(tmp_path / "sorted.root") as file:
        assert {key.split(";")[0] for key in file.keys(recursive=False)} == {"Coincidences", "pphysml"}
        types = file["Coincidences"].typenames()
    expected = {f"{name}{k}": kind for name, kind in TABLE.items() for k in (1, 2)}
    ours = {"sinogramTheta": "float", "sinogramS": "float", "score": "float", "multiplicity": "int32_t",
            "file1": "int32_t", "file2": "int32_t", "entry1": "int64_t", "entry2": "int64_t"}
    assert types == {"runID": "int32_t", **expected, **ours}
    assert len(found["time1"]) > 100
    for k in (1, 2):
        for name in TABLE:
            np.testing.assert_array_equal(found[f"{name}{k}"], rows[name][found[f"entry{k}"]], err_msg=name)
    lag = found["time2"] - found["time1"]
    assert lag.min() >= 0 and lag.max() <= 500e-12 * (1 + 1e-3)
    energies = np.concatenate([found["energy1"], found["energy2"]])
    assert energies.min() >= np.float32(0.391) and energies.max() <= np.float32(0.601)


def test_what_the_input_lacks_is_not_made_up(sort, rows, tmp_path):
    bare = write(tmp_path / "bare.root", {name: rows[name] for name in ("time", "energy", "globalPosX", "globalPosY", "globalPosZ")})
    found = sort(bare)
    assert set(found) == {f"{name}{k}" for name in ("time", "energy", "globalPosX", "globalPosY", "globalPosZ", "file", "entry") for k in (1, 2)} | {
        "sinogramTheta", "sinogramS", "score", "multiplicity"}
    moved = {**rows, "axialPos": np.full(len(rows["time"]), 3, np.float32), "rotationAngle": np.full(len(rows["time"]), 7, np.float32)}
    found = sort(write(tmp_path / "moved.root", moved))
    assert set(found["axialPos"]) == {3} and set(found["rotationAngle"]) == {7}


def test_delayed_pairs_have_a_tree_of_their_own(sort, source):
    prompt, late = sort(source), sort(source, "--delayed", "100ns", tree="delay")
    assert set(late) == set(prompt) and len(late["time1"]) > 5
    lag = late["time2"] - late["time1"]
    assert lag.min() >= 99.9e-9 and lag.max() <= 100.6e-9
    same(prompt, sort(source, "--delayed", "100ns"))


@pytest.mark.parametrize("options", [("apply.block_size=977",), ("apply.block_size=5000", "apply.sort_buffer=50"), ("apply.sort=full",), ("apply.slice_singles=20",)])
@pytest.mark.parametrize("tree", ["Coincidences", "delay"])
def test_how_much_is_read_at_a_time_changes_nothing(sort, source, options, tree):
    delayed = ("--delayed", "100ns")
    changed = [part for option in options for part in ("--set", option)]
    whole, parts = sort(source, *delayed, tree=tree), sort(source, *delayed, *changed, tree=tree)
    order = [np.lexsort((c["entry2"], c["entry1"])) for c in (whole, parts)]
    same(selected(whole, order[0]), selected(parts, order[1]))


def test_branches_are_kept_of_both_singles(sort, rows, tmp_path, pphysml):
    n = len(rows["time"])
    path = write(tmp_path / "a.root", {**rows, "septalNb": np.arange(n, dtype=np.int32), "volumeID": np.arange(10 * n, dtype=np.int32).reshape(n, 10)})
    found = sort(path, "--keep", "septalNb", "--keep", "volumeID")
    for k in (1, 2):
        np.testing.assert_array_equal(found[f"septalNb{k}"], found[f"entry{k}"])
        np.testing.assert_array_equal(found[f"volumeID{k}"][:, 3], 10 * found[f"entry{k}"] + 3)
    twice = pphysml("petnet", path, *SORT, "--keep", "energy", "-o", tmp_path / "out.root")
    assert twice.code == 2 and "energy1" in twice.err and not (tmp_path / "out.root").exists()


def test_hits_become_the_singles_of_which_they_are_parts(sort, rows, tmp_path):
    singles = one_per_crystal(rows)
    direct = sort(write(tmp_path / "singles.root", singles))
    hits = write(tmp_path / "hits.root", hits_of(singles), tree="Hits")
    found = sort(hits, warned="the input holds hits, which were made singles, with perfect energy and time")
    assert len(found["time1"]) == len(direct["time1"]) > 100
    assert "sourcePosX1" not in found and "comptonCrystal1" not in found
    for name in ("time", "eventID", "sourceID", *IDS, *COUNTERS):
        for k in (1, 2):
            np.testing.assert_array_equal(found[f"{name}{k}"], direct[f"{name}{k}"], err_msg=name)
    for name in ("energy", "globalPosX", "globalPosY", "globalPosZ"):
        np.testing.assert_allclose(found[f"{name}1"], direct[f"{name}1"], rtol=1e-5)
    same(found, sort(hits, "--set", "apply.block_size=333"))
    entry = read(hits, "Hits")["eventID"][found["entry2"]]
    np.testing.assert_array_equal(entry, found["eventID2"])


def test_the_digitizer_has_its_resolutions_and_dead_time(sort, rows, tmp_path):
    hits = write(tmp_path / "hits.root", hits_of(one_per_crystal(rows)), tree="Hits")
    wide = ("--energy-window", "1:2000")
    whole = sort(hits, *wide)
    blurred = sort(hits, *wide, "--set", "apply.digitizer.energy_resolution=0.13", "--set", "apply.digitizer.time_resolution=200ps")
    assert len(blurred["time1"]) > 0 and not set(blurred["energy1"]) & set(whole["energy1"])
    dead = ("--set", "apply.digitizer.dead_time=200", "--set", "apply.digitizer.dead_time_volume=rsector")
    alive = sort(hits, *wide, *dead)
    assert 0 < len(alive["time1"]) < 0.95 * len(whole["time1"])
    for sector in range(3):
        time = np.unique(np.concatenate([alive[f"time{k}"][alive[f"rsectorID{k}"] == sector] for k in (1, 2)]))
        assert len(time) > 5 and np.diff(time).min() >= 200e-9
    # A single outside the energy window is dead time too.
    few = sort(hits, "--energy-window", "500:520", *dead)
    both = [(alive[f"energy{k}"] >= np.float32(0.5)) & (alive[f"energy{k}"] <= np.float32(0.52)) for k in (1, 2)]
    kept = set(alive["entry1"][both[0] & both[1]])
    assert set(few["entry1"]) <= set(alive["entry1"]) | set(alive["entry2"]) and kept <= set(few["entry1"])
    same(alive, sort(hits, *wide, *dead, "--set", "apply.block_size=500"))


def test_gate10_singles_and_hits(sort, rows, tmp_path, pphysml):
    singles = one_per_crystal(rows)
    ids = [f"{name}{k}" for name in IDS for k in (1, 2)]
    plain = sort(write(tmp_path / "nine.root", {name: singles[name] for name in ("runID", "eventID", "time", "energy", "globalPosX", "globalPosY", "globalPosZ")}))
    path = write(tmp_path / "ten.root", in_gate10(singles, "energy", "globalPos"))
    ten = sort(path, warned="the output has no ids (rsectorID ... crystalID): what the copy numbers in the names of volumes are, as 'crystal_rep-0_")
    # Times went to nanoseconds and back.
    same(plain, ten, but=("time1", "time2"))
    np.testing.assert_allclose(ten["time1"], plain["time1"], rtol=1e-15)
    assert not set(ids) & set(ten)
    levels = ("--set", "apply.volume_levels=[crystal,submodule,module,rsector]")
    named, located = sort(path, *levels), sort(path, "--scanner", "safir")
    assert set(ids) <= set(located) and set(ids) - {"layerID1", "layerID2"} <= set(named)
    for name in set(ids) & set(named):
        np.testing.assert_array_equal(named[name], located[name])
    hits = write(tmp_path / "hits.root", in_gate10(hits_of(singles), "edep", "pos"), tree="Hits")
    of_hits = sort(hits, warned="holds hits")
    np.testing.assert_array_equal(of_hits["eventID2"], ten["eventID2"])
    np.testing.assert_allclose(of_hits["energy1"], ten["energy1"], rtol=1e-5)
    layouts = {"ten.root": "gate10-singles", "hits.root": "gate10-hits", "nine.root": "gate9-singles"}
    for name, layout in layouts.items():
        dry = pphysml("petnet", tmp_path / name, *SORT, "--dry-run", "-o", tmp_path / "dry.root")
        assert dry.code == 0 and layout in dry.out


@pytest.mark.parametrize("gate", [9, 10])
def test_singles_are_read_where_there_are_hits_too(pphysml, rows, tmp_path, gate):
    singles = one_per_crystal(rows)
    trees = {"Hits": hits_of(singles), "Singles": singles}
    if gate == 10:
        trees = {"Hits": in_gate10(trees["Hits"], "edep", "pos"), "Singles": in_gate10(singles, "energy", "globalPos")}
    path = tmp_path / "both.root"
    write(path, trees)
    for options, layout in (((), f"gate{gate}-singles"), (("--tree", "Hits"), f"gate{gate}-hits"), (("--tree", "Singles"), f"gate{gate}-singles")):
        dry = pphysml("petnet", path, *SORT, "--dry-run", "-o", tmp_path / "out.root", *options)
        assert dry.code == 0 and layout in dry.out


def test_a_scanner_gives_ids_by_position(sort, source, rows, tmp_path):
    bare = write(tmp_path / "bare.root", {name: values for name, values in rows.items() if name not in IDS})
    cut = ("--set", "apply.classical.min_sector_difference=3")
    same(sort(source), sort(bare, "--scanner", "safir"), but=("gantryID1", "gantryID2"))
    with_ids, made = sort(source, *cut), sort(bare, "--scanner", "safir", *cut)
    same(with_ids, made)
    assert 0 < len(made["time1"]) < len(sort(source)["time1"])
    header = (tmp_path / "sorted.hroot").read_text()
    assert "name of data file := sorted.root" in header and "low energy window (keV) := 391" in header
    some = write(tmp_path / "some.root", {name: values for name, values in rows.items() if name not in ("crystalID", "layerID")})
    same(sort(source), sort(some, "--scanner", "safir"))


def test_singles_outside_the_scanner_are_counted_and_left_out(sort, rows, tmp_path):
    moved = {name: values.copy() for name, values in rows.items() if name not in IDS}
    moved["globalPosZ"][[7, 20]] = 500.0
    path = write(tmp_path / "moved.root", moved)
    found = sort(path, "--scanner", "safir", warned=f"2 of {len(rows['time'])} singles lie in no crystal of the scanner 'safir'")
    assert not {7, 20} & {*found["entry1"], *found["entry2"]} and found["rsectorID1"].min() >= 0
    warning = f"entry 7 of {path} at"
    sort(path, "--scanner", "safir", "--set", "apply.block_size=11", warned=warning)


def test_ids_that_are_not_the_scanners_are_said(sort, rows, tmp_path):
    turned = {**rows, "rsectorID": (rows["rsectorID"] + 3) % 12}
    found = sort(write(tmp_path / "turned.root", turned), "--scanner", "safir", warned="do not lie where the scanner 'safir' has the crystal that their ids name")
    np.testing.assert_array_equal(found["rsectorID1"], turned["rsectorID"][found["entry1"]])


def test_no_header_for_a_ring_that_stir_cannot_read(sort, source, rows, tmp_path):
    ring = tmp_path / "odd.yaml"
    ring.write_text("name: odd\nradius: 61.6\nrsectors: 11\ncrystals: [15, 8]\nmodules: [1, 3]\ncrystal_pitch: [2.2, 2.2]\ncrystal_size: [2.12, 2.12, 13.0]\n")
    sort(source, "--scanner", ring, warned="no header for STIR is written")
    assert not (tmp_path / "sorted.hroot").exists()


def test_files_go_on_or_begin_anew(sort, rows, tmp_path):
    half = len(rows["time"]) // 2
    first, second = (write(tmp_path / f"{k}.root", selected(rows, part)) for k, part in enumerate((slice(0, half), slice(half, None))))
    whole = write(tmp_path / "whole.root", rows)
    parts = sort(first, second, warned="2 files were read as successive parts of one acquisition, by the times with which they begin")
    same(sort(whole), parts, but=("file1", "file2", "entry1", "entry2"))
    again = sort(first, first, warned="2 files were read as acquisitions of their own")
    alone = sort(first)
    assert len(again["time1"]) == 2 * len(alone["time1"]) and (again["file1"] == again["file2"]).all()
    sort(first, second, "--files", "independent", warned="acquisitions of their own, each of which begins anew in time")
    full = sort(first, second, "--sort", "full", warned="successive parts of one acquisition")
    same(parts, full)


@pytest.fixture
def parts(rows, tmp_path):
    """Return a function that writes parts of the singles, by shares of the file, and returns their paths."""
    def make(*shares):
        n = len(rows["time"])
        return [write(tmp_path / f"part{k}.root", selected(rows, slice(int(a * n), int(b * n)))) for k, (a, b) in enumerate(shares)]

    return make


def test_files_that_overlap_in_time_are_said(sort, parts):
    first, second, third = parts((0, 0.5), (0.4, 1), (0.5, 1))
    for order in ((first, second), (second, first)):
        for options in ((), ("--sort", "full"), ("--set", "apply.block_size=999")):
            sort(*order, "--files", "successive", *options, warned=f"the singles of {first} (")
            sort(*order, "--files", "successive", *options, warned="overlap in time: they were paired with each other")
    sort(first, second, warned="overlap in time")
    sort(first, second, third, "--files", "successive", warned="(and 1 more of such)")


def test_files_in_another_order_than_that_of_time_are_said(sort, source, parts):
    first, second = parts((0, 0.5), (0.5, 1))
    turned = sort(second, first, "--files", "successive", warned="which were given behind them: all were put in the order of time")
    straight = sort(first, second, "--files", "successive")
    for name in ("time1", "time2", "energy2", "eventID1"):
        np.testing.assert_array_equal(turned[name], straight[name])
    sort(second, first, warned="without pairs of both; if they are parts of one, give them in the order of time")


@pytest.mark.parametrize(("shares", "options"), [
    (((0, 0.5), (0.5, 1)), ()), (((0, 0.5), (0.5, 1)), ("--files", "successive")), (((0, 1), (0, 1)), ()),
    (((0.5, 1), (0, 0.5)), ("--files", "independent")), (((0, 0.5), (0.4, 1)), ("--files", "independent"))])
def test_files_as_they_should_be_are_not_reporting(pphysml, parts, tmp_path, shares, options):
    done = pphysml("petnet", *parts(*shares), *SORT, *options, "-o", tmp_path / "out.root")
    assert done.code == 0 and "overlap" not in done.out and "given behind" not in done.out


def test_a_file_that_comes_too_late_is_not_taken_for_disorder_inside(pphysml, parts, tmp_path):
    first, second = parts((0, 0.5), (0.5, 1))
    done = pphysml("petnet", second, first, *SORT, "--files", "successive", "--set", "apply.sort_buffer=100", "-o", tmp_path / "out.root")
    assert done.code == 3 and "give the files in the order of time" in done.err and "--files independent" in done.err


def test_the_summary_tells_singles_resolution_and_randoms(pphysml, rows, source, tmp_path):
    def summary(*options):
        done = pphysml("petnet", source, *options, "-q", "--json", "--force", "-o", tmp_path / "out.root")
        assert done.code == 0, done.err
        return json.loads(done.out)

    inside = (rows["energy"] >= np.float32(0.391)) & (rows["energy"] <= np.float32(0.601))
    plain, late = summary("--engine", "classical"), summary("--engine", "classical", "--delayed", "100ns", "--set", "apply.block_size=999")
    assert plain["singles_in_energy_window"] == late["singles_in_energy_window"] == inside.sum()
    assert late["estimated_randoms"] == len(read(tmp_path / "out.root", "delay")["time1"]) > 0
    assert not {"estimated_randoms", "time_difference_sd_ps"} & set(plain)
    # The simulation's detectors have 250 / 2.355 = 106 ps; the file is small.
    assert 50 < summary("--engine", "likelihood")["time_difference_sd_ps"] < 200


def test_unscattered_pairs_are_asked_for_by_a_flag(pphysml, tmp_path):
    # Enough pairs to learn from which are scattered.
    source = tmp_path / "mouse.root"
    assert pphysml("simulate", "petnet", "--preset", "mouse-500", "-n", 400_000, "--seed", "3", "-o", source).code == 0
    names = ("comptonPhantom1", "comptonPhantom2", "RayleighPhantom1", "RayleighPhantom2")
    shares = []
    for target in ("all", "unscattered"):
        done = pphysml("petnet", source, "--target", target, "--window", "600ps", "-o", tmp_path / f"{target}.root")
        assert done.code == 0, done.err
        pairs = read(tmp_path / f"{target}.root", "Coincidences")
        true = pairs["eventID1"] == pairs["eventID2"]
        shares.append(np.any([pairs[name][true] > 0 for name in names], axis=0).mean())
    assert shares[1] < 0.9 * shares[0]
    done = pphysml("petnet", source, "--engine", "classical", "--target", "unscattered", "-o", tmp_path / "classical.root")
    assert done.code == 0 and "--target) has no effect" in done.out


def test_an_unknown_target_is_refused_with_those_there_are(pphysml, tmp_path, source):
    done = pphysml("petnet", source, "--target", "scattered", "-o", tmp_path / "x.root")
    assert done.code == 2 and "unscattered" in done.err
    assert not (tmp_path / "x.root").exists()


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_numbers_of_events_beyond_32_bits_are_kept(sort, pphysml, rows, tmp_path, kind):
    plain = sort(write(tmp_path / "plain.root", rows))
    large = {**rows, "eventID": np.where(rows["eventID"] < 0, -1, rows["eventID"].astype(np.int64) + 2**40).astype(kind)}
    found = sort(write(tmp_path / "large.root", large))
    same(plain, found, but=("eventID1", "eventID2"))
    for name in ("eventID1", "eventID2"):
        assert found[name].dtype == np.int64
        np.testing.assert_array_equal(found[name], np.where(plain[name] < 0, -1, plain[name].astype(np.int64) + 2**40))
    # Of several files, one is enough, and numbers of 64 bits that need only 32 are written as GATE does.
    both = sort(tmp_path / "plain.root", tmp_path / "large.root")
    assert both["eventID1"].dtype == np.int64 and both["eventID1"].max() >= 2**40 and len(both["eventID1"]) == 2 * len(found["eventID1"])
    same(plain, sort(write(tmp_path / "small.root", {**rows, "eventID": rows["eventID"].astype(kind)})))
    judged = [json.loads(pphysml("evaluate", "petnet", tmp_path / f"{name}.root", *SORT, "--json").out) for name in ("plain", "large")]
    assert judged[0]["classical"]["metrics"] == judged[1]["classical"]["metrics"]


def test_the_number_of_the_system_is_carried(sort, rows, tmp_path):
    system = (rows["rsectorID"] % 2).astype(np.int32)
    found = sort(write(tmp_path / "systems.root", {**rows, "systemID": system}))
    for k in (1, 2):
        np.testing.assert_array_equal(found[f"systemID{k}"], system[found[f"entry{k}"]])


@pytest.mark.parametrize("options", [(), ("--sort", "full"), ("--set", "apply.block_size=777", "--delayed", "20ns")])
def test_texts_are_carried_over_or_said(sort, rows, tmp_path, options):
    names = ["NULL", "", "phantom", "crystal_of_a_long_name", "Größe"]
    which = np.random.default_rng(8).integers(0, 5, len(rows["time"]))
    which[:900] = 0  # blocks have texts of other lengths
    path = write(tmp_path / "texts.root", {**rows, "comptVolName": [names[k] for k in which], "septal": [names[k] for k in which[::-1]]})
    plain = sort(path, *options, warned="comptVolName (--keep carries a branch over)")
    assert not any(name.startswith("compt") and "Vol" in name for name in plain)
    kept = sort(path, *options, "--keep", "comptVolName", "--keep", "septal")
    same({name: values for name, values in kept.items() if name in plain}, plain)
    for k in (1, 2):
        entry = kept[f"entry{k}"]
        assert list(kept[f"comptVolName{k}"]) == [names[which[e]] for e in entry]
        assert list(kept[f"septal{k}"]) == [names[which[::-1][e]] for e in entry]


def test_texts_that_are_too_long_are_refused(pphysml, rows, tmp_path):
    few = selected(rows, slice(0, 50))
    path = write(tmp_path / "long.root", {**few, "story": ["x" * 1001] * 50})
    done = pphysml("petnet", path, *SORT, "--keep", "story", "-o", tmp_path / "out.root")
    assert done.code == 2 and "--keep story: has a text of 1001 letters" in done.err
